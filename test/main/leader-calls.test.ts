import assert from "node:assert/strict";
import { describe, mock, type TestContext, test } from "node:test";
import { LeaderCalls } from "../../src/main/cluster/leader-calls.js";
import type { AnswerHandler } from "../../src/main/frontend/pending.js";
import { ErrorCode } from "../../src/shared/errors.js";
import { PEER_QUESTIONS_OPEN_MAX } from "../../src/shared/limits.js";

/** Calls whose tries the test answers, on a clock that the test moves. */
function setUp(t: TestContext) {
  mock.timers.enable({ apis: ["setInterval"] });
  t.after(() => mock.timers.reset());
  let nowMs = 0;
  const state = { isWanted: true, leaderId: 5n };
  const calls = new LeaderCalls({
    timeoutMs: 7000,
    attemptMs: 2000,
    nowMs: () => nowMs,
    leaderId: () => state.leaderId,
  });
  const tries: AnswerHandler[] = [];
  const answers: string[] = [];
  const make = (isRepeatable = true): void =>
    calls.make(
      { attempt: (done) => tries.push(done), isWanted: () => state.isWanted, isRepeatable },
      (code, _revision, bytes, offset, length) => {
        answers.push(`${code} ${Buffer.from(bytes.subarray(offset, offset + length))}`);
      },
    );
  const answer = (at: number, code: ErrorCode | 0, text = ""): void =>
    tries[at]?.(code, 0, Buffer.from(text), 0, text.length);
  const pass = (ms: number): void => {
    for (let passed = 0; passed < ms; passed += 50) {
      nowMs += 50;
      mock.timers.tick(50);
    }
  };
  return { calls, tries, answers, state, make, answer, pass };
}

describe("LeaderCalls", () => {
  test("L-26 tries again while there is no leader, and gives the first real answer", (t) => {
    const { tries, answers, make, answer, pass } = setUp(t);
    make();
    answer(0, ErrorCode.noLeader);
    pass(50);
    answer(1, ErrorCode.notPrimaryLessor);
    pass(50);
    answer(2, ErrorCode.timeoutConnectionLost);
    pass(50);
    answer(3, 0, "ttl");
    pass(1000);
    assert.deepEqual(answers, ["0 ttl"]);
    assert.equal(tries.length, 4);
  });

  test("L-26 without a leader it is said so when the time is over, else that it took too long", (t) => {
    const { answers, make, answer, tries, pass } = setUp(t);
    make();
    for (let at = 0; at < 200; at++) {
      answer(at, ErrorCode.noLeader);
      pass(50);
    }
    assert.deepEqual(answers, [`${ErrorCode.noLeader} `]);
    const before = tries.length;
    make();
    for (let at = before; at < before + 200; at++) {
      answer(at, ErrorCode.timeoutConnectionLost);
      pass(50);
    }
    assert.equal(answers[1], `${ErrorCode.timeout} `);
  });

  test("refusals that will not pass are answered at once", (t) => {
    const { answers, make, answer } = setUp(t);
    make();
    answer(0, ErrorCode.leaseNotFound);
    assert.deepEqual(answers, [`${ErrorCode.leaseNotFound} `]);
  });

  test("a lost try is made again, and its late answer is nobody's", (t) => {
    const { tries, answers, make, answer, pass } = setUp(t);
    make();
    pass(1950);
    assert.equal(tries.length, 1);
    pass(50);
    assert.equal(tries.length, 2);
    answer(0, 0, "late");
    assert.deepEqual(answers, []);
    answer(1, 0, "good");
    assert.deepEqual(answers, ["0 good"]);
  });

  test("a try at a leader that another one has followed is not waited for", (t) => {
    const { tries, state, make, pass } = setUp(t);
    make();
    make(false);
    state.leaderId = 0n;
    pass(50);
    assert.equal(tries.length, 2);
    state.leaderId = 6n;
    pass(50);
    assert.equal(tries.length, 3);
    pass(50);
    assert.equal(tries.length, 3);
  });

  test("what must not happen twice is not tried again while a try is under way", (t) => {
    const { tries, answers, make, answer, pass } = setUp(t);
    make(false);
    pass(6000);
    assert.equal(tries.length, 1);
    answer(0, ErrorCode.notLeader);
    pass(50);
    assert.equal(tries.length, 2);
    answer(1, 0, "done");
    assert.deepEqual(answers, ["0 done"]);
  });

  test("what nobody wants is neither tried nor answered", (t) => {
    const { tries, answers, state, make, answer, pass } = setUp(t);
    make();
    answer(0, ErrorCode.noLeader);
    state.isWanted = false;
    pass(10_000);
    assert.equal(tries.length, 1);
    assert.deepEqual(answers, []);
  });

  test("there is a bound", (t) => {
    const { answers, make } = setUp(t);
    for (let i = 0; i < PEER_QUESTIONS_OPEN_MAX; i++) make();
    assert.deepEqual(answers, []);
    make();
    assert.deepEqual(answers, [`${ErrorCode.tooManyRequests} `]);
  });
});
