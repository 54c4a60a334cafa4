import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Message } from "../../src/raft-worker/core/messages.js";
import { votersOnly } from "./support/conf-change.js";
import { grant, heartbeat, leaderOfThree, NO_COMMIT, Subject } from "./support/subject.js";

const A = [Buffer.from("a")];
const TIMEOUT_NOW: Message = { kind: "timeoutNow", term: 1 };

function transferRequest(term: number): Message {
  const last = { lastIndex: 9, lastTerm: 9 };
  return { kind: "voteRequest", term, preVote: false, transfer: true, ...last, ...NO_COMMIT };
}

describe("a leader that hands over", () => {
  test("lets a target that has everything campaign at once", () => {
    const leader = leaderOfThree();
    assert.deepEqual(leader.step({ kind: "transferLeader", to: 3n }), [
      "send to 3: timeoutNow term=1",
    ]);
    assert.equal(leader.raft.status().transferTarget, 3n);
    assert.equal(leader.raft.hasLeader, false);
  });

  test("first sends the target what it lacks", () => {
    const leader = leaderOfThree({ settings: { inflightMessagesMax: 1 } });
    leader.step({ kind: "propose", payloads: A });
    leader.step({ kind: "propose", payloads: A });
    assert.deepEqual(leader.step({ kind: "transferLeader", to: 3n }), []);
    assert.deepEqual(leader.hear(3n, { kind: "appendAccepted", term: 1, matchIndex: 2 }), [
      "send to 3: appendRequest term=1 prevIndex=2 prevTerm=1 entries=[3/1:a] commitIndex=1",
    ]);
    assert.deepEqual(leader.hear(3n, { kind: "appendAccepted", term: 1, matchIndex: 3 }), [
      "send to 3: timeoutNow term=1",
    ]);
  });

  test("gives proposals back, and takes them again when the target has not campaigned in time", () => {
    const leader = leaderOfThree();
    leader.step({ kind: "transferLeader", to: 3n });
    assert.deepEqual(leader.step({ kind: "propose", payloads: A }), ["1 proposals refused"]);
    const forwarded: Message = { kind: "proposeRequest", term: 1, payloads: A };
    assert.deepEqual(leader.hear(2n, forwarded), ["send to 2: proposeRefused term=1 payloads=[a]"]);
    const ticks = leader.tick(9);
    assert.equal(ticks.filter((line) => line === "send to 3: timeoutNow term=1").length, 9);
    leader.tick(1);
    assert.equal(leader.raft.status().transferTarget, undefined);
    assert.equal(
      leader.step({ kind: "propose", payloads: A }).at(0),
      "persist #3 term=1 vote=1 commit=1 [2/1:a]",
    );
  });

  test("chooses the voter with most of the log when nobody is named", () => {
    const leader = leaderOfThree();
    leader.step({ kind: "propose", payloads: A });
    leader.hear(3n, { kind: "appendAccepted", term: 1, matchIndex: 2 });
    assert.deepEqual(leader.step({ kind: "transferLeader", to: undefined }), [
      "send to 3: timeoutNow term=1",
    ]);
  });

  test("does not to itself, a learner or a stranger", () => {
    const configuration = { ...votersOnly([1n, 2n, 3n]), learners: [4n] };
    const leader = leaderOfThree({ configuration });
    for (const to of [1n, 4n, 9n]) {
      assert.deepEqual(leader.step({ kind: "transferLeader", to }), []);
      assert.equal(leader.raft.status().transferTarget, undefined);
    }
  });

  test("stops when the target loses its vote", () => {
    const leader = leaderOfThree();
    leader.step({ kind: "propose", payloads: [Buffer.from("conf -3")] });
    leader.step({ kind: "persisted", sequence: 3 });
    leader.hear(2n, { kind: "appendAccepted", term: 1, matchIndex: 2 });
    leader.step({ kind: "transferLeader", to: 3n });
    leader.step({ kind: "configured", index: 2, configuration: votersOnly([1n, 2n]) });
    assert.equal(leader.raft.status().transferTarget, undefined);
  });

  test("votes for the target although it leads", () => {
    const leader = leaderOfThree();
    leader.step({ kind: "transferLeader", to: 3n });
    assert.deepEqual(leader.hear(3n, transferRequest(2)), [
      "persist #3 term=2 vote=3 commit=1 []",
      "is follower term=2 leader=none",
      "send to 3: voteResponse term=2 preVote=false granted=true commitIndex=1 commitTerm=1 (after #3)",
    ]);
  });
});

describe("a follower", () => {
  test("that is told to campaigns at once, without a pre-vote, and says why", () => {
    const subject = new Subject({ term: 1 });
    subject.hear(2n, heartbeat(1));
    assert.deepEqual(subject.hear(2n, TIMEOUT_NOW), [
      "persist #1 term=2 vote=1 commit=0 []",
      "is candidate term=2 leader=none",
      "send to 2: voteRequest term=2 preVote=false transfer=true lastIndex=0 lastTerm=0 commitIndex=0 commitTerm=0 (after #1)",
      "send to 3: voteRequest term=2 preVote=false transfer=true lastIndex=0 lastTerm=0 commitIndex=0 commitTerm=0 (after #1)",
    ]);
    // When that comes to nothing, its term being on disk, the next campaign is like any other.
    subject.step({ kind: "persisted", sequence: 1 });
    assert.equal(
      subject.tick(20)[1],
      "send to 2: voteRequest term=3 preVote=true transfer=false lastIndex=0 lastTerm=0 commitIndex=0 commitTerm=0",
    );
  });

  test("that is no voter yet campaigns when it becomes one", () => {
    const learner = { ...votersOnly([2n, 3n]), learners: [1n] };
    const subject = new Subject({ term: 1, configuration: learner });
    subject.hear(2n, heartbeat(1));
    assert.deepEqual(subject.hear(2n, TIMEOUT_NOW), []);
    const configuration = votersOnly([1n, 2n, 3n]);
    assert.equal(
      subject.step({ kind: "configured", index: 1, configuration }).at(1),
      "is candidate term=2 leader=none",
    );
  });

  test("forgets that it was told to after an election timeout", () => {
    const learner = { ...votersOnly([2n, 3n]), learners: [1n] };
    const subject = new Subject({ term: 1, configuration: learner });
    subject.hear(2n, TIMEOUT_NOW);
    subject.tick(10);
    const configuration = votersOnly([1n, 2n, 3n]);
    assert.deepEqual(subject.step({ kind: "configured", index: 1, configuration }), []);
  });

  test("forgets that it was told to when it hears of a new leader", () => {
    const learner = { ...votersOnly([2n, 3n]), learners: [1n] };
    const subject = new Subject({ term: 1, configuration: learner });
    subject.hear(2n, TIMEOUT_NOW);
    subject.hear(3n, heartbeat(2));
    const configuration = votersOnly([1n, 2n, 3n]);
    assert.deepEqual(subject.step({ kind: "configured", index: 1, configuration }), []);
  });

  test("votes in a transfer although it hears its leader", () => {
    const subject = new Subject({ term: 1 });
    subject.hear(2n, heartbeat(1));
    assert.equal(subject.hear(3n, transferRequest(2)).length, 3);
    assert.equal(subject.raft.status().vote, 3n);
  });

  test("holds proposals that came back until the next tick", () => {
    const subject = new Subject({ term: 1 });
    subject.hear(2n, heartbeat(1));
    const refused: Message = { kind: "proposeRefused", term: 1, payloads: A };
    assert.deepEqual(subject.hear(2n, refused), ["1 proposals refused"]);
    assert.equal(subject.raft.hasLeader, false);
    assert.deepEqual(subject.step({ kind: "propose", payloads: A }), ["1 proposals refused"]);
    subject.tick(1);
    assert.equal(subject.raft.hasLeader, true);
  });

  test("gets its proposals back however old the answer is", () => {
    const subject = new Subject({ term: 5 });
    const refused: Message = { kind: "proposeRefused", term: 2, payloads: A };
    assert.deepEqual(subject.hear(2n, refused), ["1 proposals refused"]);
  });
});

describe("forwarded proposals", () => {
  const forwarded = (term: number): Message => ({ kind: "proposeRequest", term, payloads: A });

  test("go back from a member that does not lead, or led in their term", () => {
    const subject = new Subject({ term: 2 });
    const refused = ["send to 3: proposeRefused term=2 payloads=[a]"];
    assert.deepEqual(subject.hear(3n, forwarded(2)), refused);
    assert.deepEqual(subject.hear(3n, forwarded(1)), refused);
  });

  test("go back while the leader has too much that is not applied; its own it takes", () => {
    const leader = leaderOfThree({ settings: { unappliedBytesMax: 1 } });
    assert.equal(leader.hear(2n, forwarded(1)).at(0)?.startsWith("persist #3"), true);
    assert.deepEqual(leader.hear(2n, forwarded(1)), [
      "send to 2: proposeRefused term=1 payloads=[a]",
    ]);
    assert.equal(
      leader.step({ kind: "propose", payloads: A }).at(0)?.startsWith("persist #4"),
      true,
    );
  });

  test("that were taken are not given back by a leader that steps down", () => {
    const leader = leaderOfThree();
    leader.hear(2n, forwarded(1));
    const effects = leader.hear(3n, { kind: "termNotice", term: 2 });
    assert.deepEqual(effects, [
      "persist #4 term=2 vote=0 commit=1 []",
      "is follower term=2 leader=none",
    ]);
    assert.deepEqual(leader.hear(2n, grant(2, false)), []);
  });
});
