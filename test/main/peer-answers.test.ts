import assert from "node:assert/strict";
import { afterEach, describe, test } from "node:test";
import { peerAnswers } from "../../src/main/cluster/peer-answers.js";
import { maintenanceMethods } from "../../src/main/services/maintenance.js";
import { ErrorCode, errorFacts } from "../../src/shared/errors.js";
import {
  LeaseKeepAliveRequest,
  LeaseKeepAliveResponse,
  LeaseTimeToLiveRequest,
  MemberListResponse,
  MemberPromoteRequest,
  MoveLeaderRequest,
} from "../../src/shared/gen/etcdserverpb/rpc.js";
import { ConfChangeType } from "../../src/shared/messages/conf-change.js";
import { PeerAsk } from "../../src/shared/messages/peer-ask.js";
import { ClusterRig, idsOf } from "./support/cluster-rig.js";
import { member } from "./support/frontend-rig.js";

const MEMBERS = [member(1n), member(2n), member(3n, { isLearner: true })];

let rig: ClusterRig;
afterEach(() => rig.stop());

/** Answers that are given, and a way to ask. */
function open() {
  rig = new ClusterRig({ members: MEMBERS });
  const handler = peerAnswers(rig.context);
  const replies: { code: ErrorCode | 0; body: Buffer }[] = [];
  const ask = (kind: number, payload: Uint8Array): void =>
    handler({ id: 1, peer: 2n, kind: kind as PeerAsk, payload }, (code, body) => {
      replies.push({ code, body: Buffer.from(body ?? []) });
    });
  const replied = (): Promise<void> => rig.until(() => replies.length > 0, "the reply");
  return { ask, replies, replied };
}

describe("questions of other members", () => {
  const renewal = LeaseKeepAliveRequest.encode({ ID: 5n }).finish();

  test("a renewal goes to this member's lessor while it leads", async () => {
    const { ask, replies, replied } = open();
    ask(PeerAsk.leaseRenew, renewal);
    await rig.confirmRead();
    const { requestId, leaseId } = await rig.leaseQuery();
    assert.equal(leaseId, 5n);
    const body = LeaseKeepAliveResponse.encode({ header: undefined, ID: 5n, TTL: 10n }).finish();
    rig.result(requestId, 0, body);
    await rig.confirmRead();
    await replied();
    assert.equal(LeaseKeepAliveResponse.decode(replies[0]!.body).TTL, 10n);
  });

  test("who does not lead says so", async () => {
    const { ask, replies, replied } = open();
    rig.leader(2n);
    ask(PeerAsk.leaseRenew, renewal);
    ask(PeerAsk.leaseTimeToLive, LeaseTimeToLiveRequest.encode({ ID: 5n, keys: true }).finish());
    ask(PeerAsk.memberPromote, MemberPromoteRequest.encode({ ID: 3n }).finish());
    await replied();
    await rig.until(() => replies.length === 3, "all replies");
    assert.deepEqual(
      replies.map(({ code }) => code),
      Array(3).fill(ErrorCode.notLeader),
    );
  });

  test("who is stopping leads no longer", async () => {
    const { ask, replies, replied } = open();
    ask(PeerAsk.leaseRenew, renewal);
    await rig.confirmRead();
    await rig.leaseQuery();
    await rig.frontend.stop();
    await replied();
    assert.equal(replies[0]?.code, ErrorCode.notLeader);
  });

  test("a promotion is put through the log, and answered by the new list", async () => {
    const { ask, replies, replied } = open();
    rig.connected(3n, 0);
    ask(PeerAsk.memberPromote, MemberPromoteRequest.encode({ ID: 3n }).finish());
    const { change, requestId } = await rig.proposed();
    assert.deepEqual([change.type, change.member.ID], [ConfChangeType.promote, 3n]);
    const list = MemberListResponse.encode({ header: undefined, members: MEMBERS }).finish();
    rig.result(requestId, 0, list);
    await replied();
    assert.deepEqual(idsOf(MemberListResponse.decode(replies[0]!.body).members), [1, 2, 3]);
  });

  test("what cannot be understood is refused", () => {
    const { ask, replies } = open();
    ask(PeerAsk.leaseRenew, Buffer.from([0xff]));
    for (const unknown of [4, 5, 200]) ask(unknown, Buffer.alloc(0));
    assert.deepEqual(
      replies.map(({ code }) => code),
      Array(4).fill(ErrorCode.malformedRequest),
    );
  });
});

describe("MT-50 MoveLeader", () => {
  const move = (targetID: bigint) => {
    const request = MoveLeaderRequest.encode({ targetID }).finish();
    return rig.call(maintenanceMethods(rig.context), "MoveLeader", request);
  };
  const text = (code: ErrorCode): string => errorFacts(code).message;

  test("is for the leader, and to a voter", async () => {
    open();
    for (const target of [9n, 3n]) {
      assert.equal(move(target).failure?.message, text(ErrorCode.badLeaderTransferee));
    }
    rig.leader(2n);
    assert.equal(move(9n).failure?.message, text(ErrorCode.notLeader));
    assert.deepEqual(rig.transfers, []);
  });

  test("answers, without a header, when the other one is seen to lead", async () => {
    open();
    const call = move(2n);
    await rig.until(() => rig.transfers.length > 0, "the transfer");
    assert.deepEqual(rig.transfers, [2n]);
    assert.equal(call.ended, false);
    rig.leader(2n);
    await rig.ended(call);
    assert.deepEqual([call.failure, call.sent[0]?.length], [undefined, 0]);
  });

  test("answers at once when the target leads already", async () => {
    open();
    const call = move(1n);
    await rig.ended(call);
    assert.equal(call.failure, undefined);
  });

  test("ends with its client", async () => {
    open();
    const call = move(2n);
    call.cancel();
    await rig.ended(call);
    assert.equal(call.failure?.message, text(ErrorCode.timeoutLeaderTransfer));
  });
});
