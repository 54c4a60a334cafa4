import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ReadGate } from "../../src/main/frontend/read-gate.js";
import { ErrorCode } from "../../src/shared/errors.js";

/** A gate, the questions it asked, and the answers its reads got. */
function setUp() {
  const state = { applied: 10, asked: [] as number[], answers: [] as string[] };
  const gate = new ReadGate(
    (readId) => state.asked.push(readId),
    () => state.applied,
  );
  const read = (name: string, nowMs = 0): void =>
    gate.wait((code) => state.answers.push(`${name}:${code}`), nowMs);
  return { state, gate, read };
}

describe("ReadGate", () => {
  test("asks once for all reads that arrived before", () => {
    const { state, gate, read } = setUp();
    read("a");
    read("b");
    gate.flush();
    gate.flush();
    assert.deepEqual(state.asked, [1]);
    gate.confirmed(1, 10);
    assert.deepEqual(state.answers, ["a:0", "b:0"]);
  });

  test("R-06 a read that comes while a question is out waits for the next one", () => {
    const { state, gate, read } = setUp();
    read("early");
    gate.flush();
    read("late");
    gate.flush();
    gate.confirmed(1, 10);
    assert.deepEqual(state.answers, ["early:0"]);
    assert.deepEqual(state.asked, [1, 2]);
    gate.confirmed(2, 10);
    assert.deepEqual(state.answers, ["early:0", "late:0"]);
  });

  test("holds a confirmed read until its index is applied", () => {
    const { state, gate, read } = setUp();
    read("a");
    gate.flush();
    gate.confirmed(1, 12);
    state.applied = 11;
    gate.applied();
    assert.deepEqual(state.answers, []);
    state.applied = 12;
    gate.applied();
    assert.deepEqual(state.answers, ["a:0"]);
  });

  test("fails the reads of a failed question only", () => {
    const { state, gate, read } = setUp();
    read("a");
    gate.flush();
    read("b");
    gate.failed(1, ErrorCode.leaderChanged);
    assert.deepEqual(state.answers, [`a:${ErrorCode.leaderChanged}`]);
    gate.confirmed(2, 1);
    assert.deepEqual(state.answers, [`a:${ErrorCode.leaderChanged}`, "b:0"]);
  });

  test("expires what waited too long, wherever it waits, and asks anew for the rest", () => {
    const { state, gate, read } = setUp();
    read("applied too late", 1);
    gate.flush();
    gate.confirmed(1, 99);
    read("never confirmed", 2);
    gate.flush();
    read("young", 50);
    gate.expire(40, ErrorCode.timeout);
    assert.deepEqual(
      [...state.answers].sort(),
      [`applied too late:${ErrorCode.timeout}`, `never confirmed:${ErrorCode.timeout}`].sort(),
    );
    assert.deepEqual(state.asked, [1, 2, 3]);
    // The answer to the question that was given up must not let the young read go.
    gate.confirmed(2, 1);
    assert.equal(state.answers.length, 2);
    gate.confirmed(3, 1);
    assert.equal(state.answers.at(-1), "young:0");
  });
});
