import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { BATCH_ENTRIES_MAX } from "../../src/apply-worker/driver.js";
import { ErrorCode } from "../../src/shared/errors.js";
import {
  AlarmRequest,
  AlarmRequest_AlarmAction,
  AlarmResponse,
  AlarmType,
  CompactionRequest,
  LeaseCheckpointRequest,
  LeaseKeepAliveResponse,
  LeaseLeasesResponse,
  LeaseRevokeRequest,
  LeaseTimeToLiveResponse,
  Member,
  MemberListResponse,
} from "../../src/shared/gen/etcdserverpb/rpc.js";
import { CHECKPOINT_INTERVAL_MS, DELTA_BYTES_MAX } from "../../src/shared/limits.js";
import { ConfChangeType, encodeConfChange } from "../../src/shared/messages/conf-change.js";
import { EntryKind, NO_FRONTEND } from "../../src/shared/messages/entry.js";
import { MainToApply, sendNumber } from "../../src/shared/messages/main-to-apply.js";
import { BoardSlot } from "../../src/shared/status-board.js";
import { type DriverHarness, MEMBER_ID, ORIGIN } from "./support/driver-harness.js";
import {
  completeRun,
  grant,
  harness,
  putBytes,
  queryLease,
  release,
} from "./support/driver-steps.js";
import { text } from "./support/machine.js";

function queryNumber(
  it: DriverHarness,
  type:
    | typeof MainToApply.leaseLeases
    | typeof MainToApply.defragment
    | typeof MainToApply.alarmList,
): void {
  const writer = it.frontends[0]?.writer;
  assert.ok(writer);
  sendNumber(writer, type, 900);
  writer.flush();
  it.settle();
}

describe("ApplyDriver entries", () => {
  it("publishes the state to every frontend before it answers the one that asked", () => {
    const { it } = harness({ frontends: 2 });
    it.entry(EntryKind.put, putBytes("a"), { requestId: 8, frontend: 1 });
    it.entry(EntryKind.put, putBytes("b", "v", { lease: 3n }), { requestId: 9, frontend: 1 });
    it.settle();
    const [first, second] = [it.received(0), it.received(1)];
    assert.deepEqual(
      first.map(({ kind }) => kind),
      ["published"],
    );
    assert.deepEqual(
      second.map(({ kind }) => kind),
      ["published", "result", "result"],
    );
    const [published, ...results] = second;
    assert.ok(published?.kind === "published");
    assert.deepEqual(published.state, {
      appliedIndex: 2,
      revision: 2,
      compactRevision: -1,
      end: it.delta.end,
    });
    assert.deepEqual(
      results.map((one) => one.kind === "result" && [one.requestId, one.code, one.revision]),
      [
        [8, 0, 2],
        [9, ErrorCode.leaseNotFound, 2],
      ],
    );
    assert.equal(it.board.get(BoardSlot.appliedIndex), 2);
    assert.equal(it.board.get(BoardSlot.putsTotal), 1);
  });

  it("answers nobody for entries of another origin, the empty one and one that is too short", () => {
    const { it } = harness();
    it.entry(EntryKind.put, putBytes("a"), { requestId: 8, origin: ORIGIN + 1n });
    it.rawEntry(new Uint8Array(0));
    it.rawEntry(new Uint8Array(7));
    it.settle();
    assert.deepEqual(
      it.received().map(({ kind }) => kind),
      ["published"],
    );
    assert.equal(it.machine.appliedIndex, 3);
  });

  it("skips what is applied already and says nothing new of it", () => {
    const { it } = harness();
    it.entry(EntryKind.put, putBytes("a"), { requestId: 8 });
    it.settle();
    it.received();
    it.rawEntry(new Uint8Array(0), 1);
    it.settle();
    assert.deepEqual(it.received(), []);
    assert.throws(() => {
      it.rawEntry(new Uint8Array(0), 5);
      it.settle();
    }, /gap/);
  });

  it("publishes once per batch, of a bounded number of entries", () => {
    const { it } = harness({ ringBytes: 1024 * 1024 });
    const count = BATCH_ENTRIES_MAX + 10;
    for (let i = 1; i <= count; i++) it.entry(EntryKind.put, putBytes(`k${i}`), { requestId: i });
    it.driver.turn();
    const first = it.received();
    assert.equal(first.length, 1 + BATCH_ENTRIES_MAX);
    it.settle();
    const rest = it.received();
    assert.equal(rest.length, 1 + 10);
    assert.equal(rest[0]?.kind, "published");
  });

  it("sends the members to every frontend when they change", () => {
    const { it } = harness();
    const member = { ID: 5n, name: "m1", peerURLs: [], clientURLs: ["http://x"], isLearner: false };
    const added = { ...member, name: "", clientURLs: [] };
    it.entry(
      EntryKind.confChange,
      encodeConfChange({ type: ConfChangeType.addVoter, member: added }),
    );
    it.entry(EntryKind.memberAttributes, Member.encode(member).finish());
    it.settle();
    const message = it.received().find(({ kind }) => kind === "members");
    assert.ok(message?.kind === "members");
    assert.deepEqual(MemberListResponse.decode(message.body).members, [member]);
  });
});

describe("ApplyDriver back-pressure", () => {
  it("takes nothing in while a frontend does not take its answers, and goes on when it does", () => {
    const { it } = harness({ ringBytes: 4096 });
    const value = "x".repeat(1000);
    it.entry(EntryKind.put, putBytes("a", value), { requestId: 1 });
    it.settle();
    it.received();
    let sent = 1;
    const send = () => {
      sent += 1;
      const request = putBytes("a", value, { prevKv: true });
      it.entry(EntryKind.put, request, { requestId: sent });
    };
    for (let i = 0; i < 8; i++) send();
    it.settle();
    const applied = it.machine.appliedIndex;
    assert.ok(applied < sent, "the ring is full before all are applied");
    send();
    it.settle();
    assert.equal(it.machine.appliedIndex, applied, "blocked: nothing more is applied");
    const seen: number[] = [];
    for (let rounds = 0; seen.length < sent - 1 && rounds < 100; rounds++) {
      for (const one of it.results()) seen.push(one.kind === "result" ? one.requestId : 0);
      it.settle();
    }
    assert.deepEqual(
      seen,
      Array.from({ length: sent - 1 }, (_, i) => i + 2),
    );
  });

  it("applies no more when the delta is full, until every frontend released a checkpoint", () => {
    const size = 1024 * 1024;
    const { it, store } = harness({
      frontends: 2,
      ringBytes: 4 * size,
      segmentBytes: 4 * size,
    });
    const request = putBytes("k", "x".repeat(size));
    let applied = -1;
    while (it.machine.appliedIndex > applied) {
      applied = it.machine.appliedIndex;
      it.entry(EntryKind.put, request);
      it.settle();
    }
    assert.ok(it.delta.bytes > DELTA_BYTES_MAX && it.delta.bytes < DELTA_BYTES_MAX + 2 * size);
    assert.equal(store.checkpoints.length, 1, "a checkpoint began long before");
    completeRun(it, store);
    assert.equal(it.machine.appliedIndex, applied);
    release(it, 1, 0);
    assert.equal(it.machine.appliedIndex, applied, "the other frontend still reads it");
    release(it, 1, 1);
    assert.equal(it.machine.appliedIndex, applied + 1);
    assert.ok(it.delta.bytes < DELTA_BYTES_MAX);
  });
});

describe("ApplyDriver checkpoints", () => {
  it("begins one an interval after the first change and asks to be woken for it", () => {
    const { it, store } = harness();
    assert.equal(it.driver.turn().deadlineMs, Number.POSITIVE_INFINITY);
    it.entry(EntryKind.put, putBytes("a"));
    it.settle();
    assert.equal(it.driver.turn().deadlineMs, it.nowMs + CHECKPOINT_INTERVAL_MS);
    it.nowMs += CHECKPOINT_INTERVAL_MS - 1;
    it.settle();
    assert.equal(store.run, undefined);
    it.nowMs += 1;
    it.settle();
    assert.ok(store.run);
    assert.equal(it.driver.waitsForEventLoop, true);
    assert.ok(it.driver.turn().deadlineMs < it.nowMs + 10, "the opening is looked after soon");
  });

  it("tells frontends and Raft worker when it is on disk, and releases delta when all let go", () => {
    const { it, store } = harness({ frontends: 2 });
    it.entry(EntryKind.put, putBytes("a"));
    it.settle();
    const { end } = it.delta;
    it.driver.wantCheckpoint();
    it.settle();
    it.entry(EntryKind.put, putBytes("b"));
    it.settle();
    assert.equal(it.machine.appliedIndex, 2, "entries are applied while a transaction is open");
    it.received(0);
    it.raftReceived();
    completeRun(it, store);
    assert.deepEqual(it.received(0), [
      { kind: "checkpointed", checkpoint: { checkpointId: 1, position: end, revision: 2 } },
    ]);
    assert.deepEqual(it.raftReceived(), [{ kind: "flushed", index: 1 }]);
    assert.equal(it.board.get(BoardSlot.flushedIndex), 1);
    const before = it.delta.bytes;
    release(it, 1, 0);
    assert.equal(it.delta.bytes, before);
    release(it, 1, 1);
    assert.ok(it.delta.bytes < before);
    it.driver.wantCheckpoint();
    it.settle();
    assert.deepEqual(store.checkpoints[1]?.from, end, "the next one goes on where this one ended");
    assert.equal(it.driver.isSettled, false);
    completeRun(it, store);
    assert.equal(it.driver.isSettled, true);
  });

  it("opens none while the log of the life before is applied again", () => {
    const { it, store } = harness();
    it.commit(3);
    it.entry(EntryKind.put, putBytes("a"));
    it.entry(EntryKind.put, putBytes("b"));
    it.settle();
    it.nowMs += 10 * CHECKPOINT_INTERVAL_MS;
    it.settle();
    assert.equal(store.run, undefined);
    it.entry(EntryKind.put, putBytes("c"));
    it.settle();
    assert.ok(store.run, "all that was committed before is there");
  });

  it("opens one in the midst of that when the delta is half full", () => {
    const { it, store } = harness({ ringBytes: 4 * 1024 * 1024 });
    it.commit(1000);
    for (let count = 0; it.delta.bytes <= DELTA_BYTES_MAX / 2; count++) {
      assert.equal(store.run, undefined);
      assert.ok(count < 100, "a delta that fills");
      it.entry(EntryKind.put, putBytes("a", "v".repeat(1024 * 1024)));
      it.settle();
    }
    assert.ok(store.run);
  });

  it("throws when a transaction failed", async () => {
    const { it, store } = harness();
    it.entry(EntryKind.put, putBytes("a"));
    it.driver.wantCheckpoint();
    it.settle();
    it.driver.wantCheckpoint();
    it.settle();
    store.run?.fail(new Error("no space left on device"));
    await store.run?.finished.catch(() => {});
    assert.throws(() => it.settle(), /the store could not be written/);
  });

  it("answers a defragment when what was applied is on disk", () => {
    const { it, store } = harness();
    it.entry(EntryKind.put, putBytes("a"));
    it.settle();
    it.received();
    queryNumber(it, MainToApply.defragment);
    assert.deepEqual(it.received(), []);
    completeRun(it, store);
    assert.deepEqual(
      it.results().map(({ kind, ...one }) => [kind, "code" in one && one.code]),
      [["result", 0]],
    );
    queryNumber(it, MainToApply.defragment);
    assert.equal(it.results().length, 1, "nothing to do: at once");
  });

  it("C-08 answers a physical compaction when its removal is over", () => {
    const { it, store } = harness();
    it.entry(EntryKind.put, putBytes("a"));
    it.settle();
    it.received();
    for (const requestId of [1, 2]) {
      const request = { revision: 2n, physical: true };
      it.entry(EntryKind.compact, CompactionRequest.encode(request).finish(), { requestId });
    }
    it.settle();
    const published = it.received();
    assert.deepEqual(
      published.map(({ kind }) => kind),
      ["published"],
    );
    completeRun(it, store);
    assert.deepEqual(it.results(), [], "recorded, not removed");
    release(it, 1, 0);
    completeRun(it, store);
    const codes = it.results().map((one) => one.kind === "result" && one.code);
    assert.deepEqual(codes, [0, ErrorCode.compacted]);
    assert.equal(it.board.get(BoardSlot.compactRevisionPlusOne), 3);
  });

  it("removes nothing while a frontend may not have heard of the compaction", () => {
    const { it, store } = harness({ frontends: 2 });
    it.entry(EntryKind.put, putBytes("a"));
    const request = CompactionRequest.encode({ revision: 2n, physical: false }).finish();
    it.entry(EntryKind.compact, request);
    it.driver.wantCheckpoint();
    it.settle();
    completeRun(it, store);
    assert.equal(store.isCompactionPending, true);
    release(it, 1, 0);
    it.settle();
    assert.equal(it.driver.isSettled, true, "one frontend still reads below");
    release(it, 1, 1);
    it.settle();
    completeRun(it, store);
    assert.equal(store.isCompactionPending, false);
  });

  it("MT-20 raises the alarm when an entry finds no room, once while that is on its way", () => {
    const { it } = harness({ quotaBytes: 1000 });
    for (const requestId of [1, 2, 3]) {
      it.entry(EntryKind.put, putBytes("a", "x".repeat(400)), { requestId });
    }
    it.settle();
    const codes = it.results().map((one) => one.kind === "result" && one.code);
    assert.deepEqual(codes, [0, ErrorCode.noSpace, ErrorCode.noSpace]);
    const proposals = it.raftReceived();
    assert.equal(proposals.length, 1);
    const [proposal] = proposals;
    assert.ok(proposal?.kind === "propose");
    assert.deepEqual(AlarmRequest.decode(proposal.payload), {
      action: AlarmRequest_AlarmAction.ACTIVATE,
      memberID: MEMBER_ID,
      alarm: AlarmType.NOSPACE,
    });
    it.entry(EntryKind.alarm, proposal.payload);
    it.settle();
    assert.equal(it.board.get(BoardSlot.noSpaceAlarms), 1);
    queryNumber(it, MainToApply.alarmList);
    const [answer] = it.results();
    assert.ok(answer?.kind === "result");
    assert.deepEqual(AlarmResponse.decode(answer.body).alarms, [
      { memberID: MEMBER_ID, alarm: AlarmType.NOSPACE },
    ]);
  });
});

describe("ApplyDriver leases", () => {
  it("answers queries on the leader and refuses them elsewhere", () => {
    const { it } = harness();
    grant(it, 1n, 10n);
    it.received();
    queryLease(it, MainToApply.leaseRenew, 1n);
    queryLease(it, MainToApply.leaseTimeToLive, 1n);
    const refused = it.results().map((one) => one.kind === "result" && one.code);
    assert.deepEqual(refused, [ErrorCode.notPrimaryLessor, ErrorCode.notPrimaryLessor]);
    it.role(true);
    it.settle();
    it.entry(EntryKind.put, putBytes("k", "v", { lease: 1n }));
    it.settle();
    it.received();
    queryLease(it, MainToApply.leaseRenew, 1n);
    queryLease(it, MainToApply.leaseTimeToLive, 1n);
    queryLease(it, MainToApply.leaseTimeToLive, 2n);
    queryNumber(it, MainToApply.leaseLeases);
    const bodies = it.results().map((one) => (one.kind === "result" ? one.body : new Uint8Array()));
    const [renewed, left, unknown, list] = bodies;
    assert.ok(renewed && left && unknown && list);
    assert.equal(LeaseKeepAliveResponse.decode(renewed).TTL, 10n);
    const timeToLive = LeaseTimeToLiveResponse.decode(left);
    assert.deepEqual([timeToLive.TTL, timeToLive.grantedTTL], [9n, 10n]);
    assert.deepEqual(timeToLive.keys.map(text), ["k"]);
    assert.equal(LeaseTimeToLiveResponse.decode(unknown).TTL, -1n);
    assert.deepEqual(LeaseLeasesResponse.decode(list).leases, [{ ID: 1n }]);
  });

  it("L-41 revokes an expired lease through the log and answers who waited for it", () => {
    const { it } = harness();
    it.role(true);
    grant(it, 1n, 2n);
    it.entry(EntryKind.put, putBytes("k", "v", { lease: 1n }));
    it.settle();
    it.nowMs += 2000;
    queryLease(it, MainToApply.leaseRenew, 1n);
    assert.equal(it.results().length, 0);
    it.nowMs = Math.max(it.nowMs, it.driver.turn().deadlineMs) + 500;
    it.settle();
    const proposals = it.raftReceived().filter(({ kind }) => kind === "propose");
    const [proposal] = proposals;
    assert.ok(proposal?.kind === "propose");
    assert.deepEqual(LeaseRevokeRequest.decode(proposal.payload), { ID: 1n });
    assert.deepEqual(proposal.header, {
      kind: EntryKind.leaseRevoke,
      frontend: NO_FRONTEND,
      origin: ORIGIN,
      requestId: 1,
    });
    assert.equal(proposal.leaderTerm, 1);
    it.entry(EntryKind.leaseRevoke, proposal.payload, { requestId: 1, frontend: NO_FRONTEND });
    it.settle();
    const [answer] = it.results();
    assert.ok(answer?.kind === "result");
    assert.equal(LeaseKeepAliveResponse.decode(answer.body).TTL, 0n);
    assert.equal(it.machine.space.view.revision, 3, "its key is gone");
    assert.equal(it.board.get(BoardSlot.leasesExpired), 1);
  });

  it("records leases at an orderly stop and knows when that is through the log", () => {
    const { it } = harness();
    it.role(true);
    grant(it, 1n, 100n);
    it.nowMs += 4000;
    it.driver.recordLeases();
    assert.equal(it.driver.isOwnApplied, false);
    const messages = it.raftReceived();
    const [proposal] = messages.filter(({ kind }) => kind === "propose");
    assert.ok(proposal?.kind === "propose");
    assert.deepEqual(LeaseCheckpointRequest.decode(proposal.payload).checkpoints, [
      { ID: 1n, remainingTTL: 96n },
    ]);
    const { header, payload } = proposal;
    it.entry(EntryKind.leaseCheckpoint, payload, header);
    it.settle();
    assert.equal(it.driver.isOwnApplied, true);
    assert.equal(proposal.leaderTerm, 1);
    it.role(false);
    it.role(true);
    it.settle();
    queryLease(it, MainToApply.leaseTimeToLive, 1n);
    const answer = it.results().at(-1);
    assert.ok(answer?.kind === "result");
    assert.equal(LeaseTimeToLiveResponse.decode(answer.body).TTL, 96n);
  });
});
