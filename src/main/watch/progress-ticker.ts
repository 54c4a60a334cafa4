import type { WatchStream } from "./watch-stream.js";

/** Intervals below this are raised to it (docs/facts/limits.md section 8). */
const INTERVAL_MS_MIN = 100;
/** How much longer than the interval a stream's own period may be: one draw per stream (W-50). */
const JITTER = 0.1;
/** All streams are looked at when the earliest tick is due, but not more often than this. */
const CHECK_PERIOD_MS_MIN = 50;

/** Says which streams have a progress tick due. */
export class ProgressTicker {
  readonly #intervalMs: number;
  readonly #random: () => number;
  readonly #streams = new Set<WatchStream>();
  #due: WatchStream[] = [];
  #nextCheckMs = Number.POSITIVE_INFINITY;

  /** `random` gives numbers in [0, 1). */
  constructor(intervalMs: number, random: () => number) {
    this.#intervalMs = Math.max(INTERVAL_MS_MIN, intervalMs);
    this.#random = random;
  }

  /** Whether `take` has something to give without looking at the clock. */
  get hasWork(): boolean {
    return this.#due.length > 0;
  }

  /** Starts the ticks of a stream. */
  add(stream: WatchStream, nowMs: number): void {
    stream.tickPeriodMs = this.#intervalMs * (1 + JITTER * this.#random());
    stream.nextTickMs = nowMs + stream.tickPeriodMs;
    this.#nextCheckMs = Math.min(this.#nextCheckMs, stream.nextTickMs);
    this.#streams.add(stream);
  }

  /** Ends the ticks of a stream. */
  remove(stream: WatchStream): void {
    this.#streams.delete(stream);
  }

  /** Takes a stream whose tick is due; undefined when there is none. */
  take(nowMs: number): WatchStream | undefined {
    if (this.#due.length === 0 && nowMs >= this.#nextCheckMs) this.#check(nowMs);
    return this.#due.pop();
  }

  #check(nowMs: number): void {
    let next = Number.POSITIVE_INFINITY;
    for (const stream of this.#streams) {
      if (stream.nextTickMs <= nowMs) {
        this.#due.push(stream);
        // As a ticker does: ticks that were missed altogether are not made up for.
        const missed = Math.floor((nowMs - stream.nextTickMs) / stream.tickPeriodMs);
        stream.nextTickMs += (missed + 1) * stream.tickPeriodMs;
      }
      next = Math.min(next, stream.nextTickMs);
    }
    this.#nextCheckMs = Math.max(next, nowMs + CHECK_PERIOD_MS_MIN);
  }
}
