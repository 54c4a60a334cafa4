import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { checkLinearizable } from "../support/linearizability/check.js";
import { KV_MODEL } from "../support/linearizability/kv-model.js";
import {
  type KeyView,
  type KvInput,
  type KvStepOutput,
  single,
} from "../support/linearizability/kv-operation.js";
import type { KvOperation } from "./store.js";

type Times = readonly [number, number | undefined];

function call(
  [invokedAt, returnedAt]: Times,
  input: KvInput,
  told?: { revision: number; succeeded?: boolean; steps: KvStepOutput[] },
): KvOperation {
  const output = told === undefined ? undefined : { succeeded: true, ...told };
  return { client: 1, invokedAt, returnedAt, input, output };
}

function put(times: Times, value: string, revision: number, key = "k"): KvOperation {
  return call(times, single({ kind: "put", key, value }), { revision, steps: [{ kind: "put" }] });
}

function lostPut(at: number, value: string): KvOperation {
  return call([at, undefined], single({ kind: "put", key: "k", value }));
}

function get(times: Times, found: KeyView | undefined, revision: number, key = "k"): KvOperation {
  return call(times, single({ kind: "get", key }), { revision, steps: [{ kind: "get", found }] });
}

function swap(
  times: Times,
  guardRevision: number,
  told: { revision: number; found?: KeyView } | { revision: number; swapped: true } | undefined,
): KvOperation {
  const input: KvInput = {
    guards: [{ key: "k", target: "modRevision", is: "=", than: guardRevision }],
    success: [{ kind: "put", key: "k", value: `swap${times[0]}` }],
    failure: [{ kind: "get", key: "k" }],
  };
  if (told === undefined) return call(times, input);
  if ("swapped" in told) return call(times, input, { ...told, steps: [{ kind: "put" }] });
  const steps: KvStepOutput[] = [{ kind: "get", found: told.found }];
  return call(times, input, { revision: told.revision, succeeded: false, steps });
}

function view(value: string, modRevision: number, version = 1, createRevision = 2): KeyView {
  return { value, createRevision, modRevision, version };
}

function holds(...history: KvOperation[]): boolean {
  const { verdict, text } = checkLinearizable(KV_MODEL, history);
  assert.notEqual(verdict, "unknown", text);
  return verdict === "linearizable";
}

describe("the model of keys", () => {
  test("a read tells value, revisions and version, all of one moment", () => {
    const writes = [put([0, 1], "a", 2), put([2, 3], "b", 3)];
    assert.ok(holds(...writes, get([4, 5], view("b", 3, 2), 3)));
    assert.ok(!holds(...writes, get([4, 5], view("a", 2), 3)), "stale");
    assert.ok(!holds(...writes, get([4, 5], view("a", 3, 2), 3)), "value of another revision");
    assert.ok(!holds(...writes, get([4, 5], view("b", 3, 1, 3), 3)), "version started anew");
    assert.ok(!holds(...writes, get([4, 5], view("b", 3, 2), 2)), "header before what it shows");
  });

  test("a key that was deleted starts anew", () => {
    const removed: KvStepOutput = { kind: "delete", deleted: 1 };
    const remove = call([2, 3], single({ kind: "delete", key: "k" }), {
      ...{ revision: 3, steps: [removed] },
    });
    const before = [put([0, 1], "a", 2), remove];
    assert.ok(holds(...before, get([4, 5], undefined, 3)));
    assert.ok(holds(...before, put([4, 5], "b", 4), get([6, 7], view("b", 4, 1, 4), 4)));
    assert.ok(!holds(...before, put([4, 5], "b", 4), get([6, 7], view("b", 4, 2), 4)));
    assert.ok(!holds(remove), "there was nothing to delete");
  });

  test("of two swaps that expect the same revision one wins", () => {
    const start = put([0, 1], "a", 2);
    const both = [swap([2, 9], 2, { revision: 3, swapped: true })];
    assert.ok(holds(start, ...both, swap([3, 9], 2, { revision: 3, found: view("swap2", 3, 2) })));
    assert.ok(!holds(start, ...both, swap([3, 9], 2, { revision: 4, swapped: true })));
    const early = swap([3, 9], 2, { revision: 2, found: view("a", 2) });
    assert.ok(!holds(start, ...both, early), "it failed though it would have held");
  });

  test("a write that nobody heard of shows by the version, before anybody reads it", () => {
    const history = [put([0, 1], "a", 2), lostPut(2, "lost"), put([4, 5], "b", 4)];
    assert.ok(holds(...history, get([6, 7], view("b", 4, 3), 4)), "it came between");
    assert.ok(holds(...history, get([6, 7], view("b", 4, 2), 4)), "it did not happen, or not yet");
    assert.ok(!holds(...history, get([6, 7], view("b", 4, 4), 4)), "there were not so many");
    const late = get([8, 9], view("lost", 5, 3), 5);
    assert.ok(holds(...history, get([6, 7], view("b", 4, 2), 4), late));
    assert.ok(!holds(...history, get([6, 7], view("b", 4, 3), 4), late), "it happened twice");
  });

  test("the revision of a write that nobody heard of is settled by who sees it first", () => {
    const history = [put([0, 1], "a", 2), lostPut(2, "lost")];
    const seen = get([4, 5], view("lost", 7, 2), 9);
    assert.ok(holds(...history, seen, get([6, 7], view("lost", 7, 2), 9)));
    assert.ok(!holds(...history, seen, get([6, 7], view("lost", 8, 2), 9)));
    assert.ok(!holds(...history, get([4, 5], view("lost", 2, 2), 9)), "not above the write before");
    assert.ok(holds(...history, swap([4, 5], 7, { revision: 8, swapped: true })));
    const two = [
      swap([4, 5], 7, { revision: 8, swapped: true }),
      swap([6, 7], 7, { revision: 9, swapped: true }),
    ];
    assert.ok(!holds(...history, ...two));
  });

  test("a swap that nobody heard of happens only where its guard holds", () => {
    const start = put([0, 1], "a", 2);
    const lost = swap([2, undefined], 2, undefined);
    assert.ok(holds(start, lost, get([4, 5], view("swap2", 3, 2), 3)));
    const second = put([3, 4], "b", 3);
    assert.ok(
      !holds(
        start,
        lost,
        second,
        get([5, 6], view("b", 3, 2), 3),
        get([7, 8], view("swap2", 4, 3), 4),
      ),
    );
  });

  test("two keys of one transaction are seen together", () => {
    const keys = ["a", "b"] as const;
    const both = call(
      [0, 9],
      { guards: [], success: keys.map((key) => ({ kind: "put", key, value: "new" })), failure: [] },
      { revision: 2, steps: [{ kind: "put" }, { kind: "put" }] },
    );
    const after = get([2, 3], view("new", 2), 2, "a");
    assert.ok(holds(both, after, get([4, 5], view("new", 2), 2, "b")));
    assert.ok(!holds(both, after, get([4, 5], undefined, 1, "b")), "half of it");
    assert.ok(!holds(both, after, get([4, 5], undefined, 2, "b")), "half of it, at its revision");
  });

  test("what a put or a delete says it replaced is held against the state", () => {
    const replaced = (previous: KeyView | "none"): KvOperation =>
      call([2, 3], single({ kind: "put", key: "k", value: "b" }), {
        ...{ revision: 3, steps: [{ kind: "put", previous }] },
      });
    assert.ok(holds(put([0, 1], "a", 2), replaced(view("a", 2))));
    assert.ok(!holds(put([0, 1], "a", 2), replaced("none")));
    assert.ok(!holds(put([0, 1], "a", 2), replaced(view("z", 2))));
  });
});
