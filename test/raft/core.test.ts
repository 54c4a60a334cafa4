import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { InvariantError } from "../../src/shared/assert.js";
import {
  append,
  grant,
  heartbeat,
  leaderOfThree,
  NO_COMMIT,
  Subject,
  voteRequest,
} from "./support/subject.js";

describe("a vote request", () => {
  test("is granted to the first in a term, once the vote is on disk", () => {
    const subject = new Subject({ log: [1], term: 1 });
    assert.deepEqual(subject.hear(2n, voteRequest(2, [1, 1])), [
      "persist #1 term=2 vote=2 commit=0 []",
      "is follower term=2 leader=none",
      "send to 2: voteResponse term=2 preVote=false granted=true commitIndex=0 commitTerm=0 (after #1)",
    ]);
  });

  test("is refused to the second in a term, and granted again to the first", () => {
    const subject = new Subject({ term: 2, vote: 2n });
    assert.deepEqual(subject.hear(3n, voteRequest(2, [9, 9])), [
      "send to 3: voteResponse term=2 preVote=false granted=false commitIndex=0 commitTerm=0",
    ]);
    assert.deepEqual(subject.hear(2n, voteRequest(2, [0, 0])), [
      "send to 2: voteResponse term=2 preVote=false granted=true commitIndex=0 commitTerm=0",
    ]);
  });

  test("is refused to a log that is behind, but its term is entered", () => {
    const subject = new Subject({ term: 1, log: [1, 1] });
    assert.deepEqual(subject.hear(2n, voteRequest(2, [1, 1])), [
      "persist #1 term=2 vote=0 commit=0 []",
      "is follower term=2 leader=none",
      "send to 2: voteResponse term=2 preVote=false granted=false commitIndex=0 commitTerm=0",
    ]);
  });

  test("of an earlier term is refused with the term of today", () => {
    const subject = new Subject({ term: 5 });
    assert.deepEqual(subject.hear(2n, voteRequest(4, [9, 4])), [
      "send to 2: voteResponse term=5 preVote=false granted=false commitIndex=0 commitTerm=0",
    ]);
  });

  test("is ignored while a leader was heard within an election timeout", () => {
    const subject = new Subject({ term: 1 });
    subject.hear(3n, heartbeat(1));
    subject.tick(9);
    assert.deepEqual(subject.hear(2n, voteRequest(2, [9, 9])), []);
    assert.deepEqual(subject.hear(2n, voteRequest(2, [9, 9], true)), []);
    subject.tick(1);
    assert.equal(subject.hear(2n, voteRequest(2, [9, 9])).length, 3);
  });

  test("is ignored by a leader", () => {
    const leader = leaderOfThree();
    assert.deepEqual(leader.hear(2n, voteRequest(7, [9, 9])), []);
  });

  test("before the vote changes nothing", () => {
    const subject = new Subject({ term: 1 });
    const before = subject.status;
    assert.deepEqual(subject.hear(2n, voteRequest(2, [0, 0], true)), [
      "send to 2: voteResponse term=2 preVote=true granted=true commitIndex=0 commitTerm=0",
    ]);
    assert.equal(subject.status, before);
  });
});

describe("a campaign", () => {
  test("asks for real votes only after its own is on disk, and counts that then", () => {
    const subject = new Subject();
    subject.tick(20);
    assert.deepEqual(subject.hear(2n, grant(1, true)), [
      "persist #1 term=1 vote=1 commit=0 []",
      "is candidate term=1 leader=none",
      "send to 2: voteRequest term=1 preVote=false transfer=false lastIndex=0 lastTerm=0 commitIndex=0 commitTerm=0 (after #1)",
      "send to 3: voteRequest term=1 preVote=false transfer=false lastIndex=0 lastTerm=0 commitIndex=0 commitTerm=0 (after #1)",
    ]);
    assert.deepEqual(subject.hear(2n, grant(1, false)), []);
    assert.deepEqual(subject.step({ kind: "persisted", sequence: 1 }), [
      "persist #2 term=1 vote=1 commit=0 [1/1]",
      "is leader term=1 leader=1",
      "send to 2: appendRequest term=1 prevIndex=0 prevTerm=0 entries=[1/1] commitIndex=0",
      "send to 3: appendRequest term=1 prevIndex=0 prevTerm=0 entries=[1/1] commitIndex=0",
    ]);
  });

  test("is lost when a majority refuses", () => {
    const subject = new Subject();
    subject.tick(20);
    const no = {
      kind: "voteResponse",
      term: 0,
      preVote: true,
      granted: false,
      ...NO_COMMIT,
    } as const;
    assert.deepEqual(subject.hear(2n, no), []);
    assert.deepEqual(subject.hear(3n, no), ["is follower term=0 leader=none"]);
  });

  test("does not count a pre-vote for another term, or a real vote", () => {
    const subject = new Subject({ term: 4 });
    subject.tick(20);
    assert.deepEqual(subject.hear(2n, grant(4, true)), []);
    assert.deepEqual(subject.hear(2n, grant(6, true)), []);
    assert.deepEqual(subject.hear(2n, grant(4, false)), []);
    assert.match(subject.status, /^preCandidate term=4/);
  });

  test("ends when a leader of the term speaks", () => {
    const subject = new Subject({ term: 3 });
    subject.tick(20);
    assert.deepEqual(subject.hear(2n, heartbeat(3)), [
      "is follower term=3 leader=2",
      "send to 2: heartbeatAck term=3 round=0",
    ]);
  });

  test("begins again with a pre-vote when it comes to nothing", () => {
    const subject = new Subject();
    subject.tick(20);
    subject.hear(2n, grant(1, true));
    subject.step({ kind: "persisted", sequence: 1 });
    assert.deepEqual(subject.tick(20).slice(0, 2), [
      "is preCandidate term=1 leader=none",
      "send to 2: voteRequest term=2 preVote=true transfer=false lastIndex=0 lastTerm=0 commitIndex=0 commitTerm=0",
    ]);
  });
});

describe("an append", () => {
  test("is accepted once its entries are on disk", () => {
    const subject = new Subject({ term: 1, log: [1] });
    assert.deepEqual(subject.hear(2n, append(1, [1, 1], [1, 1])), [
      "persist #1 term=1 vote=0 commit=0 [2/1 3/1]",
      "is follower term=1 leader=2",
      "send to 2: appendAccepted term=1 matchIndex=3 (after #1)",
    ]);
    assert.deepEqual(subject.step({ kind: "persisted", sequence: 1 }), []);
    assert.equal(subject.status, "follower term=1 vote=0 leader=2 commit=0 persisted=3 last=3");
  });

  test("replaces entries that conflict, and they are written again", () => {
    const subject = new Subject({ term: 2, log: [1, 1, 1] });
    assert.deepEqual(subject.hear(2n, append(2, [1, 1], [2])), [
      "persist #1 term=2 vote=0 commit=0 [2/2]",
      "is follower term=2 leader=2",
      "send to 2: appendAccepted term=2 matchIndex=2 (after #1)",
    ]);
  });

  test("after a gap is rejected with the place where the logs may meet", () => {
    const subject = new Subject({ term: 3, log: [1, 1] });
    assert.deepEqual(subject.hear(2n, append(3, [7, 3], [3])), [
      "is follower term=3 leader=2",
      "send to 2: appendRejected term=3 prevIndex=7 hintIndex=2 hintTerm=1",
    ]);
  });

  test("commits no further than it is known to match", () => {
    // Entries 3 and 4 here are of a deposed leader; the new one has committed others in their place.
    const subject = new Subject({ term: 2, log: [1, 1, 1, 1] });
    const message = { ...append(2, [1, 1], [1]), commitIndex: 4 };
    assert.deepEqual(subject.hear(2n, message), [
      "is follower term=2 leader=2",
      "commit up to 2",
      "send to 2: appendAccepted term=2 matchIndex=2",
    ]);
  });

  test("that is older than what is committed is answered with that", () => {
    const subject = new Subject({ term: 1, log: [1, 1, 1], commit: 3, applied: 3 });
    assert.deepEqual(subject.hear(2n, append(1, [1, 1], [1])), [
      "is follower term=1 leader=2",
      "send to 2: appendAccepted term=1 matchIndex=3",
    ]);
  });

  test("of an earlier term tells its sender the term", () => {
    const subject = new Subject({ term: 5 });
    assert.deepEqual(subject.hear(2n, append(4, [0, 0], [4])), ["send to 2: termNotice term=5"]);
    assert.deepEqual(subject.hear(2n, heartbeat(4)), ["send to 2: termNotice term=5"]);
  });

  test("of another leader in one term is a broken invariant", () => {
    const subject = new Subject({ term: 1 });
    subject.hear(2n, heartbeat(1));
    assert.throws(() => subject.hear(3n, heartbeat(1)), InvariantError);
  });
});

describe("a follower", () => {
  test("commits what a heartbeat says, and gives it out when it is on its disk", () => {
    const subject = new Subject({ term: 1 });
    subject.hear(2n, append(1, [0, 0], [1, 1]));
    assert.deepEqual(subject.hear(2n, heartbeat(1, 1)), ["send to 2: heartbeatAck term=1 round=0"]);
    assert.deepEqual(subject.step({ kind: "persisted", sequence: 1 }), ["commit up to 1"]);
  });

  test("forwards proposals to its leader, and refuses them when it has none", () => {
    const subject = new Subject({ term: 1 });
    const payloads = [Buffer.from("a"), Buffer.from("b")];
    assert.deepEqual(subject.step({ kind: "propose", payloads }), ["2 proposals refused"]);
    subject.hear(2n, heartbeat(1));
    assert.deepEqual(subject.step({ kind: "propose", payloads }), [
      "send to 2: proposeRequest term=1 payloads=[a b]",
    ]);
  });

  test("waits a short while for a leader whose connection broke, and the whole timeout for others", () => {
    const broken = new Subject({ term: 1 });
    broken.hear(2n, heartbeat(1));
    broken.step({ kind: "unreachable", id: 2n });
    // Two ticks of grace and at most what the random part of the timeout adds.
    const electionTicks = 10;
    assert.match(broken.tick(2 + electionTicks - 1).join("; "), /is preCandidate/);
    const whole = new Subject({ term: 1 });
    whole.hear(2n, heartbeat(1));
    whole.step({ kind: "unreachable", id: 3n });
    assert.deepEqual(whole.tick(electionTicks - 1), []);
    broken.step({ kind: "unreachable", id: 3n });
  });

  test("keeps to a leader whose connection broke when it is heard again", () => {
    const subject = new Subject({ term: 1 });
    subject.hear(2n, heartbeat(1));
    subject.step({ kind: "unreachable", id: 2n });
    subject.tick(1);
    subject.hear(2n, heartbeat(1));
    assert.deepEqual(subject.tick(9), []);
  });

  test("forwards waiting reads as one, repeats the question, and turns to a new leader", () => {
    const subject = new Subject({ term: 1 });
    assert.deepEqual(subject.step({ kind: "readIndex", id: 1 }), []);
    assert.deepEqual(subject.step({ kind: "readIndex", id: 2 }), []);
    assert.deepEqual(subject.hear(2n, heartbeat(1)), [
      "is follower term=1 leader=2",
      "send to 2: readRequest term=1 context=*",
      "send to 2: heartbeatAck term=1 round=0",
    ]);
    assert.deepEqual(subject.tick(5), ["send to 2: readRequest term=1 context=*"]);
    assert.deepEqual(subject.hear(3n, heartbeat(2)), [
      "persist #1 term=2 vote=0 commit=0 []",
      "is follower term=2 leader=3",
      "send to 3: readRequest term=2 context=*",
      "send to 3: heartbeatAck term=2 round=0",
    ]);
  });

  test("takes only the answer to its own question of this life", () => {
    const subject = new Subject({ term: 1 });
    subject.hear(2n, heartbeat(1));
    const effects = subject.raft.step({ kind: "readIndex", id: 9 });
    const request = effects.find((effect) => effect.kind === "send")?.message;
    assert.ok(request?.kind === "readRequest");
    const answer = { kind: "readResponse", term: 1, context: request.context, index: 5 } as const;
    assert.deepEqual(subject.hear(2n, { ...answer, context: request.context - 1 }), []);
    assert.deepEqual(subject.hear(2n, answer), ["read 9 ready at 5"]);
    assert.deepEqual(subject.hear(2n, answer), []);
  });

  test("refuses reads beyond the bound while there is no leader", () => {
    const subject = new Subject({ settings: { readsWaitingMax: 2 } });
    assert.deepEqual(subject.step({ kind: "readIndex", id: 1 }), []);
    assert.deepEqual(subject.step({ kind: "readIndex", id: 2 }), []);
    assert.deepEqual(subject.step({ kind: "readIndex", id: 3 }), ["read 3 refused"]);
  });
});

describe("a leader", () => {
  test("replicates at once, ahead of its own disk, and counts that only when it answers", () => {
    const leader = leaderOfThree();
    const payloads = [Buffer.from("a")];
    assert.deepEqual(leader.step({ kind: "propose", payloads }), [
      "persist #3 term=1 vote=1 commit=1 [2/1:a]",
      "send to 2: appendRequest term=1 prevIndex=1 prevTerm=1 entries=[2/1:a] commitIndex=1",
      "send to 3: appendRequest term=1 prevIndex=1 prevTerm=1 entries=[2/1:a] commitIndex=1",
    ]);
    assert.deepEqual(
      leader.hear(2n, { kind: "appendAccepted", term: 1, matchIndex: 2 }),
      [],
      "one of three is no majority",
    );
    assert.deepEqual(leader.step({ kind: "persisted", sequence: 3 }), [
      "commit up to 2",
      "send to 2: appendRequest term=1 prevIndex=2 prevTerm=1 entries=[] commitIndex=2",
      "send to 3: appendRequest term=1 prevIndex=2 prevTerm=1 entries=[] commitIndex=2",
    ]);
  });

  test("sends no more appends than the window allows, and goes on when they are answered", () => {
    const leader = leaderOfThree({ settings: { inflightMessagesMax: 2 } });
    const payloads = [Buffer.from("a")];
    const sends = (): number =>
      leader.step({ kind: "propose", payloads }).filter((line) => line.startsWith("send to 2"))
        .length;
    assert.deepEqual([sends(), sends(), sends(), sends()], [1, 1, 0, 0]);
    const effects = leader.hear(2n, { kind: "appendAccepted", term: 1, matchIndex: 2 });
    assert.deepEqual(effects, [
      "send to 2: appendRequest term=1 prevIndex=3 prevTerm=1 entries=[4/1:a 5/1:a] commitIndex=1",
    ]);
  });

  test("never commits an entry of an earlier term by counting", () => {
    const leader = new Subject({ term: 2, log: [1, 2] });
    leader.tick(20);
    leader.hear(2n, grant(3, true));
    leader.step({ kind: "persisted", sequence: 1 });
    leader.hear(2n, grant(3, false));
    leader.step({ kind: "persisted", sequence: 2 });
    assert.deepEqual(leader.hear(2n, { kind: "appendAccepted", term: 3, matchIndex: 2 }), [
      "send to 2: appendRequest term=3 prevIndex=2 prevTerm=2 entries=[3/3] commitIndex=0",
    ]);
    assert.equal(leader.raft.status().commitIndex, 0);
    leader.hear(2n, { kind: "appendAccepted", term: 3, matchIndex: 3 });
    assert.equal(leader.raft.status().commitIndex, 3);
  });

  test("confirms a read only by answers to a round that began after it", () => {
    const leader = leaderOfThree();
    assert.deepEqual(leader.step({ kind: "readIndex", id: 1 }), [
      "send to 2: heartbeat term=1 commitIndex=1 round=1",
      "send to 3: heartbeat term=1 commitIndex=1 round=1",
    ]);
    assert.deepEqual(leader.hear(2n, { kind: "heartbeatAck", term: 1, round: 0 }), []);
    assert.deepEqual(leader.hear(2n, { kind: "heartbeatAck", term: 1, round: 1 }), [
      "read 1 ready at 1",
    ]);
    leader.step({ kind: "readIndex", id: 2 });
    assert.deepEqual(leader.hear(3n, { kind: "heartbeatAck", term: 1, round: 1 }), []);
    assert.deepEqual(leader.hear(3n, { kind: "heartbeatAck", term: 1, round: 2 }), [
      "read 2 ready at 1",
    ]);
  });

  test("steps down when it hears of a later term, and keeps its reads for the next leader", () => {
    const leader = leaderOfThree();
    leader.step({ kind: "readIndex", id: 1 });
    assert.deepEqual(leader.hear(3n, { kind: "termNotice", term: 4 }), [
      "persist #3 term=4 vote=0 commit=1 []",
      "is follower term=4 leader=none",
    ]);
    assert.deepEqual(leader.hear(3n, heartbeat(4)), [
      "is follower term=4 leader=3",
      "send to 3: readRequest term=4 context=*",
      "send to 3: heartbeatAck term=4 round=0",
    ]);
  });

  test("steps down when no quorum answered for an election timeout", () => {
    const leader = leaderOfThree();
    leader.tick(10);
    assert.equal(leader.raft.status().role, "leader");
    assert.equal(leader.tick(10).at(-1), "is follower term=1 leader=none");
  });

  test("sends heartbeats and no appends to a member whose entries were let go", () => {
    const settings = { retention: { entriesMax: 0, bytesMax: 0 } };
    const leader = leaderOfThree({ settings });
    for (let index = 2; index <= 5; index += 1) {
      leader.step({ kind: "propose", payloads: [Buffer.from("x")] });
      leader.step({ kind: "persisted", sequence: index + 1 });
      leader.hear(2n, { kind: "appendAccepted", term: 1, matchIndex: index });
    }
    leader.step({ kind: "applied", index: 5 });
    leader.step({ kind: "flushed", index: 5 });
    assert.equal(leader.raft.status().firstIndex, 6);
    const gap = {
      kind: "appendRejected",
      term: 1,
      prevIndex: 4,
      hintIndex: 1,
      hintTerm: 1,
    } as const;
    assert.deepEqual(leader.hear(3n, gap), ["send a snapshot to 3"]);
    assert.deepEqual(leader.tick(1), [
      "send to 2: heartbeat term=1 commitIndex=5 round=0",
      "send to 3: heartbeat term=1 commitIndex=1 round=0",
    ]);
    assert.deepEqual(leader.hear(3n, { kind: "heartbeatAck", term: 1, round: 0 }), []);
    // Its appends were only late: it has everything after all.
    leader.hear(3n, { kind: "appendAccepted", term: 1, matchIndex: 5 });
    assert.deepEqual(leader.step({ kind: "propose", payloads: [Buffer.from("y")] }).slice(1), [
      "send to 2: appendRequest term=1 prevIndex=5 prevTerm=1 entries=[6/1:y] commitIndex=5",
      "send to 3: appendRequest term=1 prevIndex=5 prevTerm=1 entries=[6/1:y] commitIndex=5",
    ]);
  });
});

describe("a member", () => {
  test("that is alone campaigns when it starts; one that is no voter never does", () => {
    const alone = new Subject({ voters: [1n] });
    assert.deepEqual(alone.step({ kind: "start" }), [
      "persist #1 term=1 vote=1 commit=0 []",
      "is candidate term=1 leader=none",
    ]);
    const outsider = new Subject({ voters: [2n, 3n] });
    assert.deepEqual(outsider.step({ kind: "start" }), []);
    assert.deepEqual(outsider.tick(100), []);
  });

  test("gives out again, when it starts, what is committed and not applied", () => {
    const subject = new Subject({ term: 1, log: [1, 1, 1], commit: 2, applied: 1 });
    assert.deepEqual(subject.step({ kind: "start" }), ["commit up to 2"]);
    const ahead = new Subject({ term: 1, log: [1, 1, 1], commit: 1, applied: 2 });
    assert.deepEqual(ahead.step({ kind: "start" }), []);
    assert.equal(ahead.raft.status().commitIndex, 2);
  });

  test("breaks an invariant when a write is said to be finished that was never begun", () => {
    const subject = new Subject();
    assert.throws(() => subject.step({ kind: "persisted", sequence: 1 }), InvariantError);
  });
});
