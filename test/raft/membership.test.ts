import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  type Configuration,
  EMPTY_CONFIGURATION,
} from "../../src/raft-worker/core/configuration.js";
import type { Entry } from "../../src/raft-worker/core/entry.js";
import { InvariantError } from "../../src/shared/assert.js";
import { TEST_CODEC, votersOnly } from "./support/conf-change.js";
import { append, grant, heartbeat, leaderOfThree, NO_COMMIT, Subject } from "./support/subject.js";

const ADD_4 = Buffer.from("conf +4");
const OF_FOUR = votersOnly([1n, 2n, 3n, 4n]);

function learning(voters: readonly bigint[], learners: readonly bigint[]): Configuration {
  return { ...votersOnly(voters), learners };
}

function withPayload(entry: Entry, payload: Uint8Array): Entry {
  return { ...entry, payload };
}

/** The append of a change of the configuration at index 2 of term 1. */
function appendChange(commitIndex: number) {
  const message = append(1, [0, 0], [1, 1]);
  const entries = message.entries.map((entry) =>
    entry.index === 2 ? withPayload(entry, ADD_4) : entry,
  );
  return { ...message, entries, commitIndex };
}

/** Member 1 as leader of a group, whose first change is committed at index 2 and in effect. */
function leaderWith(configuration: Configuration): Subject {
  const leader = leaderOfThree();
  leader.step({ kind: "propose", payloads: [ADD_4] });
  leader.step({ kind: "persisted", sequence: 3 });
  leader.hear(2n, { kind: "appendAccepted", term: 1, matchIndex: 2 });
  leader.hear(3n, { kind: "appendAccepted", term: 1, matchIndex: 2 });
  leader.step({ kind: "configured", index: 2, configuration });
  return leader;
}

describe("a change of the configuration", () => {
  test("takes effect when it is applied, not when it is appended or committed", () => {
    const leader = leaderOfThree();
    assert.deepEqual(leader.step({ kind: "propose", payloads: [ADD_4] }), [
      "persist #3 term=1 vote=1 commit=1 [2/1:conf +4]",
      "send to 2: appendRequest term=1 prevIndex=1 prevTerm=1 entries=[2/1:conf +4] commitIndex=1",
      "send to 3: appendRequest term=1 prevIndex=1 prevTerm=1 entries=[2/1:conf +4] commitIndex=1",
    ]);
    leader.step({ kind: "persisted", sequence: 3 });
    leader.hear(2n, { kind: "appendAccepted", term: 1, matchIndex: 2 });
    assert.deepEqual(leader.tick(1), [
      "send to 2: heartbeat term=1 commitIndex=2 round=0",
      "send to 3: heartbeat term=1 commitIndex=1 round=0",
    ]);
    assert.deepEqual(leader.step({ kind: "configured", index: 2, configuration: OF_FOUR }), [
      "send to 4: appendRequest term=1 prevIndex=2 prevTerm=1 entries=[] commitIndex=2",
    ]);
    assert.deepEqual(
      leader.raft.status().progress.map(({ id, matchIndex, state }) => [id, matchIndex, state]),
      [
        [1n, 2, "replicate"],
        [2n, 2, "replicate"],
        [3n, 1, "replicate"],
        [4n, 0, "probe"],
      ],
    );
  });

  test("waits in the leader until the one before it is in effect", () => {
    const leader = leaderOfThree();
    leader.step({ kind: "propose", payloads: [ADD_4] });
    const next = [Buffer.from("conf +5"), Buffer.from("a")];
    assert.deepEqual(leader.step({ kind: "propose", payloads: next }).slice(0, 1), [
      "persist #4 term=1 vote=1 commit=1 [3/1:a]",
    ]);
    leader.step({ kind: "persisted", sequence: 4 });
    leader.hear(2n, { kind: "appendAccepted", term: 1, matchIndex: 3 });
    // The store may have refused the first one: that ends it, too.
    const configuration = votersOnly([1n, 2n, 3n]);
    assert.deepEqual(leader.step({ kind: "configured", index: 2, configuration }).slice(0, 1), [
      "persist #5 term=1 vote=1 commit=3 [4/1:conf +5]",
    ]);
  });

  test("is refused when too many wait, and all that wait when the leader steps down", () => {
    const leader = leaderOfThree();
    const payloads = Array.from({ length: 18 }, () => ADD_4);
    const effects = leader.step({ kind: "propose", payloads });
    assert.equal(effects.filter((line) => line === "1 proposals refused").length, 2);
    // One of them is in the log by now: there is room for one more, whoever proposes it.
    const forwarded = { kind: "proposeRequest", term: 1, payloads: [ADD_4] } as const;
    assert.deepEqual(leader.hear(2n, forwarded), []);
    const refused = "send to 2: proposeRefused term=1 payloads=[conf +4]";
    assert.deepEqual(leader.hear(2n, forwarded), [refused]);
    const end = leader.hear(3n, { kind: "termNotice", term: 2 });
    assert.equal(end.filter((line) => line === "1 proposals refused").length, 15);
    assert.equal(end.at(-1), refused);
  });

  test("waits for a change of an earlier term that may be in the log of a new leader", () => {
    const subject = new Subject();
    subject.hear(2n, appendChange(0));
    subject.step({ kind: "persisted", sequence: 1 });
    subject.tick(30);
    subject.hear(2n, grant(2, true));
    subject.step({ kind: "persisted", sequence: 2 });
    subject.hear(2n, grant(2, false));
    assert.equal(subject.raft.status().role, "leader");
    const effects = subject.step({ kind: "propose", payloads: [Buffer.from("conf +5")] });
    assert.deepEqual(effects, []);
  });

  test("lets the leader commit by the new majority at once", () => {
    const leader = leaderOfThree();
    leader.step({ kind: "propose", payloads: [Buffer.from("conf -3"), Buffer.from("a")] });
    leader.step({ kind: "persisted", sequence: 3 });
    leader.hear(2n, { kind: "appendAccepted", term: 1, matchIndex: 3 });
    leader.step({ kind: "propose", payloads: [Buffer.from("b")] });
    leader.step({ kind: "persisted", sequence: 4 });
    assert.equal(leader.raft.status().commitIndex, 3);
    const effects = leader.step({ kind: "configured", index: 2, configuration: votersOnly([1n]) });
    assert.deepEqual(effects, ["commit up to 4"]);
    assert.deepEqual(leader.tick(30), []);
    assert.equal(leader.raft.status().role, "leader");
  });

  test("that is told out of order breaks an invariant", () => {
    const subject = new Subject({ term: 1, log: [1, 1, 1], commit: 3, applied: 3 });
    const configuration = OF_FOUR;
    assert.throws(
      () => subject.step({ kind: "configured", index: 2, configuration }),
      InvariantError,
    );
  });
});

describe("a campaign", () => {
  test("waits while a change is known to be committed and not in effect", () => {
    const subject = new Subject();
    subject.hear(2n, appendChange(2));
    assert.deepEqual(subject.tick(40), []);
    subject.step({ kind: "configured", index: 2, configuration: OF_FOUR });
    assert.deepEqual(subject.tick(1).slice(0, 1), ["is preCandidate term=1 leader=none"]);
  });

  test("does not wait for a change that is not known to be committed", () => {
    const subject = new Subject();
    subject.hear(2n, appendChange(1));
    assert.equal(subject.tick(20).at(0), "is preCandidate term=1 leader=none");
  });

  test("ends when an answer shows that a change was committed", () => {
    const subject = new Subject();
    subject.hear(2n, appendChange(1));
    subject.step({ kind: "persisted", sequence: 1 });
    subject.tick(20);
    const answer = { kind: "voteResponse", term: 1, preVote: true, granted: false } as const;
    assert.deepEqual(subject.hear(3n, { ...answer, commitIndex: 2, commitTerm: 1 }), [
      "is follower term=1 leader=none",
      "commit up to 2",
    ]);
  });

  test("is not impressed by what was committed in another history", () => {
    const subject = new Subject({ term: 3, log: [1, 1] });
    subject.tick(20);
    const answer = { kind: "voteResponse", term: 3, preVote: true, granted: false } as const;
    assert.deepEqual(subject.hear(3n, { ...answer, commitIndex: 2, commitTerm: 2 }), []);
    assert.deepEqual(subject.hear(3n, { ...answer, commitIndex: 7, commitTerm: 3 }), []);
    assert.equal(subject.raft.status().commitIndex, 0);
  });

  test("begins again as a follower when other voters take effect", () => {
    const subject = new Subject();
    subject.tick(20);
    assert.deepEqual(subject.step({ kind: "configured", index: 0, configuration: OF_FOUR }), [
      "is follower term=0 leader=none",
    ]);
  });

  test("asks voters for votes, and no learner", () => {
    const subject = new Subject({ configuration: learning([1n, 2n, 3n], [4n]) });
    assert.deepEqual(subject.tick(20), [
      "is preCandidate term=0 leader=none",
      "send to 2: voteRequest term=1 preVote=true transfer=false lastIndex=0 lastTerm=0 " +
        "commitIndex=0 commitTerm=0",
      "send to 3: voteRequest term=1 preVote=true transfer=false lastIndex=0 lastTerm=0 " +
        "commitIndex=0 commitTerm=0",
    ]);
  });

  test("skips the pre-vote when the settings say so", () => {
    const subject = new Subject({ settings: { preVote: false } });
    assert.deepEqual(subject.tick(20).slice(0, 2), [
      "persist #1 term=1 vote=1 commit=0 []",
      "is candidate term=1 leader=none",
    ]);
  });

  test("comes soon in a new group", () => {
    const subject = new Subject({ settings: { advanceFirstElection: true } });
    assert.equal(subject.tick(11).at(0), "is preCandidate term=0 leader=none");
  });
});

describe("a learner", () => {
  const asLearner = learning([2n, 3n], [1n]);

  test("follows, and never campaigns", () => {
    const subject = new Subject({ term: 1, configuration: asLearner });
    assert.deepEqual(subject.hear(2n, append(1, [0, 0], [1])), [
      "persist #1 term=1 vote=0 commit=0 [1/1]",
      "is follower term=1 leader=2",
      "send to 2: appendAccepted term=1 matchIndex=1 (after #1)",
    ]);
    assert.deepEqual(subject.tick(4), []);
    assert.deepEqual(subject.step({ kind: "readIndex", id: 1 }), [
      "send to 2: readRequest term=1 context=*",
    ]);
    subject.tick(40);
    assert.equal(subject.raft.status().role, "follower");
  });

  test("is sent entries and counts for nothing", () => {
    const leader = leaderWith(learning([1n, 2n, 3n], [4n]));
    leader.hear(4n, { kind: "appendAccepted", term: 1, matchIndex: 2 });
    const effects = leader.step({ kind: "propose", payloads: [Buffer.from("a")] });
    assert.equal(effects.filter((line) => line.startsWith("send to")).length, 3);
    leader.step({ kind: "persisted", sequence: 4 });
    assert.deepEqual(leader.hear(4n, { kind: "appendAccepted", term: 1, matchIndex: 3 }), []);
    assert.equal(leader.raft.status().commitIndex, 2);
    leader.step({ kind: "readIndex", id: 1 });
    assert.deepEqual(leader.hear(4n, { kind: "heartbeatAck", term: 1, round: 1 }), []);
    leader.hear(2n, { kind: "heartbeatAck", term: 1, round: 1 });
    leader.hear(4n, { kind: "heartbeatAck", term: 1, round: 1 });
    leader.tick(10);
    leader.hear(4n, { kind: "heartbeatAck", term: 1, round: 1 });
    assert.equal(leader.tick(10).at(-1), "is follower term=1 leader=none");
  });

  test("counts once it is a voter", () => {
    const leader = leaderWith(learning([1n, 2n], [4n]));
    leader.hear(4n, { kind: "appendAccepted", term: 1, matchIndex: 2 });
    leader.step({ kind: "propose", payloads: [Buffer.from("conf +4")] });
    leader.step({ kind: "persisted", sequence: 4 });
    leader.hear(2n, { kind: "appendAccepted", term: 1, matchIndex: 3 });
    leader.step({ kind: "configured", index: 3, configuration: votersOnly([1n, 2n, 4n]) });
    leader.step({ kind: "propose", payloads: [Buffer.from("a")] });
    leader.step({ kind: "persisted", sequence: 5 });
    leader.hear(4n, { kind: "appendAccepted", term: 1, matchIndex: 4 });
    assert.equal(leader.raft.status().commitIndex, 4);
  });
});

describe("a member", () => {
  test("of a new group learns who belongs to it from its log", () => {
    const subject = new Subject({
      term: 1,
      commit: 2,
      log: [1, 1],
      changes: ["conf +1", "conf +2"],
      configuration: EMPTY_CONFIGURATION,
    });
    assert.deepEqual(subject.step({ kind: "start" }), ["commit up to 2"]);
    // It is alone after the first entry, but knows that there is another one.
    const first = votersOnly([1n]);
    assert.deepEqual(subject.step({ kind: "configured", index: 1, configuration: first }), []);
    const second = votersOnly([1n, 2n]);
    assert.deepEqual(subject.step({ kind: "configured", index: 2, configuration: second }), []);
    assert.equal(subject.tick(20).at(0), "is preCandidate term=1 leader=none");
  });

  test("that is alone in a new group campaigns as soon as it knows that", () => {
    const subject = new Subject({
      term: 1,
      commit: 1,
      log: [1],
      changes: ["conf +1"],
      configuration: EMPTY_CONFIGURATION,
    });
    subject.step({ kind: "start" });
    const configuration = votersOnly([1n]);
    assert.deepEqual(subject.step({ kind: "configured", index: 1, configuration }), [
      "persist #1 term=2 vote=1 commit=1 []",
      "is candidate term=2 leader=none",
    ]);
  });

  test("that nobody has added yet follows, answers and stays quiet", () => {
    const subject = new Subject({ configuration: EMPTY_CONFIGURATION });
    assert.deepEqual(subject.hear(2n, append(3, [7, 2], [3])), [
      "persist #1 term=3 vote=0 commit=0 []",
      "is follower term=3 leader=2",
      "send to 2: appendRejected term=3 prevIndex=7 hintIndex=0 hintTerm=0",
    ]);
    assert.deepEqual(subject.hear(2n, heartbeat(3)), ["send to 2: heartbeatAck term=3 round=0"]);
    assert.deepEqual(subject.tick(60), ["is follower term=3 leader=2"].slice(1));
  });

  test("that was removed answers a voter who has not heard of it", () => {
    const subject = new Subject({
      term: 2,
      commit: 2,
      applied: 2,
      log: [1, 2],
      configuration: votersOnly([2n, 3n]),
    });
    const request = { kind: "voteRequest", term: 3, preVote: false, transfer: false } as const;
    assert.deepEqual(
      subject.hear(2n, { ...request, lastIndex: 2, lastTerm: 2, ...NO_COMMIT }).slice(2),
      [
        "send to 2: voteResponse term=3 preVote=false granted=true commitIndex=2 commitTerm=2 " +
          "(after #1)",
      ],
    );
  });
});

describe("a leader", () => {
  test("that is no voter any more hands over and steps down once that is in effect", () => {
    const leader = leaderOfThree();
    leader.step({ kind: "propose", payloads: [Buffer.from("conf -1")] });
    leader.step({ kind: "persisted", sequence: 3 });
    leader.hear(3n, { kind: "appendAccepted", term: 1, matchIndex: 2 });
    assert.equal(leader.raft.status().role, "leader");
    const configuration = votersOnly([2n, 3n]);
    assert.deepEqual(leader.step({ kind: "configured", index: 2, configuration }), [
      "is follower term=1 leader=none",
      "send to 3: timeoutNow term=1",
    ]);
    assert.deepEqual(leader.tick(60), []);
  });

  test("takes nothing from a member that was removed", () => {
    const leader = leaderWith(votersOnly([1n, 2n]));
    assert.deepEqual(leader.hear(3n, { kind: "appendAccepted", term: 1, matchIndex: 2 }), []);
    assert.deepEqual(leader.hear(3n, { kind: "readRequest", term: 1, context: 1 }), []);
    assert.deepEqual(leader.tick(1), ["send to 2: heartbeat term=1 commitIndex=2 round=0"]);
  });

  test("finishes a read by the majority that is in effect when the answers are there", () => {
    const leader = leaderOfThree();
    leader.step({ kind: "propose", payloads: [Buffer.from("conf -3")] });
    leader.step({ kind: "persisted", sequence: 3 });
    leader.hear(2n, { kind: "appendAccepted", term: 1, matchIndex: 2 });
    leader.step({ kind: "readIndex", id: 1 });
    // Two voters are enough for one of them to lead; an answer of one that is none is not.
    const configuration = learning([1n, 2n], [3n]);
    leader.step({ kind: "configured", index: 2, configuration });
    assert.deepEqual(leader.hear(3n, { kind: "heartbeatAck", term: 1, round: 1 }), []);
    assert.equal(
      leader.hear(2n, { kind: "heartbeatAck", term: 1, round: 1 }).includes("read 1 ready at 2"),
      true,
    );
  });

  test("ends a joint change by itself, and commits by both majorities until then", () => {
    const joint: Configuration = {
      voters: [
        [1n, 4n, 5n],
        [1n, 2n, 3n],
      ],
      learners: [],
      learnersNext: [],
    };
    const leader = leaderOfThree();
    leader.step({ kind: "propose", payloads: [Buffer.from("conf +4 +5 -2 -3")] });
    leader.step({ kind: "persisted", sequence: 3 });
    leader.hear(2n, { kind: "appendAccepted", term: 1, matchIndex: 2 });
    assert.equal(
      leader.step({ kind: "configured", index: 2, configuration: joint }).at(0),
      "persist #4 term=1 vote=1 commit=2 [3/1:conf leave]",
    );
    leader.step({ kind: "persisted", sequence: 4 });
    leader.hear(2n, { kind: "appendAccepted", term: 1, matchIndex: 3 });
    leader.hear(3n, { kind: "appendAccepted", term: 1, matchIndex: 3 });
    assert.equal(leader.raft.status().commitIndex, 2, "no majority of the new voters has it");
    leader.hear(4n, { kind: "appendAccepted", term: 1, matchIndex: 3 });
    assert.equal(leader.raft.status().commitIndex, 3);
    const after = leader.step({
      kind: "configured",
      index: 3,
      configuration: votersOnly([1n, 4n, 5n]),
    });
    assert.deepEqual(after, []);
    assert.deepEqual(
      leader.raft.status().progress.map(({ id }) => id),
      [1n, 4n, 5n],
    );
  });

  test("that is new ends a joint change that it finds", () => {
    const joint: Configuration = { voters: [[1n, 2n], [1n]], learners: [], learnersNext: [] };
    const subject = new Subject({
      term: 1,
      log: [1],
      commit: 1,
      applied: 1,
      configuration: joint,
    });
    subject.tick(20);
    subject.hear(2n, grant(2, true));
    subject.step({ kind: "persisted", sequence: 1 });
    assert.equal(
      subject.hear(2n, grant(2, false)).at(0),
      "persist #2 term=2 vote=1 commit=1 [2/2 3/2:conf leave]",
    );
    assert.equal(TEST_CODEC.isConfChange(TEST_CODEC.leaveJointPayload), true);
  });
});
