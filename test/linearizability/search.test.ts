import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { checkLinearizable, type Verdict } from "../support/linearizability/check.js";
import { KV_MODEL } from "../support/linearizability/kv-model.js";
import type { Model, Operation } from "../support/linearizability/model.js";
import { Random } from "../support/random.js";
import { linearizableByTrying } from "./brute-force.js";
import { type KvOperation, rightHistory } from "./store.js";

const RUNS = Math.ceil(1500 * Number(process.env.CAPSTAN_TEST_SCALE ?? 1));

/** A register: a write of a number, or a read. */
type RegisterInput = { readonly write: number } | "read";
const REGISTER: Model<number, RegisterInput, number> = {
  init: () => 0,
  step: (state, input, output) => {
    if (input === "read") return state === output ? state : undefined;
    return input.write;
  },
  stepUnknown: (state, input) => (input === "read" || input.write === state ? [] : [input.write]),
  key: String,
};

type RegisterOperation = Operation<RegisterInput, number>;

function call(
  times: readonly [number, number | undefined],
  input: RegisterInput,
  output = 0,
): RegisterOperation {
  const [invokedAt, returnedAt] = times;
  const told = returnedAt === undefined ? undefined : output;
  return { client: 0, invokedAt, returnedAt, input, output: told };
}

function verdict(...operations: RegisterOperation[]): Verdict["verdict"] {
  return checkLinearizable(REGISTER, operations).verdict;
}

describe("linearizability of a register", () => {
  test("a read sees the write before it", () => {
    assert.equal(verdict(call([0, 1], { write: 1 }), call([2, 3], "read", 1)), "linearizable");
    assert.equal(verdict(call([0, 1], { write: 1 }), call([2, 3], "read", 0)), "illegal");
  });

  test("a read that overlaps a write sees either", () => {
    for (const seen of [0, 1]) {
      const history = [call([0, 10], { write: 1 }), call([5, 6], "read", seen)];
      assert.equal(verdict(...history), "linearizable");
    }
  });

  test("two reads during a write do not go back", () => {
    const write = call([0, 10], { write: 1 });
    const [first, second] = [call([2, 3], "read", 1), call([4, 5], "read", 0)];
    assert.equal(verdict(write, first, second), "illegal");
    assert.equal(verdict(write, call([2, 3], "read", 0), call([4, 5], "read", 1)), "linearizable");
  });

  test("a call at the time of a return overlaps it", () => {
    assert.equal(verdict(call([0, 5], { write: 1 }), call([5, 6], "read", 0)), "linearizable");
  });

  test("readers do not see two writes in two orders", () => {
    const writes = [call([0, 100], { write: 1 }), call([0, 100], { write: 2 })];
    const one = [call([10, 11], "read", 1), call([20, 21], "read", 2)];
    const other = [call([10, 11], "read", 2), call([20, 21], "read", 1)];
    assert.equal(verdict(...writes, ...one), "linearizable");
    assert.equal(verdict(...writes, ...one, ...other), "illegal");
  });

  test("a write without an answer happens once, at any time, or never", () => {
    const lost = call([0, undefined], { write: 1 });
    const second = call([10, 11], { write: 2 });
    assert.equal(verdict(lost, second, call([20, 21], "read", 2)), "linearizable");
    assert.equal(verdict(lost, second, call([20, 21], "read", 1)), "linearizable");
    const [two, one, again] = [20, 30, 40].map((at) => [at, at + 1] as const);
    assert.equal(
      verdict(lost, second, call(two!, "read", 1), call(one!, "read", 2)),
      "illegal",
      "it happened after the second write, so the second one is gone",
    );
    assert.equal(
      verdict(lost, second, call(two!, "read", 2), call(one!, "read", 1), call(again!, "read", 1)),
      "linearizable",
    );
  });

  test("a write without an answer does not happen before it was called", () => {
    assert.equal(verdict(call([10, undefined], { write: 1 }), call([0, 1], "read", 1)), "illegal");
    const late = call([10, undefined], { write: 1 });
    assert.equal(verdict(late, call([0, 1], "read", 0), call([11, 12], "read", 1)), "linearizable");
  });

  test("a history that takes too many steps is said to be undecided", () => {
    const writes = Array.from({ length: 12 }, (_, i) => call([0, 100], { write: i + 1 }));
    const history = [...writes, call([101, 102], "read", 99)];
    const result = checkLinearizable(REGISTER, history, { stepsMax: 500 });
    assert.equal(result.verdict, "unknown");
    assert.match(result.text, /undecided after 50\d steps/);
    assert.equal(checkLinearizable(REGISTER, history).verdict, "illegal");
  });

  test("random histories: the same as trying every order", () => {
    const random = new Random(7);
    const counts = { linearizable: 0, illegal: 0, unknown: 0 };
    for (let run = 0; run < RUNS; run += 1) {
      const history = Array.from({ length: random.integer(1, 6) }, () => {
        const invokedAt = random.integer(0, 20);
        const returnedAt = random.chance(0.2) ? undefined : invokedAt + random.integer(0, 10);
        const number = random.integer(0, 2);
        const input = random.chance(0.5) ? ("read" as const) : { write: number };
        return call([invokedAt, returnedAt], input, number);
      });
      const result = verdict(...history);
      counts[result] += 1;
      const expected = linearizableByTrying(REGISTER, history) ? "linearizable" : "illegal";
      assert.equal(result, expected, JSON.stringify(history));
    }
    assert.ok(Math.min(counts.linearizable, counts.illegal) > RUNS / 20, JSON.stringify(counts));
  });
});

/** The keys as one partition: revisions hold parts together that say nothing else about each other. */
const { partition: _, ...WHOLE } = KV_MODEL;

/** The history with one answer, or one time, made another. */
function spoiled(random: Random, history: readonly KvOperation[]): KvOperation[] {
  const at = random.integer(0, history.length - 1);
  return history.map((operation, index) => {
    if (index !== at || operation.output === undefined) return operation;
    const { output } = operation;
    return random.pick<() => KvOperation>([
      () => ({
        ...operation,
        output: { ...output, revision: output.revision + random.pick([-1, 1]) },
      }),
      () => ({ ...operation, output: { ...output, steps: output.steps.map(spoiledStep) } }),
      () => ({ ...operation, output: { ...output, succeeded: !output.succeeded } }),
      () => ({ ...operation, invokedAt: operation.invokedAt + 1000, returnedAt: 5000 }),
    ])();
  });
}

function spoiledStep<T extends { kind: string }>(step: T): T {
  if ("deleted" in step) return { ...step, deleted: 1 - Number(step.deleted) };
  if (!("found" in step)) return step;
  const view = step.found as { version: number } | undefined;
  return {
    ...step,
    found: view === undefined ? undefined : { ...view, version: view.version + 1 },
  };
}

describe("linearizability of keys", () => {
  test("random small histories, right and spoiled: the same as trying every order", () => {
    const random = new Random(11);
    const counts = { linearizable: 0, illegal: 0, unknown: 0 };
    for (let run = 0; run < RUNS; run += 1) {
      const shape = { clients: 3, operations: random.integer(2, 6), keys: 2, unknown: 0.25 };
      const { operations: right } = rightHistory(random, shape);
      assert.equal(checkLinearizable(KV_MODEL, right).text, "");
      const history = spoiled(random, right);
      const result = checkLinearizable(WHOLE, history);
      counts[result.verdict] += 1;
      const expected = linearizableByTrying(WHOLE, history) ? "linearizable" : "illegal";
      assert.equal(result.verdict, expected, result.text);
    }
    assert.ok(Math.min(counts.linearizable, counts.illegal) > RUNS / 20, JSON.stringify(counts));
  });

  test("long right histories are found to be so", (t) => {
    const random = new Random(13);
    for (let run = 0; run < 20; run += 1) {
      const shape = { clients: 8, operations: 1000, keys: 3, unknown: 0.01 };
      const { operations: history } = rightHistory(random, shape);
      const result = checkLinearizable(KV_MODEL, history);
      assert.equal(result.text, "");
      t.diagnostic(`${result.partitions} partitions, ${result.steps} steps`);
    }
  });
});
