import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { IntervalSet } from "../../src/main/services/interval-set.js";

const key = fc.string({ unit: fc.constantFrom("a", "b", "\0", "\xff"), maxLength: 3 });
const interval = fc.record({ start: key, end: key });

test("IntervalSet has what one of its intervals holds, asked at any time", () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(interval, key)),
      fc.array(interval),
      key,
      (steps, others, last) => {
        const set = new IntervalSet();
        const all: { start: string; end: string }[] = [];
        const holds = (text: string): boolean =>
          all.some(({ start, end }) => start <= text && text < end);
        for (const [added, asked] of steps) {
          set.add(added);
          all.push(added);
          assert.equal(set.has(asked), holds(asked));
        }
        const other = new IntervalSet();
        for (const one of others) other.add(one);
        other.has("a");
        set.addAll(other);
        all.push(...others);
        assert.equal(set.has(last), holds(last));
      },
    ),
  );
});

test("IntervalSet takes 200,000 intervals from another set", () => {
  const set = new IntervalSet();
  const other = new IntervalSet();
  for (let i = 0; i < 200_000; i++) other.add({ start: `k${i}`, end: `k${i}\0` });
  set.addAll(other);
  assert.equal(set.has("k199999"), true);
  assert.equal(set.has("k200000"), false);
});
