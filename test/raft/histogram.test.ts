import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  A20_SECONDS,
  D14_SECONDS,
  R16_SECONDS,
  SharedHistogram,
} from "../../src/shared/histogram.js";

describe("SharedHistogram", () => {
  test("bucket sets are those of the metrics page", () => {
    assert.deepEqual([D14_SECONDS.length, D14_SECONDS[0], D14_SECONDS.at(-1)], [14, 0.001, 8.192]);
    assert.deepEqual([R16_SECONDS.length, R16_SECONDS.at(-1)], [16, 3.2768]);
    assert.deepEqual([A20_SECONDS.length, A20_SECONDS.at(-1)], [20, 52.4288]);
  });

  test("snapshot() counts up to and including each bound, from any view of the buffer", () => {
    const writer = new SharedHistogram([1, 2, 4]);
    const reader = new SharedHistogram([1, 2, 4], writer.buffer);
    for (const seconds of [0.5, 1, 1.5, 4, 100, -1]) writer.observe(seconds);
    assert.deepEqual(reader.snapshot(), {
      cumulativeCounts: [3, 4, 5],
      count: 6,
      sumSeconds: 107,
    });
  });
});
