import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { checkAgainstHistory } from "../support/linearizability/against-history.js";
import { checkLinearizable } from "../support/linearizability/check.js";
import { History } from "../support/linearizability/history.js";
import { KV_MODEL } from "../support/linearizability/kv-model.js";
import { didWrite, type KvOutput, single } from "../support/linearizability/kv-operation.js";
import { checkRevisions, type RevisionRecord } from "../support/linearizability/revisions.js";
import { settleUnknown } from "../support/linearizability/settle-unknown.js";
import { Random } from "../support/random.js";
import { type KvOperation, rightHistory } from "./store.js";

const SHAPE = { clients: 8, operations: 1500, keys: 12, unknown: 0.04 };

function write(times: readonly [number, number], revision: number): RevisionRecord {
  return { client: 1, invokedAt: times[0], returnedAt: times[1], revision, kind: "write" };
}

function read(times: readonly [number, number], revision: number): RevisionRecord {
  return { ...write(times, revision), kind: "read" };
}

describe("checkRevisions()", () => {
  test("admits calls that overlap in any order", () => {
    assert.deepEqual(checkRevisions([write([0, 10], 3), write([5, 15], 2), read([10, 20], 2)]), []);
  });

  test("finds a write below one that was answered before", () => {
    const wrong = checkRevisions([write([0, 10], 3), write([11, 15], 2)]);
    assert.match(wrong.join(), /^revision went back: write of revision 3/);
  });

  test("finds a read that missed an acknowledged write, and a write at a revision that was read", () => {
    assert.equal(checkRevisions([write([0, 10], 3), read([11, 15], 2)]).length, 1);
    assert.equal(checkRevisions([write([0, 10], 3), read([11, 15], 3)]).length, 0);
    assert.equal(checkRevisions([read([0, 10], 3), write([11, 15], 3)]).length, 1);
  });

  test("finds two writes of one revision", () => {
    assert.match(checkRevisions([write([0, 10], 3), write([0, 10], 3)]).join(), /^two writes/);
  });
});

describe("the whole history", () => {
  test("settles what nobody heard of, and then a lie cannot hide behind it", (t) => {
    const random = new Random(17);
    for (let run = 0; run < 10; run += 1) {
      const { operations, history } = rightHistory(random, SHAPE);
      const unknown = operations.filter(({ output }) => output === undefined).length;
      const { operations: settled, strangers } = settleUnknown(operations, history);
      const happened = settled.length - operations.length + unknown;
      t.diagnostic(`${unknown} unknown, of which ${happened} happened`);
      assert.ok(happened > unknown / 8 && happened < unknown);
      assert.deepEqual(strangers, []);
      assert.equal(checkLinearizable(KV_MODEL, settled).text, "");
      assert.deepEqual(checkAgainstHistory(settled, history), []);

      const last = settled.findLast(({ output }) => output?.steps[0]?.kind === "get");
      const lie = settled.map((one) => (one === last ? withOtherValue(one) : one));
      assert.match(checkLinearizable(KV_MODEL, lie).text, /not linearizable.*another value/s);
      assert.match(checkAgainstHistory(lie, history).join("\n"), /another value.* was /);
    }
  });

  test("names the revisions that nobody asked for", () => {
    const { operations, history } = rightHistory(new Random(29), { ...SHAPE, unknown: 0 });
    const left = operations.find(({ output }) => output !== undefined && didWrite(output));
    const others = operations.filter((one) => one !== left);
    assert.deepEqual(settleUnknown(others, history).strangers, [left?.output?.revision]);
  });

  test("a write that is not in it, or is another, is found", () => {
    const { operations, history } = rightHistory(new Random(19), SHAPE);
    const lost = operations.find(({ output }) => output !== undefined && didWrite(output));
    assert.ok(lost?.output !== undefined);
    const revision = history.last + 1;
    const output: KvOutput = { ...lost.output, revision };
    assert.match(checkAgainstHistory([{ ...lost, output }], history).join(), /history ends at/);
    const other = { ...lost, input: single({ kind: "put", key: "k1", value: "never" }) };
    const told = { ...lost.output, succeeded: true, steps: [{ kind: "put" as const }] };
    const wrong = checkAgainstHistory([{ ...other, output: told }], history);
    assert.match(wrong.join(), /put k1=never.*: revision \d+ is /);
  });

  test("a history with a gap, or a version that does not follow, is refused", () => {
    const put = { kind: "put", key: "a", value: "v", createRevision: 2, version: 1 } as const;
    const first = { revision: 2, changes: [{ ...put, modRevision: 2 }] };
    assert.throws(() => new History([{ revision: 3, changes: [] }]), /3 where 2 belongs/);
    const second = { revision: 3, changes: [{ ...put, modRevision: 3 }] };
    assert.throws(() => new History([first, second]), /does not follow/);
    const gone = { kind: "delete", key: "b", modRevision: 3 } as const;
    assert.throws(() => new History([first, { revision: 3, changes: [gone] }]), /delete b/);
  });

  test("an older state is read at its revision", () => {
    const { operations, history } = rightHistory(new Random(23), SHAPE);
    const reads = operations.filter(({ input }) => input.success[0]?.kind === "get");
    const old = reads.map((one) => ({
      ...one,
      output: {
        ...{ revision: 40, succeeded: true },
        steps: [{ kind: "get" as const, found: history.stateAt(one.input.success[0]!.key, 40) }],
      },
    }));
    assert.ok(old.length > 100);
    assert.deepEqual(checkAgainstHistory(old, history), []);
  });
});

function withOtherValue(operation: KvOperation): KvOperation {
  const found = { value: "another value", createRevision: 2, modRevision: 2, version: 1 };
  const { output } = operation;
  assert.ok(output !== undefined);
  return { ...operation, output: { ...output, steps: [{ kind: "get", found }] } };
}
