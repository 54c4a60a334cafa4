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
        const { stddevUs, meanUs, ...rest } = parts[0].summary();
        const { stddevUs: wholeStddevUs, meanUs: wholeMeanUs, ...wholeRest } = whole.summary();
        assert.deepEqual(rest, wholeRest);
        // Sums of doubles depend on their order.
        assert.ok(Math.abs(meanUs - wholeMeanUs) <= rest.maxUs * 1e-9);
        assert.ok(Math.abs(stddevUs - wholeStddevUs) <= rest.maxUs * 1e-6);
      }),
    );
  });

  test("summary() knows mean, deviation, fastest and slowest as the values have them", () => {
    fc.assert(
      fc.property(durations, (values) => {
        const histogram = new LatencyHistogram();
        for (const value of values) histogram.record(value);
        const { count, minUs, meanUs, stddevUs, maxUs } = histogram.summary();
        const mean = values.reduce((sum, each) => sum + each, 0) / values.length;
        const squares = values.reduce((sum, each) => sum + (each - mean) ** 2, 0);
        assert.deepEqual(
          [count, minUs, maxUs],
          [values.length, Math.min(...values), Math.max(...values)],
        );
        assert.ok(Math.abs(meanUs - mean) <= maxUs * 1e-9);
        // The sum of squares keeps 15 of the digits that it has.
        assert.ok(Math.abs(stddevUs - Math.sqrt(squares / count)) <= maxUs * 1e-6);
      }),
    );
  });

  test("bars hold every value once, from the fastest to the slowest", () => {
    fc.assert(
      fc.property(durations, (values) => {
        const histogram = new LatencyHistogram();
        for (const value of values) histogram.record(value);
        const { bars, count, minUs, maxUs } = histogram.summary();
        assert.equal(bars.length, 11);
        assert.equal(
          bars.reduce((sum, bar) => sum + bar.count, 0),
          count,
        );
        assert.deepEqual([bars[0]?.upToUs, bars[10]?.upToUs], [minUs, maxUs]);
        assert.ok((bars[0]?.count ?? 0) > 0);
      }),
    );
  });

  test("summary() is all zeros when nothing was recorded", () => {
    const { bars, ...figures } = new LatencyHistogram().summary();
    assert.deepEqual(bars, []);
    assert.deepEqual(new Set(Object.values(figures)), new Set([0]));
  });
});
