import { nowUs } from "./clock.js";

/** What the calls that began within one second took. */
export interface SecondSample {
  /** Seconds since 1970. */
  readonly unixSecond: number;
  readonly calls: number;
  readonly minUs: number;
  readonly meanUs: number;
  readonly maxUs: number;
}

interface Second {
  calls: number;
  minUs: number;
  sumUs: number;
  maxUs: number;
}

/** Figures of a run second by second. */
export class SecondSamples {
  readonly #seconds = new Map<number, Second>();
  /** From the clock of the loops to seconds since 1970. */
  readonly #offsetUs: number;

  /** `offsetUs`: microseconds since 1970 when the clock of `record` stands at 0. */
  constructor(offsetUs: number = Date.now() * 1000 - nowUs()) {
    this.#offsetUs = offsetUs;
  }

  /** Counts one call. */
  record(startedUs: number, durationUs: number): void {
    const unixSecond = Math.floor((startedUs + this.#offsetUs) / 1_000_000);
    const second = this.#seconds.get(unixSecond);
    if (second === undefined) {
      const only = { calls: 1, minUs: durationUs, sumUs: durationUs, maxUs: durationUs };
      this.#seconds.set(unixSecond, only);
      return;
    }
    second.calls += 1;
    second.sumUs += durationUs;
    second.minUs = Math.min(second.minUs, durationUs);
    second.maxUs = Math.max(second.maxUs, durationUs);
  }

  /** All seconds in order. */
  list(): SecondSample[] {
    return [...this.#seconds]
      .sort(([a], [b]) => a - b)
      .map(([unixSecond, { calls, minUs, sumUs, maxUs }]) => {
        return { unixSecond, calls, minUs, meanUs: sumUs / calls, maxUs };
      });
  }
}

/** Samples of several threads as those of one. */
export function mergeSamples(lists: readonly (readonly SecondSample[])[]): SecondSample[] {
  const merged = new Map<number, SecondSample>();
  for (const each of lists.flat()) {
    const before = merged.get(each.unixSecond);
    merged.set(each.unixSecond, before === undefined ? each : joined(before, each));
  }
  return [...merged.values()].sort((a, b) => a.unixSecond - b.unixSecond);
}

function joined(a: SecondSample, b: SecondSample): SecondSample {
  const calls = a.calls + b.calls;
  return {
    unixSecond: a.unixSecond,
    calls,
    minUs: Math.min(a.minUs, b.minUs),
    meanUs: (a.meanUs * a.calls + b.meanUs * b.calls) / calls,
    maxUs: Math.max(a.maxUs, b.maxUs),
  };
}
