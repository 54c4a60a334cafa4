import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { RangeTree } from "../../src/main/watch/range-tree.js";
import { SelectionIndex } from "../../src/main/watch/selection-index.js";
import { type Outlet, Watcher } from "../../src/main/watch/watcher.js";
import { runs } from "../mvcc/support/scale.js";

const anyText = fc.string({ unit: fc.constantFrom("\0", "a", "b", "\xff"), maxLength: 3 });
const anyRange = fc.tuple(anyText, fc.option(anyText, { nil: undefined }));

describe("RangeTree", () => {
  it("finds what a list finds, whatever is added and deleted", () => {
    const anyStep = fc.record({ add: fc.boolean(), range: anyRange, point: anyText });
    fc.assert(
      fc.property(fc.array(anyStep, { maxLength: 120 }), (steps) => {
        const tree = new RangeTree<string>();
        const twin = new Map<string, readonly [string, string | undefined]>();
        for (const { add, range, point } of steps) {
          const [start, end] = range;
          const name = JSON.stringify(range);
          assert.equal(tree.find(start, end), twin.has(name) ? name : undefined);
          if (add && !twin.has(name)) {
            tree.add(start, end, name);
            twin.set(name, range);
          } else if (!add) {
            tree.delete(start, end);
            twin.delete(name);
          }
          const found: string[] = [];
          tree.visit(point, (value) => {
            found.push(value);
            return false;
          });
          const holding = [...twin].filter(
            ([, [from, to]]) => from <= point && (to === undefined || point < to),
          );
          assert.deepEqual(found.sort(), holding.map(([key]) => key).sort());
          assert.equal(
            tree.visit(point, () => true),
            holding.length > 0,
          );
        }
      }),
      { numRuns: runs(300) },
    );
  });
});

const OUTLET: Outlet = {
  blocked: false,
  sendEvents() {},
  sendCompacted() {},
  park() {},
};

function watcher(
  start: string,
  end: string | undefined,
  single: boolean,
  prevKv: boolean,
): Watcher {
  return new Watcher(
    {
      id: 0n,
      outlet: OUTLET,
      keys: { start, end, single },
      startRevision: 0,
      prevKv,
      fragment: false,
      progressNotify: false,
      noPut: false,
      noDelete: false,
    },
    1,
  );
}

describe("SelectionIndex", () => {
  it("finds the watchers of a key, and equal ones in one selection", () => {
    const anyWatcher = fc.tuple(anyRange, fc.boolean(), fc.boolean());
    fc.assert(
      fc.property(fc.array(anyWatcher), fc.array(fc.nat()), anyText, (specs, removals, key) => {
        const index = new SelectionIndex();
        const watchers = specs.map(([[start, end], single, prevKv]) =>
          watcher(start, end, single, prevKv),
        );
        for (const one of watchers) index.add(one);
        for (const at of removals) {
          const [one] = watchers.splice(at % Math.max(1, watchers.length), 1);
          if (one !== undefined) index.remove(one);
        }
        const expected = watchers.filter(({ options: { keys } }) =>
          keys.single
            ? key === keys.start
            : keys.start <= key && (keys.end === undefined || key < keys.end),
        );
        const found: Watcher[] = [];
        const kinds = new Set<string>();
        index.visit(key, (selection) => {
          const kind = JSON.stringify([selection.keys, selection.prevKv]);
          assert.equal(kinds.has(kind), false);
          kinds.add(kind);
          found.push(...selection.members);
        });
        assert.deepEqual(new Set(found), new Set(expected));
        assert.equal(found.length, expected.length);
        assert.equal(index.has(key), expected.length > 0);
        assert.equal(index.size, watchers.length);
        assert.equal(
          [...index.selections].flatMap(({ members }) => [...members]).length,
          index.size,
        );
      }),
      { numRuns: runs(300) },
    );
  });
});
