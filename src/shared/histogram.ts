import { assert } from "./assert.js";

/** Bucket set D14 of metrics.md: 1 ms doubling up to 8.192 s. */
export const D14_SECONDS: readonly number[] = doubling(0.001, 14);
/** Bucket set R16 of metrics.md: 0.1 ms doubling up to 3.28 s. */
export const R16_SECONDS: readonly number[] = doubling(0.0001, 16);
/** Bucket set A20 of metrics.md: 0.1 ms doubling up to 52.4 s. */
export const A20_SECONDS: readonly number[] = doubling(0.0001, 20);

const NANOSECONDS_PER_SECOND = 1e9;

/** What a histogram holds at one moment, in Prometheus' terms. */
export interface HistogramSnapshot {
  /** Observations at or below each bound, cumulative; the bounds' own order. */
  readonly cumulativeCounts: readonly number[];
  readonly count: number;
  readonly sumSeconds: number;
}

/**
 * A histogram of durations in shared memory: any thread observes, main reads it at a scrape.
 *
 * Layout, 64-bit words: one count per bound and one beyond the last, then the sum in nanoseconds.
 */
export class SharedHistogram {
  readonly buffer: SharedArrayBuffer;
  readonly boundsSeconds: readonly number[];
  readonly #words: BigUint64Array;

  /** Wraps the buffer of a histogram with the same bounds, or makes a new one. Bounds ascend. */
  constructor(boundsSeconds: readonly number[], buffer?: SharedArrayBuffer) {
    const words = boundsSeconds.length + 2;
    this.buffer = buffer ?? new SharedArrayBuffer(words * 8);
    assert(this.buffer.byteLength === words * 8, "buffer has other buckets", {
      bytes: this.buffer.byteLength,
      bounds: boundsSeconds.length,
    });
    this.boundsSeconds = boundsSeconds;
    this.#words = new BigUint64Array(this.buffer);
  }

  /** Counts one duration. A negative one (a clock that was set back) counts as zero. */
  observe(seconds: number): void {
    const bounds = this.boundsSeconds;
    let bucket = 0;
    while (bucket < bounds.length && seconds > bounds[bucket]!) bucket += 1;
    Atomics.add(this.#words, bucket, 1n);
    const nanoseconds = BigInt(Math.round(Math.max(0, seconds) * NANOSECONDS_PER_SECOND));
    Atomics.add(this.#words, bounds.length + 1, nanoseconds);
  }

  /** Reads everything. Observations that happen meanwhile may be in some of the numbers only. */
  snapshot(): HistogramSnapshot {
    const cumulativeCounts: number[] = [];
    let count = 0;
    for (let bucket = 0; bucket <= this.boundsSeconds.length; bucket += 1) {
      count += Number(Atomics.load(this.#words, bucket));
      if (bucket < this.boundsSeconds.length) cumulativeCounts.push(count);
    }
    const nanoseconds = Number(Atomics.load(this.#words, this.boundsSeconds.length + 1));
    return { cumulativeCounts, count, sumSeconds: nanoseconds / NANOSECONDS_PER_SECOND };
  }
}

function doubling(first: number, count: number): number[] {
  return Array.from({ length: count }, (_, power) => first * 2 ** power);
}
