import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { LeaderCall } from "../../src/main/cluster/leader-calls.js";
import { type LeaseContext, leaseMethods } from "../../src/main/services/lease.js";
import { HeaderEncoder } from "../../src/main/services/response-header.js";
import { ErrorCode } from "../../src/shared/errors.js";
import {
  LeaseKeepAliveRequest,
  LeaseKeepAliveResponse,
} from "../../src/shared/gen/etcdserverpb/rpc.js";
import { FRONTENDS_MAX } from "../../src/shared/limits.js";
import {
  ApplyToMain,
  sendCheckpointed,
  sendPublished,
  sendResult,
} from "../../src/shared/messages/apply-to-main.js";
import { EntryKind } from "../../src/shared/messages/entry.js";
import { MainToApply, readNumber } from "../../src/shared/messages/main-to-apply.js";
import {
  type AnswerMessage,
  ASK_LEADER,
  PeerAsk,
  sendAnswer,
  sendAsk,
} from "../../src/shared/messages/peer-ask.js";
import {
  RaftToMain,
  sendReadConfirmed,
  sendRefusal,
} from "../../src/shared/messages/raft-to-main.js";
import { DELTA_START } from "../../src/shared/mvcc/delta-reader.js";
import { BoardSlot } from "../../src/shared/status-board.js";
import { FakeCall } from "../watch/support/fake-call.js";
import { FrontendRig } from "./support/frontend-rig.js";

const KEY = Buffer.from("key");

describe("Frontend", () => {
  test("refuses requests, and holds no more bytes, while the Raft worker takes nothing", async () => {
    const rig = new FrontendRig();
    rig.frontend.start();
    const payload = Buffer.alloc(1_000_000);
    const codes: number[] = [];
    for (let i = 0; i < 100; i++) {
      rig.frontend.propose(EntryKind.put, payload, (code) => codes.push(code));
    }
    assert.ok(codes.length > 20, `only ${codes.length} of 100 MB were refused`);
    assert.ok(codes.every((code) => code === ErrorCode.tooManyRequests));
    await rig.stop();
  });

  test("answers a proposal with what the apply worker sent for it", async () => {
    const rig = new FrontendRig();
    const { frontend, apply } = rig;
    frontend.start();
    const answers: string[] = [];
    frontend.propose(EntryKind.put, Buffer.from("x"), (code, revision, bytes, offset, length) => {
      const body = Buffer.from(bytes.subarray(offset, offset + length)).toString();
      answers.push(`${code} ${revision} ${body}`);
    });
    await rig.until(() => rig.proposals.length === 1, "the proposal in the ring");
    sendResult(apply.writer, { requestId: 1, revision: 2, code: 0, body: Buffer.from("body") });
    apply.writer.flush();
    await rig.until(() => answers.length > 0, "the answer");
    assert.deepEqual(answers, ["0 2 body"]);
    await rig.stop();
  });

  test("CL-13 a patient proposal outlives the timeout, until it is given up", async () => {
    const rig = new FrontendRig({ requestTimeoutMs: 1 });
    const { frontend } = rig;
    frontend.start();
    const codes: string[] = [];
    const give = frontend.proposePatiently(EntryKind.confChange, Buffer.from("x"), (code) => {
      codes.push(`patient ${code}`);
    });
    frontend.propose(EntryKind.put, Buffer.from("y"), (code) => codes.push(`put ${code}`));
    await rig.until(() => codes.length > 0, "the timeout of the put");
    assert.deepEqual(codes, [`put ${ErrorCode.deadlineExceeded}`]);
    assert.equal(frontend.pendingCount, 1);
    give();
    assert.equal(frontend.pendingCount, 0);
    await rig.stop();
    assert.equal(codes.length, 1);
  });

  test("CL-13 a patient proposal that waited too long for a leader is made again", async () => {
    const rig = new FrontendRig();
    const { frontend, raft } = rig;
    frontend.start();
    const codes: string[] = [];
    const propose = (name: string): (() => void) =>
      frontend.proposePatiently(EntryKind.confChange, Buffer.from(name), (code) => {
        codes.push(`${name} ${code}`);
      });
    propose("waits");
    propose("gone")();
    frontend.propose(EntryKind.put, Buffer.from("put"), (code) => codes.push(`put ${code}`));
    await rig.until(() => rig.proposals.length === 3, "the proposals");
    const [first] = rig.proposals.splice(0);
    const refuse = (id: number, code: ErrorCode): void => {
      sendRefusal(raft.writer, RaftToMain.refused, { id, code });
      raft.writer.flush();
    };
    for (const id of [3, 2, 1]) refuse(id, ErrorCode.timeout);
    await rig.until(() => rig.proposals.length > 0, "the second try");
    assert.deepEqual(rig.proposals.splice(0), [first]);
    assert.deepEqual(
      [codes, frontend.counts.proposalsFailed],
      [[], 0],
      "the put expires by the clock",
    );
    refuse(1, ErrorCode.tooManyRequests);
    await rig.until(() => codes.length > 0, "the refusal");
    assert.deepEqual(codes, [`waits ${ErrorCode.tooManyRequests}`]);
    assert.deepEqual([rig.proposals.length, frontend.counts.proposalsFailed], [0, 1]);
    await rig.stop();
  });

  test("questions of two lives have different ids, small enough to hold a frontend's number", async () => {
    const largest = 2n ** 64n - 1n;
    const ids: number[] = [];
    for (const origin of [largest, 2n ** 45n, 7n]) {
      const rig = new FrontendRig({ origin });
      rig.frontend.start();
      const question = { peer: 7n, kind: PeerAsk.leaseRenew, payload: Buffer.alloc(0) };
      rig.frontend.ask(question, () => {});
      await rig.until(() => rig.asks.length === 1, "the question in the ring");
      ids.push(rig.asks[0]?.id ?? 0);
      await rig.stop();
    }
    assert.equal(new Set(ids).size, ids.length);
    for (const id of ids) assert.ok(Number.isSafeInteger((id + 2 ** 40) * FRONTENDS_MAX));
  });

  test("says of a request that timed out what is known of the leader", async () => {
    const rig = new FrontendRig({ requestTimeoutMs: 1, electionTimeoutMs: 1000 });
    const { frontend, board } = rig;
    frontend.watchConnections(() => true);
    board.setId(BoardSlot.leaderId, 5n);
    frontend.start();
    const codes: number[] = [];
    frontend.propose(EntryKind.put, Buffer.from("x"), (code) => codes.push(code));
    await rig.until(() => codes.length > 0, "the timeout");
    // The leader was first heard of after the request began.
    assert.equal(codes[0], ErrorCode.timeoutLeaderFail);
    frontend.propose(EntryKind.put, Buffer.from("x"), (code) => codes.push(code));
    await rig.until(() => codes.length > 1, "the second timeout");
    assert.equal(codes[1], ErrorCode.timeoutConnectionLost);
    await rig.stop();
  });

  test("asks another member, and gives its answer", async () => {
    const rig = new FrontendRig();
    const { frontend, raft } = rig;
    frontend.start();
    const answers: string[] = [];
    const payload = Buffer.from("question");
    for (const peer of [ASK_LEADER, 7n]) {
      frontend.ask(
        { peer, kind: PeerAsk.leaseTimeToLive, payload },
        (code, _revision, bytes, offset, length) => {
          const body = Buffer.from(bytes.subarray(offset, offset + length)).toString();
          answers.push(`${peer}: ${code} ${body}`);
        },
      );
    }
    await rig.until(() => rig.asks.length === 2, "the questions in the ring");
    const [first, second] = rig.asks;
    assert.deepEqual([first?.peer, second?.peer], [0n, 7n]);
    assert.equal(Buffer.from(first?.payload ?? []).toString(), "question");
    const answer = (id: number, code: AnswerMessage["code"], text: string): void =>
      sendAnswer(raft.writer, RaftToMain.answered, { id, code, payload: Buffer.from(text) });
    answer(second?.id ?? 0, 0, "here");
    answer(first?.id ?? 0, ErrorCode.notLeader, "");
    answer(first?.id ?? 0, 0, "twice");
    raft.writer.flush();
    await rig.until(() => answers.length === 2, "the answers");
    assert.deepEqual(answers, ["7: 0 here", `0: ${ErrorCode.notLeader} `]);
    await rig.stop();
  });

  test("a question that is not answered in time is refused", async () => {
    const rig = new FrontendRig({ requestTimeoutMs: 1 });
    rig.frontend.start();
    const codes: number[] = [];
    const question = { peer: 7n, kind: PeerAsk.leaseTimeToLive, payload: Buffer.alloc(0) };
    rig.frontend.ask(question, (code) => codes.push(code));
    await rig.until(() => codes.length > 0, "the timeout");
    assert.deepEqual(codes, [ErrorCode.timeout]);
    await rig.stop();
  });

  test("answers the questions of other members", async () => {
    const rig = new FrontendRig();
    const { frontend, raft } = rig;
    frontend.onAsked(({ peer, kind, payload }, reply) => {
      if (peer === 9n) return reply(ErrorCode.notLeader);
      reply(0, Buffer.from(`${peer} ${kind} ${Buffer.from(payload)}`));
    });
    frontend.start();
    const payload = Buffer.from("?");
    sendAsk(raft.writer, RaftToMain.asked, { id: 3, peer: 8n, kind: PeerAsk.leaseRenew, payload });
    sendAsk(raft.writer, RaftToMain.asked, { id: 4, peer: 9n, kind: PeerAsk.leaseRenew, payload });
    raft.writer.flush();
    await rig.until(() => rig.answers.length === 2, "the answers in the ring");
    const told = rig.answers.map(
      ({ id, code, payload }) => `${id} ${code} ${Buffer.from(payload)}`,
    );
    assert.deepEqual(told, ["3 0 8 1 ?", `4 ${ErrorCode.notLeader} `]);
    await rig.stop();
  });

  test("releases a checkpoint only when what was pinned before it is let go", async () => {
    const rig = new FrontendRig();
    const { frontend, apply } = rig;
    frontend.start();
    const released: number[] = [];
    const look = (): void => {
      apply.reader.drain((type, _bytes, view, offset) => {
        if (type === MainToApply.released) released.push(readNumber(view, offset));
      });
    };
    const checkpoint = (checkpointId: number): void => {
      sendCheckpointed(apply.writer, { checkpointId, position: DELTA_START, revision: 1 });
      sendPublished(apply.writer, {
        appliedIndex: checkpointId,
        revision: 1,
        compactRevision: -1,
        end: DELTA_START,
      });
      apply.writer.flush();
    };
    const pin = frontend.pinDelta();
    checkpoint(1);
    await rig.until(() => frontend.view.appliedIndex === 1, "the first state");
    const young = frontend.pinDelta();
    look();
    assert.deepEqual(released, [], "the pin is older than the checkpoint");
    pin.release();
    await rig.until(() => {
      look();
      return released.length > 0;
    }, "the release");
    assert.deepEqual(released, [1], "a pin taken after a checkpoint does not hold it back");
    young.release();
    await rig.stop();
  });

  test("a snapshot in the place of the store lets waiting reads go, and voids what was held", async () => {
    const rig = new FrontendRig();
    const { frontend, apply, raft } = rig;
    const restored: string[] = [];
    frontend.listen({
      onChange: () => {},
      onPublished: () => {},
      onRestored: (from) => restored.push(`${from} to ${frontend.revision}`),
      hasWork: () => false,
      turn: () => {},
    });
    frontend.start();
    const released: number[] = [];
    const look = (): void => {
      apply.reader.drain((type, _bytes, view, offset) => {
        if (type === MainToApply.released) released.push(readNumber(view, offset));
      });
    };
    const old = frontend.pinDelta();
    sendCheckpointed(apply.writer, { checkpointId: 4, position: DELTA_START, revision: 1 });
    apply.writer.flush();
    const reads: number[] = [];
    frontend.linearizable((code) => reads.push(code));
    await rig.until(() => rig.readIds.length === 1, "the question for a read index");
    sendReadConfirmed(raft.writer, rig.readIds[0] ?? 0, 90);
    raft.writer.flush();
    const end = { segment: 3, offset: 0 };
    const state = { appliedIndex: 100, revision: 1, compactRevision: -1, end };
    sendPublished(apply.writer, state, ApplyToMain.restored);
    apply.writer.flush();
    await rig.until(() => reads.length === 1, "the read");
    assert.deepEqual(reads, [0]);
    assert.deepEqual(restored, ["1 to 1"]);
    assert.deepEqual(frontend.pinDelta().from, end);
    look();
    assert.deepEqual(released, [], "a pin of before holds what a thread may still read");
    old.release();
    await rig.until(() => {
      look();
      return released.length > 0;
    }, "the release");
    assert.deepEqual(released, [4]);
    await rig.stop();
  });

  test("a snapshot that the base does not show yet holds back what follows it", async () => {
    const rig = new FrontendRig();
    const { frontend, apply, base } = rig;
    frontend.start();
    const end = { segment: 3, offset: 0 };
    const state = { appliedIndex: 100, revision: 2, compactRevision: -1, end };
    sendPublished(apply.writer, state, ApplyToMain.restored);
    sendPublished(apply.writer, { ...state, appliedIndex: 101 });
    const codes: number[] = [];
    frontend.queryNumber(MainToApply.alarmList, (code) => codes.push(code));
    rig.result(1, 0);
    let turns = 0;
    const { refresh } = base;
    base.refresh = () => {
      turns += 1;
      refresh.call(base);
    };
    await rig.until(() => turns > 3, "a few tries");
    assert.deepEqual([frontend.view.appliedIndex, codes.length], [0, 0]);
    const origin = { createRevision: 2, version: 1, lease: 0n };
    base.append([{ main: 2, sub: 0, tombstone: false, key: KEY, keyValue: KEY, ...origin }]);
    await rig.until(() => codes.length > 0, "the answer that follows the snapshot");
    assert.deepEqual([frontend.view.appliedIndex, frontend.revision], [101, 2]);
    await rig.stop();
  });
});

describe("a keepalive stream", () => {
  const renewal = (ID: bigint): Uint8Array => LeaseKeepAliveRequest.encode({ ID }).finish();

  /** A stream whose renewals the test answers. */
  function open(rig: FrontendRig, windowBytes?: number) {
    const calls: LeaderCall["isWanted"][] = [];
    const answers: ((code: ErrorCode | 0, TTL?: bigint) => void)[] = [];
    const context = {
      frontend: rig.frontend,
      header: new HeaderEncoder({ clusterId: 1n, memberId: 2n }, () => 1),
      leases: {
        renew: (lease, isWanted, handler) => {
          calls.push(isWanted);
          answers.push((code, TTL = 0n) => {
            const body = LeaseKeepAliveResponse.encode({ header: undefined, ID: lease.id, TTL });
            const bytes = body.finish();
            handler(code, 0, bytes, 0, code === 0 ? bytes.length : 0);
          });
        },
      } as LeaseContext["leases"],
    } as unknown as LeaseContext;
    const method = leaseMethods(context).find(({ path }) => path.endsWith("LeaseKeepAlive"));
    assert.ok(method?.kind === "bidi");
    const call = new FakeCall(windowBytes);
    return { call, receiver: method.handle(call), answers, calls };
  }

  test("is held back while its client does not read the answers", async () => {
    const rig = new FrontendRig();
    const { call, receiver, answers } = open(rig, 1);
    receiver.onMessage(renewal(5n));
    answers[0]?.(0, 10n);
    assert.ok(call.paused);
    call.take();
    assert.equal(call.paused, false);
    await rig.stop();
  });

  test("L-20 takes at most 1000 renewals that are not answered, and answers in order", async () => {
    const rig = new FrontendRig();
    const { call, receiver, answers } = open(rig);
    for (let id = 1n; id <= 1000n; id++) receiver.onMessage(renewal(id));
    assert.ok(call.paused);
    for (const answer of answers.slice(1)) answer(0, 10n);
    assert.equal(call.bufferedBytes, 0, "the first one has no answer yet");
    answers[0]?.(0, 10n);
    assert.equal(call.paused, false);
    assert.ok(call.bufferedBytes > 0);
    await rig.stop();
  });

  test("L-25 a renewal that fails ends the stream, and the others are not wanted any more", async () => {
    const rig = new FrontendRig();
    const { call, receiver, answers, calls } = open(rig);
    receiver.onMessage(renewal(5n));
    receiver.onMessage(renewal(6n));
    answers[0]?.(ErrorCode.noLeader);
    assert.match(call.failure?.message ?? "", /no leader/);
    assert.deepEqual(
      calls.map((isWanted) => isWanted()),
      [false, false],
    );
    await rig.stop();
  });
});
