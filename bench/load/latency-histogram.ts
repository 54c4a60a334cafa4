/** Microseconds below which every value has a bucket of its own. */
const EXACT_BELOW_US = 128;
const EXACT_BITS = 7;
/** Buckets of each doubling above: values are known to 1/64. */
const BUCKETS_PER_DOUBLING = 64;
const BUCKET_BITS = 6;
const VALUE_BITS_MAX = 31;
const BUCKETS = EXACT_BELOW_US + (VALUE_BITS_MAX - EXACT_BITS) * BUCKETS_PER_DOUBLING;

/** Steps between the fastest and the slowest call in which the printed histogram counts. */
const BAR_STEPS = 10;

/** What of a histogram is printed; times in microseconds. All 0 when nothing was recorded. */
export interface LatencySummary {
  readonly count: number;
  readonly minUs: number;
  readonly meanUs: number;
  readonly stddevUs: number;
  readonly p10Us: number;
  readonly p25Us: number;
  readonly p50Us: number;
  readonly p75Us: number;
  readonly p90Us: number;
  readonly p95Us: number;
  readonly p99Us: number;
  readonly p999Us: number;
  readonly maxUs: number;
  /** Eleven bars from the fastest to the slowest in equal steps: the first holds the fastest alone. */
  readonly bars: readonly LatencyBar[];
}

/** Calls that took no longer than this, and longer than the bar before says. */
export interface LatencyBar {
  readonly upToUs: number;
  readonly count: number;
}

/** A histogram on its way between threads. */
export interface LatencyCounts {
  readonly counts: Float64Array;
  readonly minUs: number;
  readonly maxUs: number;
  readonly sumUs: number;
  readonly sumSquares: number;
}

/** Counts of durations from 1 us to 35 minutes, each known to 1.6 percent. */
export class LatencyHistogram {
  /** Counts per bucket; may be sent to another thread. */
  readonly counts = new Float64Array(BUCKETS);
  #minUs = Number.POSITIVE_INFINITY;
  #maxUs = 0;
  #sumUs = 0;
  #sumSquares = 0;

  /** Counts one duration. */
  record(durationUs: number): void {
    const whole = Math.min(2 ** VALUE_BITS_MAX - 1, Math.max(0, Math.round(durationUs)));
    const bucket = bucketOf(whole);
    this.counts[bucket] = this.counts[bucket]! + 1;
    this.#sumUs += durationUs;
    this.#sumSquares += durationUs * durationUs;
    if (durationUs > this.#maxUs) this.#maxUs = durationUs;
    if (durationUs < this.#minUs) this.#minUs = durationUs;
  }

  /** Everything, to be sent to another thread. */
  export(): LatencyCounts {
    return {
      counts: this.counts,
      minUs: this.#minUs,
      maxUs: this.#maxUs,
      sumUs: this.#sumUs,
      sumSquares: this.#sumSquares,
    };
  }

  /** Adds what another histogram exported. */
  add(other: LatencyCounts): void {
    for (let bucket = 0; bucket < BUCKETS; bucket += 1) {
      this.counts[bucket] = this.counts[bucket]! + other.counts[bucket]!;
    }
    this.#sumUs += other.sumUs;
    this.#sumSquares += other.sumSquares;
    this.#maxUs = Math.max(this.#maxUs, other.maxUs);
    this.#minUs = Math.min(this.#minUs, other.minUs);
  }

  /** The usual figures; zeros when nothing was recorded. */
  summary(): LatencySummary {
    const count = this.counts.reduce((sum, each) => sum + each, 0);
    const meanUs = count === 0 ? 0 : this.#sumUs / count;
    const variance = count === 0 ? 0 : this.#sumSquares / count - meanUs * meanUs;
    const percentile = (share: number): number => this.#percentile(count * share);
    return {
      count,
      minUs: count === 0 ? 0 : this.#minUs,
      meanUs,
      // Sums of doubles may come out a little below zero.
      stddevUs: Math.sqrt(Math.max(0, variance)),
      p10Us: percentile(0.1),
      p25Us: percentile(0.25),
      p50Us: percentile(0.5),
      p75Us: percentile(0.75),
      p90Us: percentile(0.9),
      p95Us: percentile(0.95),
      p99Us: percentile(0.99),
      p999Us: percentile(0.999),
      maxUs: this.#maxUs,
      bars: count === 0 ? [] : this.#bars(),
    };
  }

  /**
   * The upper bound of the bucket that holds the value of this rank, but no more than the maximum.
   */
  #percentile(rank: number): number {
    let seen = 0;
    for (let bucket = 0; bucket < BUCKETS; bucket += 1) {
      seen += this.counts[bucket]!;
      if (seen >= rank && seen > 0) return Math.min(upperBoundOf(bucket), this.#maxUs);
    }
    return this.#maxUs;
  }

  #bars(): LatencyBar[] {
    const stepUs = (this.#maxUs - this.#minUs) / BAR_STEPS;
    const bars = Array.from({ length: BAR_STEPS + 1 }, (_, i) => ({
      upToUs: i === BAR_STEPS ? this.#maxUs : this.#minUs + stepUs * i,
      count: 0,
    }));
    let at = 0;
    for (let bucket = 0; bucket < BUCKETS; bucket += 1) {
      const count = this.counts[bucket]!;
      if (count === 0) continue;
      // Below every value of the bucket: so the fastest calls are in the first bar.
      const valueUs = Math.max(bucket === 0 ? 0 : upperBoundOf(bucket - 1), this.#minUs);
      while (at < BAR_STEPS && valueUs > bars[at]!.upToUs) at += 1;
      bars[at]!.count += count;
    }
    return bars;
  }
}

function bucketOf(whole: number): number {
  if (whole < EXACT_BELOW_US) return whole;
  const doubling = 31 - Math.clz32(whole) - EXACT_BITS;
  const within = (whole >>> (doubling + EXACT_BITS - BUCKET_BITS)) - BUCKETS_PER_DOUBLING;
  return EXACT_BELOW_US + doubling * BUCKETS_PER_DOUBLING + within;
}

function upperBoundOf(bucket: number): number {
  if (bucket < EXACT_BELOW_US) return bucket;
  const doubling = Math.floor((bucket - EXACT_BELOW_US) / BUCKETS_PER_DOUBLING);
  const within = (bucket - EXACT_BELOW_US) % BUCKETS_PER_DOUBLING;
  return (BUCKETS_PER_DOUBLING + within + 1) * 2 ** (doubling + EXACT_BITS - BUCKET_BITS) - 1;
}
