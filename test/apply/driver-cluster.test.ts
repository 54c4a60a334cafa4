import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ErrorCode } from "../../src/shared/errors.js";
import {
  AlarmRequest,
  AlarmRequest_AlarmAction,
  AlarmType,
  CompactionRequest,
  LeaseRevokeRequest,
} from "../../src/shared/gen/etcdserverpb/rpc.js";
import { CHECKPOINT_INTERVAL_MS, STATE_HASH_EVERY } from "../../src/shared/limits.js";
import { ConfChangeType, encodeConfChange } from "../../src/shared/messages/conf-change.js";
import { ENTRY_HEADER_BYTES, EntryKind } from "../../src/shared/messages/entry.js";
import { MainToApply, sendHashQuery } from "../../src/shared/messages/main-to-apply.js";
import { BoardSlot } from "../../src/shared/status-board.js";
import { MEMBER_ID } from "./support/driver-harness.js";
import {
  completeRun,
  grant,
  harness,
  putBytes,
  queryLease,
  release,
} from "./support/driver-steps.js";

describe("ApplyDriver in a cluster", () => {
  const confChange = (ID: bigint) =>
    encodeConfChange({
      type: ConfChangeType.addVoter,
      member: { ID, name: "", peerURLs: [`http://${ID}`], clientURLs: [], isLearner: false },
    });

  it("tells Raft the membership after each change, also a refused, a broken and a replayed one", () => {
    const { it } = harness();
    it.entry(EntryKind.confChange, confChange(1n));
    it.entry(EntryKind.confChange, confChange(1n));
    it.entry(EntryKind.confChange, Uint8Array.of(255));
    it.entry(EntryKind.put, putBytes("a"));
    it.settle();
    const told = (index: number) => ({ kind: "membership", index, members: [1n], removed: [] });
    assert.deepEqual(it.raftReceived(), [1, 2, 3].map(told));
    const payload = Buffer.alloc(ENTRY_HEADER_BYTES + confChange(2n).length);
    payload[0] = EntryKind.confChange;
    payload.set(confChange(2n), ENTRY_HEADER_BYTES);
    it.rawEntry(payload, 2);
    it.settle();
    assert.deepEqual(it.raftReceived(), [told(4)], "as the store has them now");
  });

  it("reports the rolling hash at every multiple of its interval", () => {
    const { it } = harness();
    for (let i = 0; i < 2 * STATE_HASH_EVERY + 5; i++) {
      it.entry(EntryKind.put, putBytes(`${i}`));
      it.settle();
    }
    const reports = it.raftReceived();
    assert.deepEqual(
      reports.map((one) => one.kind === "stateHash" && one.index),
      [STATE_HASH_EVERY, 2 * STATE_HASH_EVERY],
    );
  });

  it("answers a wish for a checkpoint also when there is nothing to write", () => {
    const { it, store } = harness();
    it.wantCheckpoint();
    it.settle();
    assert.deepEqual(it.raftReceived(), [{ kind: "flushed", index: 0 }]);
    it.entry(EntryKind.put, putBytes("a"));
    it.wantCheckpoint();
    it.settle();
    assert.deepEqual(it.raftReceived(), []);
    it.wantCheckpoint();
    it.settle();
    completeRun(it, store);
    assert.deepEqual(it.raftReceived(), [{ kind: "flushed", index: 1 }]);
  });

  it("serves nothing when an alarm names it, and all members' writes go on", () => {
    const { it } = harness();
    for (const id of [MEMBER_ID, 6n]) it.entry(EntryKind.confChange, confChange(id));
    const slots = () => [
      it.board.get(BoardSlot.corruptHere),
      it.board.get(BoardSlot.corruptEverywhere),
    ];
    const alarm = (memberID: bigint) =>
      AlarmRequest.encode({
        action: AlarmRequest_AlarmAction.ACTIVATE,
        memberID,
        alarm: AlarmType.CORRUPT,
      }).finish();
    it.entry(EntryKind.alarm, alarm(6n));
    it.settle();
    assert.deepEqual(slots(), [0, 0]);
    it.entry(EntryKind.alarm, alarm(MEMBER_ID));
    it.settle();
    assert.deepEqual(slots(), [1, 0]);
    it.entry(EntryKind.alarm, alarm(0n));
    it.settle();
    assert.deepEqual(slots(), [1, 1]);
  });
});

describe("ApplyDriver before a snapshot", () => {
  it("applies nothing behind it, and is ready when nobody has the old store in hand any more", () => {
    const { it, store } = harness({ frontends: 2 });
    it.entry(EntryKind.put, putBytes("a"));
    it.driver.wantCheckpoint();
    it.settle();
    it.snapshot(50);
    it.index = 50;
    it.entry(EntryKind.put, putBytes("b"));
    it.settle();
    assert.equal(it.machine.appliedIndex, 1);
    assert.equal(it.driver.readySnapshot, undefined, "a transaction is open");
    completeRun(it, store);
    assert.equal(it.driver.readySnapshot, undefined, "frontends renew their views");
    release(it, 1, 0);
    assert.equal(it.driver.readySnapshot, undefined);
    it.nowMs += 10 * CHECKPOINT_INTERVAL_MS;
    release(it, 1, 1);
    assert.deepEqual(it.driver.readySnapshot, { index: 50, term: 7, path: "/nowhere" });
    it.settle();
    assert.equal(store.run, undefined, "no further transaction is begun");
    assert.equal(it.machine.appliedIndex, 1);
  });

  it("leaves it to the next life to answer a wish for a checkpoint", () => {
    const { it } = harness();
    it.entry(EntryKind.put, putBytes("a"));
    it.wantCheckpoint();
    it.snapshot(50);
    it.settle();
    assert.deepEqual(it.raftReceived(), []);
    assert.equal(it.driver.bequeath().owesFlushed, true);
    const { it: other } = harness();
    other.snapshot(50);
    other.settle();
    assert.equal(other.driver.bequeath().owesFlushed, false);
  });

  it("may be closed without it: what is missing on disk is in the log", () => {
    const { it } = harness();
    it.entry(EntryKind.put, putBytes("a"));
    it.snapshot(50);
    it.settle();
    it.driver.wantCheckpoint();
    it.settle();
    assert.equal(it.driver.isSettled, true);
  });

  it("answers at its end what waited for the store, and refuses the hashes", () => {
    const { it } = harness();
    it.entry(EntryKind.put, putBytes("a"));
    it.settle();
    const compaction = CompactionRequest.encode({ revision: 2n, physical: true }).finish();
    it.entry(EntryKind.compact, compaction, { requestId: 1 });
    it.settle();
    const writer = it.frontends[0]?.writer;
    assert.ok(writer);
    sendHashQuery(writer, { type: MainToApply.hashKv, requestId: 2, revision: 0n });
    writer.flush();
    it.snapshot(50);
    it.settle();
    it.results();
    it.driver.bequeath();
    assert.deepEqual(
      it.results().map((one) => one.kind === "result" && [one.requestId, one.code]),
      [
        [2, ErrorCode.timeout],
        [1, 0],
      ],
    );
  });
});

describe("ApplyDriver's leases over a snapshot", () => {
  const SNAPSHOT = { index: 50, term: 7, path: "/nowhere" };

  /** A life that a snapshot ended, after it heard of these roles. */
  function ended(roles: readonly [isLeader: boolean, term: number][]) {
    const { it } = harness();
    for (const role of roles) it.role(...role);
    it.snapshot(SNAPSHOT.index);
    it.settle();
    return it;
  }

  it("the next life of a leader expires leases, in the leader's term", () => {
    const former = ended([[true, 12]]);
    const { it } = harness({ heritage: former.driver.bequeath() });
    it.driver.announce(SNAPSHOT);
    assert.equal(former.machine.lessor.isPrimary, false);
    grant(it, 1n, 2n);
    it.results();
    queryLease(it, MainToApply.leaseRenew, 1n);
    assert.deepEqual(codes(it.results()), [[900, 0]]);
    former.raftReceived();
    it.nowMs += 3000;
    it.settle();
    // The heritage goes on writing where it wrote before.
    const proposals = former.raftReceived().filter((message) => message.kind === "propose");
    assert.deepEqual(
      proposals.map((one) => [one.leaderTerm, LeaseRevokeRequest.decode(one.payload).ID]),
      [[12, 1n]],
    );
    it.role(false, 13);
    it.settle();
    queryLease(it, MainToApply.leaseRenew, 1n);
    assert.deepEqual(codes(it.results()), [[900, ErrorCode.notPrimaryLessor]]);
  });

  it("the next life of a member that leads no more does not", () => {
    const former = ended([
      [true, 12],
      [false, 13],
    ]);
    const { it } = harness({ heritage: former.driver.bequeath() });
    it.driver.announce(SNAPSHOT);
    assert.equal(it.machine.lessor.isPrimary, false);
  });

  it("refuses at its end the renewals that wait for the log", () => {
    const { it } = harness();
    it.role(true);
    grant(it, 1n, 2n);
    it.nowMs += 2000;
    queryLease(it, MainToApply.leaseRenew, 1n);
    it.snapshot(SNAPSHOT.index);
    it.settle();
    assert.deepEqual(codes(it.results()), [], "the revoke is on its way");
    it.driver.bequeath();
    assert.deepEqual(codes(it.results()), [[900, ErrorCode.notPrimaryLessor]]);
  });

  it("the alarm that it proposes is of no term: followers raise it, too", () => {
    const { it } = harness({ quotaBytes: 1 });
    it.role(true, 12);
    it.entry(EntryKind.put, putBytes("a"));
    it.settle();
    const proposals = it.raftReceived().filter((message) => message.kind === "propose");
    assert.deepEqual(
      proposals.map((one) => [one.header.kind, one.leaderTerm]),
      [[EntryKind.alarm, 0]],
    );
  });
});

function codes(results: readonly { requestId: number; code: number }[]): [number, number][] {
  return results.map(({ requestId, code }) => [requestId, code]);
}
