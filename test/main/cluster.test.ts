import assert from "node:assert/strict";
import { afterEach, describe, test } from "node:test";
import { addedMemberId } from "../../src/main/config/member-id.js";
import { clusterMethods } from "../../src/main/services/cluster.js";
import { ErrorCode, errorFacts } from "../../src/shared/errors.js";
import {
  type Member,
  MemberAddRequest,
  MemberAddResponse,
  MemberListRequest,
  MemberListResponse,
  MemberPromoteRequest,
  MemberRemoveRequest,
  MemberUpdateRequest,
} from "../../src/shared/gen/etcdserverpb/rpc.js";
import { ConfChangeType } from "../../src/shared/messages/conf-change.js";
import { ASK_LEADER, PeerAsk, sendAnswer } from "../../src/shared/messages/peer-ask.js";
import { RaftToMain } from "../../src/shared/messages/raft-to-main.js";
import { BoardSlot } from "../../src/shared/status-board.js";
import type { FakeCall } from "../transport/fake-call.js";
import { ClusterRig, type ClusterRigOptions, idsOf } from "./support/cluster-rig.js";
import { member } from "./support/frontend-rig.js";

const THREE = [member(1n), member(2n), member(3n)];

let rig: ClusterRig;
afterEach(() => rig.stop());

function open(options: ClusterRigOptions) {
  rig = new ClusterRig(options);
  const methods = clusterMethods(rig.context);
  return {
    add: (peerURLs: string[], isLearner = false): FakeCall =>
      rig.call(methods, "MemberAdd", MemberAddRequest.encode({ peerURLs, isLearner }).finish()),
    remove: (ID: bigint): FakeCall =>
      rig.call(methods, "MemberRemove", MemberRemoveRequest.encode({ ID }).finish()),
    update: (ID: bigint, peerURLs: string[]): FakeCall =>
      rig.call(methods, "MemberUpdate", MemberUpdateRequest.encode({ ID, peerURLs }).finish()),
    promote: (ID: bigint): FakeCall =>
      rig.call(methods, "MemberPromote", MemberPromoteRequest.encode({ ID }).finish()),
    list: (linearizable: boolean): FakeCall =>
      rig.call(methods, "MemberList", MemberListRequest.encode({ linearizable }).finish()),
  };
}

function listBody(members: Member[]): Uint8Array {
  return MemberListResponse.encode({ header: undefined, members }).finish();
}

async function failure(call: FakeCall): Promise<string | undefined> {
  await rig.ended(call);
  return call.failure?.message;
}

function text(code: ErrorCode): string {
  return errorFacts(code).message;
}

describe("MemberAdd", () => {
  test("CL-03 refuses what are no peer URLs, before anything else", async () => {
    const { add } = open({ members: THREE });
    const bad = [
      [],
      [""],
      ["127.0.0.1:2380"],
      ["ftp://127.0.0.1:2380"],
      ["http://127.0.0.1"],
      ["http://127.0.0.1:2380/path"],
      ["http://a:1,http://b:2"],
      ["http://127.0.0.1:2380", "http://[::1"],
    ];
    for (const urls of bad) {
      assert.equal(await failure(add(urls)), text(ErrorCode.badMemberUrls), urls.join());
    }
  });

  test("CL-03 proposes a member of its own id, and answers with it and the new list", async () => {
    const { add } = open({ members: [member(1n)] });
    const urls = ["http://b:2380", "http://a:2380"];
    const before = Math.floor(Date.now() / 1000);
    const call = add(urls);
    const { change, requestId } = await rig.proposed();
    assert.equal(change.type, ConfChangeType.addVoter);
    assert.deepEqual(change.member.peerURLs, ["http://a:2380", "http://b:2380"]);
    const seconds = Array.from({ length: 60 }, (_, at) => before + at);
    const ids = seconds.map((second) => addedMemberId(urls, second));
    assert.ok(ids.includes(change.member.ID));
    rig.result(requestId, 0, listBody([member(1n), change.member]));
    await rig.ended(call);
    const { header, member: added, members } = MemberAddResponse.decode(call.sent[0]!);
    assert.deepEqual([header?.revision, header?.memberId, header?.raftTerm], [0n, 1n, 3n]);
    assert.deepEqual(added, change.member);
    assert.equal(members.length, 2);
  });

  test("CL-05 CL-06 is refused by the strict check, unless that is off", async () => {
    const strict = open({ members: [...THREE.slice(0, 2), member(3n, { name: "" })] });
    assert.equal(await failure(strict.add(["http://a:1"])), text(ErrorCode.notEnoughStarted));
    assert.equal(await failure(strict.add(["http://a:1"], true)), text(ErrorCode.unhealthy));
    await rig.stop();
    const loose = open({ members: THREE, strictReconfigCheck: false });
    loose.add(["http://a:1"], true);
    assert.equal((await rig.proposed()).change.type, ConfChangeType.addLearner);
  });

  test("CL-04 passes on how the log has refused it", async () => {
    const { add } = open({ members: [member(1n)] });
    const call = add(["http://a:1"]);
    rig.result((await rig.proposed()).requestId, ErrorCode.peerUrlExists);
    assert.equal(await failure(call), text(ErrorCode.peerUrlExists));
  });

  test("CL-13 waits as long as its client, and no longer", async () => {
    const { add } = open({ members: [member(1n)], requestTimeoutMs: 1 });
    const call = add(["http://a:1"]);
    await rig.proposed();
    // Something that was proposed later and has a timeout shows that time has passed.
    const codes: number[] = [];
    rig.frontend.propose(1, Buffer.from("x"), (code) => codes.push(code));
    await rig.until(() => codes.length > 0, "the timeout of another proposal");
    assert.equal(call.ended, false);
    assert.equal(rig.frontend.pendingCount, 1);
    call.cancel();
    assert.equal(rig.frontend.pendingCount, 0);
  });
});

describe("MemberRemove and MemberUpdate", () => {
  test("CL-07 propose, and answer with the new list", async () => {
    const { remove } = open({ members: THREE });
    rig.connected(2n);
    rig.connected(3n);
    const call = remove(3n);
    const { change, requestId } = await rig.proposed();
    assert.deepEqual([change.type, change.member.ID], [ConfChangeType.remove, 3n]);
    rig.result(requestId, 0, listBody(THREE.slice(0, 2)));
    await rig.ended(call);
    const { header, members } = MemberListResponse.decode(call.sent[0]!);
    assert.equal(header?.revision, 0n);
    assert.deepEqual(idsOf(members), [1, 2]);
  });

  test("CL-07 the only voter does not remove itself; an unknown id is left to the log", async () => {
    const { remove } = open({ members: [member(1n)] });
    assert.equal(await failure(remove(1n)), text(ErrorCode.notEnoughStarted));
    const call = remove(77n);
    rig.result((await rig.proposed()).requestId, ErrorCode.memberNotFound);
    assert.equal(await failure(call), text(ErrorCode.memberNotFound));
  });

  test("CL-08 an update takes URLs as they come", async () => {
    const { update } = open({ members: THREE });
    update(2n, ["what is this"]);
    const { change } = await rig.proposed();
    assert.equal(change.type, ConfChangeType.update);
    assert.deepEqual(change.member, member(2n, { name: "", peerURLs: ["what is this"] }));
  });
});

describe("MemberPromote", () => {
  const withLearner = [member(1n), member(2n, { isLearner: true })];

  test("CL-09 the leader looks how far the learner is", async () => {
    const { promote } = open({ members: withLearner });
    rig.board.set(BoardSlot.lastIndex, 1000);
    rig.connected(2n, 800);
    assert.equal(await failure(promote(2n)), text(ErrorCode.learnerNotReady));
    assert.equal(await failure(promote(3n)), text(ErrorCode.memberNotFound));
    rig.peers = [];
    rig.connected(2n, 950);
    const call = promote(2n);
    const { change, requestId } = await rig.proposed();
    assert.deepEqual([change.type, change.member.ID], [ConfChangeType.promote, 2n]);
    rig.result(requestId, 0, listBody([member(1n), member(2n)]));
    await rig.ended(call);
    assert.deepEqual(idsOf(MemberListResponse.decode(call.sent[0]!).members), [1, 2]);
  });

  test("CL-09 a follower asks the leader, until there is one, and passes its answer on", async () => {
    const { promote } = open({ members: withLearner });
    rig.leader(3n);
    const call = promote(2n);
    const answer = async (code: ErrorCode | 0, payload: Uint8Array): Promise<void> => {
      await rig.until(() => rig.asks.length > 0, "a question");
      const ask = rig.asks.shift()!;
      assert.deepEqual([ask.peer, ask.kind], [ASK_LEADER, PeerAsk.memberPromote]);
      assert.equal(MemberPromoteRequest.decode(ask.payload).ID, 2n);
      sendAnswer(rig.raft.writer, RaftToMain.answered, { id: ask.id, code, payload });
      rig.raft.writer.flush();
    };
    await answer(ErrorCode.noLeader, Buffer.alloc(0));
    await answer(0, listBody([member(1n), member(2n)]));
    await rig.ended(call);
    const { header, members } = MemberListResponse.decode(call.sent[0]!);
    assert.deepEqual([header?.memberId, idsOf(members)], [1n, [1, 2]]);

    const refused = promote(2n);
    await answer(ErrorCode.learnerNotReady, Buffer.alloc(0));
    assert.equal(await failure(refused), text(ErrorCode.learnerNotReady));
  });
});

test("CL-01 MemberList sorts by id, and waits for a read index when asked to", async () => {
  const { list } = open({ members: [member(3n), member(1n), member(2n)] });
  const local = list(false);
  assert.ok(local.ended);
  assert.deepEqual(idsOf(MemberListResponse.decode(local.sent[0]!).members), [1, 2, 3]);
  const linearizable = list(true);
  assert.equal(linearizable.ended, false);
  await rig.confirmRead();
  await rig.ended(linearizable);
  assert.equal(linearizable.failure, undefined);
});
