import type { AutoCompaction } from "../config/server-config.js";

const HOUR_MS = 3_600_000;
const REVISION_CHECK_MS = 300_000;
/** Samples per interval of the periodic mode. */
const SAMPLES_PER_INTERVAL = 10;

/** Decides when to compact and to what, from revisions shown to it at its own pace. Pure. */
export interface CompactionPlan {
  /** Milliseconds between two calls of `sample`. */
  readonly sampleEveryMs: number;
  /** Takes the current revision; gives the revision to compact to, if it is time. */
  sample(revision: number): number | undefined;
}

/** The plan of a configuration, or undefined when auto compaction is off (limits.md section 10). */
export function compactionPlan(mode: AutoCompaction): CompactionPlan | undefined {
  switch (mode.kind) {
    case "off":
      return undefined;
    case "periodic":
      return new PeriodicPlan(mode.retentionMs);
    case "revision":
      return new RevisionPlan(mode.retentionRevisions);
  }
}

/**
 * Keeps the history of one period: first compaction after one full period, then every min(period, 1 h), each
 * to the revision of one period before.
 */
class PeriodicPlan implements CompactionPlan {
  readonly sampleEveryMs: number;
  readonly #samplesPerPeriod: number;
  readonly #samplesPerInterval: number;
  readonly #samples: number[] = [];
  #sinceCompaction: number;

  constructor(periodMs: number) {
    const intervalMs = Math.min(periodMs, HOUR_MS);
    this.sampleEveryMs = intervalMs / SAMPLES_PER_INTERVAL;
    this.#samplesPerPeriod = Math.ceil(periodMs / this.sampleEveryMs);
    this.#samplesPerInterval = SAMPLES_PER_INTERVAL;
    // The first compaction waits for the history only, not for an interval as well.
    this.#sinceCompaction = this.#samplesPerInterval;
  }

  sample(revision: number): number | undefined {
    this.#samples.push(revision);
    this.#sinceCompaction += 1;
    if (this.#samples.length <= this.#samplesPerPeriod) return undefined;
    const oldest = this.#samples.shift();
    if (this.#sinceCompaction < this.#samplesPerInterval) return undefined;
    this.#sinceCompaction = 0;
    return oldest;
  }
}

/** Keeps the newest `retention` revisions. */
class RevisionPlan implements CompactionPlan {
  readonly sampleEveryMs = REVISION_CHECK_MS;
  readonly #retention: number;

  constructor(retention: number) {
    this.#retention = retention;
  }

  sample(revision: number): number | undefined {
    const target = revision - this.#retention;
    return target > 0 ? target : undefined;
  }
}
