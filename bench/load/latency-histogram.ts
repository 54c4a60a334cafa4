/** Microseconds below which every value has a bucket of its own. */
const EXACT_BELOW_US = 128;
const EXACT_BITS = 7;
/** Buckets of each doubling above: values are known to 1/64. */
const BUCKETS_PER_DOUBLING = 64;
const BUCKET_BITS = 6;
const VALUE_BITS_MAX = 31;
const BUCKETS = EXACT_BELOW_US + (VALUE_BITS_MAX - EXACT_BITS) * BUCKETS_PER_DOUBLING;

/** What of a histogram is printed, in microseconds. */
export interface LatencySummary {
  readonly meanUs: number;
  readonly p50Us: number;
  readonly p99Us: number;
  readonly p999Us: number;
  readonly maxUs: number;
}

/** Counts of durations from 1 us to 35 minutes, each known to 1.6 percent. */
export class LatencyHistogram {
  /** Counts per bucket; may be sent to another thread. */
  readonly counts: Float64Array;
  #maxUs = 0;
  #sumUs = 0;

  constructor(counts: Float64Array = new Float64Array(BUCKETS)) {
    this.counts = counts;
  }

  /** Counts one duration. */
  record(durationUs: number): void {
    const whole = Math.min(2 ** VALUE_BITS_MAX - 1, Math.max(0, Math.round(durationUs)));
    const bucket = bucketOf(whole);
    this.counts[bucket] = this.counts[bucket]! + 1;
    this.#sumUs += durationUs;
    if (durationUs > this.#maxUs) this.#maxUs = durationUs;
  }

  /** Everything, to be sent to another thread. */
  export(): LatencyCounts {
    return { counts: this.counts, maxUs: this.#maxUs, sumUs: this.#sumUs };
  }

  /** Adds what another histogram exported. */
  add(other: LatencyCounts): void {
    for (let bucket = 0; bucket < BUCKETS; bucket += 1) {
      this.counts[bucket] = this.counts[bucket]! + other.counts[bucket]!;
    }
    this.#sumUs += other.sumUs;
    this.#maxUs = Math.max(this.#maxUs, other.maxUs);
  }

  /** The usual percentiles; zeros when nothing was recorded. */
  summary(): LatencySummary {
    const count = this.counts.reduce((sum, each) => sum + each, 0);
    return {
      meanUs: count === 0 ? 0 : this.#sumUs / count,
      p50Us: this.#percentile(count * 0.5),
      p99Us: this.#percentile(count * 0.99),
      p999Us: this.#percentile(count * 0.999),
      maxUs: this.#maxUs,
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
}

/** A histogram on its way between threads. */
export interface LatencyCounts {
  readonly counts: Float64Array;
  readonly maxUs: number;
  readonly sumUs: number;
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
