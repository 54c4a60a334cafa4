import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { LatencyHistogram } from "../../bench/load/latency-histogram.js";

const durations = fc.array(fc.integer({ min: 0, max: 2 ** 31 - 1 }), { minLength: 1 });

/** The value of this rank, by sorting. */
function exactPercentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0;
}

describe("LatencyHistogram", () => {
  test("summary() is within 1.6 percent of the sorted values", () => {
    fc.assert(
      fc.property(durations, (values) => {
        const histogram = new LatencyHistogram();
        for (const value of values) histogram.record(value);
        const summary = histogram.summary();
        for (const [got, share] of [
          [summary.p50Us, 0.5],
          [summary.p99Us, 0.99],
          [summary.p999Us, 0.999],
        ] as const) {
          const exact = exactPercentile(values, share);
          assert.ok(got >= exact && got <= exact * (1 + 1 / 64), `${share}: ${got} for ${exact}`);
        }
        assert.equal(summary.maxUs, Math.max(...values));
      }),
    );
  });

  test("add() gives what one histogram of everything gives", () => {
    fc.assert(
      fc.property(durations, durations, (left, right) => {
        const whole = new LatencyHistogram();
        const parts = [new LatencyHistogram(), new LatencyHistogram()] as const;
        for (const value of [...left, ...right]) whole.record(value);
        for (const value of left) parts[0].record(value);
        for (const value of right) parts[1].record(value);
        parts[0].add(parts[1].export());
        assert.deepEqual(parts[0].summary(), whole.summary());
      }),
    );
  });

  test("summary() is all zeros when nothing was recorded", () => {
    const summary = new LatencyHistogram().summary();
    assert.deepEqual(Object.values(summary), [0, 0, 0, 0, 0]);
  });
});
