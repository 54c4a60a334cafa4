import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { formatDuration, formatMs, parseDuration } from "../../src/shared/duration.js";

const RUNS = 2000 * Number(process.env.CAPSTAN_TEST_SCALE ?? "1");
const INT64_MAX = 2n ** 63n - 1n;

describe("parseDuration", () => {
  const good: readonly (readonly [text: string, ns: bigint])[] = [
    ["0", 0n],
    ["+0", 0n],
    ["5s", 5_000_000_000n],
    ["1h30m", 5_400_000_000_000n],
    ["-1.5h", -5_400_000_000_000n],
    ["+5s", 5_000_000_000n],
    [".5s", 500_000_000n],
    ["5.s", 5_000_000_000n],
    ["1.0001ms", 1_000_100n],
    ["100us", 100_000n],
    ["100\u00b5s", 100_000n],
    ["100\u03bcs", 100_000n],
    ["7ns", 7n],
    ["0.9ns", 0n],
    ["9223372036854775807ns", INT64_MAX],
    ["-9223372036854775808ns", -(2n ** 63n)],
  ];
  for (const [text, ns] of good) {
    test(`reads ${text}`, () => {
      assert.deepEqual(parseDuration(text), { ok: true, ns });
    });
  }

  const bad: readonly (readonly [text: string, error: string])[] = [
    ["", 'time: invalid duration ""'],
    ["-", 'time: invalid duration "-"'],
    ["foo", 'time: invalid duration "foo"'],
    [".s", 'time: invalid duration ".s"'],
    ["5", 'time: missing unit in duration "5"'],
    ["-5", 'time: missing unit in duration "-5"'],
    ["1h5", 'time: missing unit in duration "1h5"'],
    ["5x", 'time: unknown unit "x" in duration "5x"'],
    ["5S", 'time: unknown unit "S" in duration "5S"'],
    ["9223372036854775808ns", 'time: invalid duration "9223372036854775808ns"'],
    ["2562048h", 'time: invalid duration "2562048h"'],
  ];
  for (const [text, error] of bad) {
    test(`refuses ${JSON.stringify(text)}`, () => {
      assert.deepEqual(parseDuration(text), { ok: false, error });
    });
  }

  test("gives back every duration that formatDuration wrote", () => {
    const durations = fc.bigInt({ min: -(2n ** 63n), max: INT64_MAX });
    const small = fc.bigInt({ min: -(10n ** 13n), max: 10n ** 13n });
    fc.assert(
      fc.property(fc.oneof(durations, small), (ns) => {
        assert.deepEqual(parseDuration(formatDuration(ns)), { ok: true, ns });
      }),
      { numRuns: RUNS },
    );
  });

  test("adds up parts in any order and never throws on other texts", () => {
    const units = { ns: 1n, us: 1000n, ms: 1_000_000n, s: 1_000_000_000n, m: 60_000_000_000n };
    const part = fc.record({
      count: fc.bigInt({ min: 0n, max: 100_000n }),
      unit: fc.constantFrom("ns", "us", "ms", "s", "m"),
    });
    fc.assert(
      fc.property(fc.array(part, { minLength: 1, maxLength: 6 }), fc.string(), (parts, noise) => {
        const text = parts.map(({ count, unit }) => `${count}${unit}`).join("");
        const ns = parts.reduce((sum, { count, unit }) => sum + count * units[unit], 0n);
        assert.deepEqual(parseDuration(text), { ok: true, ns });
        parseDuration(noise);
      }),
      { numRuns: RUNS },
    );
  });
});

describe("formatDuration", () => {
  const rows: readonly (readonly [ns: bigint, text: string])[] = [
    [0n, "0s"],
    [1n, "1ns"],
    [1_100n, "1.1\u00b5s"],
    [3_200_000n, "3.2ms"],
    [1_000_000_000n, "1s"],
    [90_000_000_000n, "1m30s"],
    [3_600_000_000_000n, "1h0m0s"],
    [-1_500_000_000n, "-1.5s"],
    [36_000_000_000_001n, "10h0m0.000000001s"],
  ];
  for (const [ns, text] of rows) {
    test(`writes ${text}`, () => {
      assert.equal(formatDuration(ns), text);
    });
  }

  test("formatMs takes fractions of milliseconds", () => {
    assert.equal(formatMs(10_000), "10s");
    assert.equal(formatMs(0.25), "250\u00b5s");
  });
});
