import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { DeltaIndex } from "../../src/shared/mvcc/delta-index.js";
import { DeltaSortedKeys } from "../../src/shared/mvcc/delta-sorted-keys.js";
import { runs } from "./support/scale.js";

interface Place {
  readonly key: string;
  readonly main: number;
  readonly segment: number;
  readonly offset: number;
}

/** Fills an index and a plain list alike: `steps` are key numbers, or -n: drop all but the last n. */
function fill(steps: readonly number[]): { index: DeltaIndex; live: Place[] } {
  const index = new DeltaIndex();
  let live: Place[] = [];
  let main = 1;
  for (const [i, step] of steps.entries()) {
    if (step < 0) {
      const first = live[Math.max(0, live.length + step)];
      const position = first ?? { segment: i, offset: 0 };
      index.dropBefore(position);
      if (first !== undefined) live = live.slice(live.indexOf(first));
      continue;
    }
    main += i % 3 === 0 ? 1 : 0;
    const key = String.fromCharCode(step);
    const place = { key, main, segment: Math.floor(i / 5), offset: (i % 5) * 8 };
    index.insert(place.key, place.main, place.segment, place.offset);
    live.push(place);
  }
  return { index, live };
}

const anySteps = fc.array(
  fc.oneof(
    { weight: 9, arbitrary: fc.nat(40) },
    { weight: 1, arbitrary: fc.integer({ min: -12, max: -1 }) },
  ),
  { maxLength: 200, size: "max" },
);

describe("DeltaIndex", () => {
  it("newest() finds the last change at or below a revision, of those not dropped", () => {
    fc.assert(
      fc.property(anySteps, (steps) => {
        const { index, live } = fill(steps);
        for (let key = 0; key <= 41; key += 1) {
          const text = String.fromCharCode(key);
          for (const at of [0, 1, 5, 20, 40, Number.POSITIVE_INFINITY]) {
            const expected = live.findLast((one) => one.key === text && one.main <= at);
            const number = index.newest(text, at);
            const found = number < 0 ? undefined : placeOf(index, text, number);
            assert.deepEqual(found, expected);
          }
        }
      }),
      { numRuns: runs(300) },
    );
  });

  it("firstFrom() finds the first change of a revision, of those not dropped", () => {
    fc.assert(
      fc.property(anySteps, fc.nat(70), (steps, main) => {
        const { index, live } = fill(steps);
        const expected = live.find((one) => one.main >= main);
        const number = index.firstFrom(main);
        const found =
          number === index.end ? undefined : placeOf(index, expected?.key ?? "", number);
        assert.deepEqual(found, expected);
      }),
      { numRuns: runs(300) },
    );
  });

  it("cursor() walks every live key once, in order", () => {
    fc.assert(
      fc.property(anySteps, fc.nat(41), (steps, start) => {
        const { index, live } = fill(steps);
        const found: string[] = [];
        const cursor = index.cursor(String.fromCharCode(start));
        for (; cursor.key !== undefined; cursor.next()) {
          if (index.newest(cursor.key, Number.POSITIVE_INFINITY) >= 0) found.push(cursor.key);
        }
        const keys = live.map((one) => one.key).filter((key) => key >= String.fromCharCode(start));
        assert.deepEqual(found, [...new Set(keys)].sort());
      }),
      { numRuns: runs(300) },
    );
  });

  it("keeps its size bounded by what is live when it is dropped from regularly", () => {
    const index = new DeltaIndex();
    for (let i = 0; i < 10_000; i += 1) {
      index.insert(`k${i % 700}`, i, 0, i * 8);
      if (i % 100 === 0) index.dropBefore({ segment: 0, offset: (i - 50) * 8 });
    }
    assert.ok(index.size <= 150);
  });
});

describe("DeltaSortedKeys", () => {
  it("keeps any keys in byte order, in any order of arrival, over many blocks", () => {
    const anyKeys = fc.uniqueArray(fc.string({ unit: "binary-ascii", maxLength: 5 }), {
      maxLength: 1500,
      size: "max",
    });
    fc.assert(
      fc.property(anyKeys, fc.boolean(), (keys, ascending) => {
        const sorted = [...keys].sort();
        const set = new DeltaSortedKeys();
        for (const key of ascending ? sorted : keys) set.insert(key);
        for (const start of ["", ...keys.slice(0, 20)]) {
          const found: string[] = [];
          const cursor = set.cursor(start);
          for (; cursor.key !== undefined; cursor.next()) found.push(cursor.key);
          assert.deepEqual(
            found,
            sorted.filter((key) => key >= start),
          );
        }
      }),
      { numRuns: runs(60) },
    );
  });
});

function placeOf(index: DeltaIndex, key: string, number: number): Place {
  const generation = index.generationOf(number);
  return {
    key,
    main: generation.mainOf(number),
    segment: generation.segmentOf(number),
    offset: generation.offsetOf(number),
  };
}
