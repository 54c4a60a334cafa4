import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Message } from "../../src/raft-worker/core/messages.js";
import type { RaftSettings } from "../../src/raft-worker/core/node.js";
import { InvariantError } from "../../src/shared/assert.js";
import { append, heartbeat, leaderOfThree, Subject } from "./support/subject.js";

const TEN_BYTES = Buffer.alloc(10, "x");
const ACK: Message = { kind: "heartbeatAck", term: 1, round: 0 };

function accepted(matchIndex: number): Message {
  return { kind: "appendAccepted", term: 1, matchIndex };
}

/** Commits one entry more, of ten bytes, without member 3; applied and in the store on disk. */
function commitOne(leader: Subject): void {
  const { lastIndex } = leader.raft.status();
  const index = lastIndex + 1;
  leader.step({ kind: "propose", payloads: [TEN_BYTES] });
  leader.step({ kind: "persisted", sequence: index + 1 });
  leader.hear(2n, accepted(index));
  leader.step({ kind: "applied", index });
  leader.step({ kind: "flushed", index });
}

/** A leader that has let go of what member 3 needs next, and has asked for a snapshot. */
function leaderOfLaggard(settings: Partial<RaftSettings> = {}): Subject {
  const retention = { entriesMax: 0, bytesMax: 0 };
  const leader = leaderOfThree({ settings: { retention, ...settings } });
  for (let count = 0; count < 4; count += 1) commitOne(leader);
  assert.equal(leader.raft.status().firstIndex, 6);
  const gap = { prevIndex: 4, hintIndex: 1, hintTerm: 1 };
  assert.deepEqual(leader.hear(3n, { kind: "appendRejected", term: 1, ...gap }), [
    "send a snapshot to 3",
  ]);
  return leader;
}

function stateOf3(leader: Subject): string | undefined {
  return leader.raft.status().progress.find(({ id }) => id === 3n)?.state;
}

describe("a leader whose member needs a snapshot", () => {
  test("asks for one once, and goes on when the member has it", () => {
    const leader = leaderOfLaggard();
    assert.equal(stateOf3(leader), "behind");
    leader.step({ kind: "snapshotStarted", to: 3n, index: 5 });
    assert.equal(stateOf3(leader), "snapshot");
    commitOne(leader);
    assert.deepEqual(leader.tick(1), [
      "send to 2: heartbeat term=1 commitIndex=6 round=0",
      "send to 3: heartbeat term=1 commitIndex=1 round=0",
    ]);
    assert.deepEqual(leader.hear(3n, ACK), []);
    leader.step({ kind: "snapshotFinished", to: 3n, index: 5, ok: true });
    assert.equal(stateOf3(leader), "snapshot", "until it is installed");
    assert.deepEqual(leader.hear(3n, accepted(5)), [
      "send to 3: appendRequest term=1 prevIndex=5 prevTerm=1 entries=[6/1:xxxxxxxxxx] commitIndex=6",
    ]);
    assert.equal(stateOf3(leader), "replicate");
  });

  test("asks the member whether it has installed it, when no answer comes", () => {
    const leader = leaderOfLaggard();
    leader.step({ kind: "snapshotStarted", to: 3n, index: 5 });
    commitOne(leader);
    leader.step({ kind: "snapshotFinished", to: 3n, index: 5, ok: true });
    leader.tick(1);
    assert.deepEqual(leader.hear(3n, ACK), [
      "send to 3: appendRequest term=1 prevIndex=5 prevTerm=1 entries=[] commitIndex=6",
    ]);
    const notYet = { prevIndex: 5, hintIndex: 1, hintTerm: 1 };
    assert.deepEqual(leader.hear(3n, { kind: "appendRejected", term: 1, ...notYet }), []);
    assert.equal(stateOf3(leader), "snapshot");
  });

  test("asks again after a failure and a pause, and only when the member is heard", () => {
    const leader = leaderOfLaggard();
    const fail = (): string[] => [
      ...leader.step({ kind: "snapshotStarted", to: 3n, index: 5 }),
      ...leader.step({ kind: "snapshotFinished", to: 3n, index: 5, ok: false }),
    ];
    /** Ticks until the next request, with the other member heard all the time. */
    const ticksUntilAsked = (): number => {
      for (let ticks = 1; ticks <= 1000; ticks += 1) {
        leader.tick(1);
        leader.hear(2n, ACK);
        if (leader.hear(3n, ACK).includes("send a snapshot to 3")) return ticks;
      }
      return Number.POSITIVE_INFINITY;
    };
    const waits = Array.from({ length: 7 }, () => {
      assert.deepEqual(fail(), []);
      return ticksUntilAsked();
    });
    assert.deepEqual(waits, [10, 20, 40, 80, 160, 320, 320]);
  });

  test("asks again when the shell never starts, or the member never installs", () => {
    const leader = leaderOfLaggard({ snapshotPatienceTicks: 30 });
    const ticksUntilAsked = (): number => {
      for (let ticks = 1; ticks <= 1000; ticks += 1) {
        leader.tick(1);
        leader.hear(2n, ACK);
        if (leader.hear(3n, ACK).includes("send a snapshot to 3")) return ticks;
      }
      return Number.POSITIVE_INFINITY;
    };
    assert.equal(ticksUntilAsked(), 30 + 10);
    leader.step({ kind: "snapshotStarted", to: 3n, index: 5 });
    leader.step({ kind: "snapshotFinished", to: 3n, index: 5, ok: true });
    assert.equal(ticksUntilAsked(), 30 + 20);
  });

  test("does not ask for a member that is away", () => {
    const leader = leaderOfLaggard();
    leader.step({ kind: "snapshotFinished", to: 3n, index: 0, ok: false });
    for (let ticks = 0; ticks < 60; ticks += 1) {
      leader.hear(2n, ACK);
      assert.equal(leader.tick(1).includes("send a snapshot to 3"), false);
    }
    assert.deepEqual(leader.hear(3n, ACK).slice(0, 1), ["send a snapshot to 3"]);
  });

  test("keeps what follows the snapshot until the member has caught up", () => {
    const leader = leaderOfLaggard();
    leader.step({ kind: "snapshotStarted", to: 3n, index: 5 });
    for (let count = 0; count < 10; count += 1) commitOne(leader);
    assert.equal(leader.raft.status().firstIndex, 6);
    leader.step({ kind: "snapshotFinished", to: 3n, index: 5, ok: true });
    leader.hear(3n, accepted(5));
    leader.step({ kind: "flushed", index: 15 });
    assert.equal(leader.raft.status().firstIndex, 6, "it may need them again");
    leader.hear(3n, accepted(15));
    leader.step({ kind: "flushed", index: 15 });
    assert.equal(leader.raft.status().firstIndex, 16);
  });

  test("does not keep more bytes than the bound; the member then needs another snapshot", () => {
    const leader = leaderOfLaggard({ snapshotRetainBytesMax: 55 });
    leader.step({ kind: "snapshotStarted", to: 3n, index: 5 });
    for (let count = 0; count < 12; count += 1) commitOne(leader);
    assert.ok(leader.raft.status().firstIndex > 6);
    leader.step({ kind: "snapshotFinished", to: 3n, index: 5, ok: true });
    assert.deepEqual(leader.hear(3n, accepted(5)), ["send a snapshot to 3"]);
  });

  test("keeps nothing more when the snapshot has failed", () => {
    const leader = leaderOfLaggard();
    leader.step({ kind: "snapshotStarted", to: 3n, index: 5 });
    for (let count = 0; count < 4; count += 1) commitOne(leader);
    leader.step({ kind: "snapshotFinished", to: 3n, index: 5, ok: false });
    leader.step({ kind: "flushed", index: 9 });
    assert.equal(leader.raft.status().firstIndex, 10);
  });

  test("takes no notice of a snapshot that nobody needs", () => {
    const leader = leaderOfThree();
    assert.deepEqual(leader.step({ kind: "snapshotStarted", to: 3n, index: 1 }), []);
    assert.deepEqual(leader.step({ kind: "snapshotFinished", to: 9n, index: 1, ok: true }), []);
    assert.equal(stateOf3(leader), "replicate");
  });
});

describe("the log of a group", () => {
  test("keeps what the store does not hold on disk", () => {
    const leader = leaderOfThree({ settings: { retention: { entriesMax: 0, bytesMax: 0 } } });
    for (let index = 2; index <= 5; index += 1) {
      leader.step({ kind: "propose", payloads: [TEN_BYTES] });
      leader.step({ kind: "persisted", sequence: index + 1 });
      leader.hear(2n, accepted(index));
      leader.step({ kind: "applied", index });
    }
    assert.equal(leader.raft.status().firstIndex, 1);
    leader.step({ kind: "flushed", index: 4 });
    assert.equal(leader.raft.status().firstIndex, 5);
  });
});

describe("a member that installs a snapshot", () => {
  test("starts its log anew, and tells the leader when that is on disk", () => {
    const subject = new Subject({ term: 3, log: [1, 1, 2] });
    subject.hear(2n, heartbeat(3));
    assert.deepEqual(subject.step({ kind: "snapshotInstalled", index: 9, term: 3 }), [
      "persist #1 term=3 vote=0 commit=9 after 9/3 []",
      "send to 2: appendAccepted term=3 matchIndex=9 (after #1)",
    ]);
    const { firstIndex, lastIndex, appliedIndex, persistedIndex } = subject.raft.status();
    assert.deepEqual(
      { firstIndex, lastIndex, appliedIndex },
      {
        firstIndex: 10,
        lastIndex: 9,
        appliedIndex: 9,
      },
    );
    assert.equal(persistedIndex < 9, true, "not before the write is finished");
    subject.step({ kind: "persisted", sequence: 1 });
    assert.equal(subject.raft.status().persistedIndex, 9);
    assert.deepEqual(subject.hear(2n, append(3, [9, 3], [3])), [
      "persist #2 term=3 vote=0 commit=9 [10/3]",
      "send to 2: appendAccepted term=3 matchIndex=10 (after #2)",
    ]);
  });

  test("forgets what writes under way say of the old log", () => {
    const subject = new Subject({ term: 3 });
    subject.hear(2n, append(3, [0, 0], [3, 3]));
    subject.step({ kind: "snapshotInstalled", index: 9, term: 3 });
    subject.step({ kind: "persisted", sequence: 1 });
    assert.equal(subject.raft.status().persistedIndex, 0);
    subject.step({ kind: "persisted", sequence: 2 });
    assert.equal(subject.raft.status().persistedIndex, 9);
  });

  test("keeps a log that holds the position, and what follows", () => {
    const subject = new Subject({ term: 3, log: [1, 1, 2, 3] });
    subject.hear(2n, heartbeat(3));
    assert.deepEqual(subject.step({ kind: "snapshotInstalled", index: 3, term: 2 }), [
      "send to 2: appendAccepted term=3 matchIndex=3",
    ]);
    const { firstIndex, lastIndex, appliedIndex, commitIndex } = subject.raft.status();
    assert.deepEqual([firstIndex, lastIndex, appliedIndex, commitIndex], [1, 4, 3, 3]);
    // What the snapshot holds is not given out again.
    assert.deepEqual(subject.hear(2n, heartbeat(3, 4)), [
      "commit up to 4",
      "send to 2: heartbeatAck term=3 round=0",
    ]);
  });

  test("drops a log of another history", () => {
    const subject = new Subject({ term: 3, log: [1, 1, 1, 1, 1] });
    subject.hear(2n, heartbeat(3));
    assert.deepEqual(subject.step({ kind: "snapshotInstalled", index: 4, term: 2 }), [
      "persist #1 term=3 vote=0 commit=4 after 4/2 []",
      "send to 2: appendAccepted term=3 matchIndex=4 (after #1)",
    ]);
  });

  test("ignores one that is older than what it has applied", () => {
    const subject = new Subject({ term: 3, log: [1, 1, 2], commit: 3, applied: 3 });
    assert.deepEqual(subject.step({ kind: "snapshotInstalled", index: 2, term: 1 }), []);
    assert.equal(subject.raft.status().appliedIndex, 3);
  });

  test("enters the snapshot's term, which it may not have heard of", () => {
    const subject = new Subject({ term: 1 });
    assert.deepEqual(subject.step({ kind: "snapshotInstalled", index: 9, term: 4 }), [
      "persist #1 term=4 vote=0 commit=9 after 9/4 []",
      "is follower term=4 leader=none",
    ]);
  });

  test("is not asked to restart the log that it leads with", () => {
    const leader = leaderOfThree();
    assert.deepEqual(leader.step({ kind: "snapshotInstalled", index: 1, term: 1 }), []);
    assert.throws(
      () => leader.step({ kind: "snapshotInstalled", index: 7, term: 1 }),
      InvariantError,
    );
  });
});
