/** Ticks that may be made up for at once after the event loop was late. */
const CATCH_UP_TICKS_MAX = 2;

/**
 * Turns time into ticks. A thread that was held up for a moment makes up for what it missed, so that
 * timeouts keep their length. One that was stopped (SIGSTOP, a suspended machine) does not: ticks of a
 * time in which it could hear nobody would depose a leader, or start an election, before the messages
 * that wait in its sockets were read.
 */
export class TickClock {
  readonly #intervalMs: number;
  #nextMs: number;

  /** Times are monotonic milliseconds. */
  constructor(intervalMs: number, nowMs: number) {
    this.#intervalMs = intervalMs;
    this.#nextMs = nowMs + intervalMs;
  }

  /** How many ticks to make now. */
  due(nowMs: number): number {
    if (nowMs < this.#nextMs) return 0;
    const passed = 1 + Math.floor((nowMs - this.#nextMs) / this.#intervalMs);
    this.#nextMs += passed * this.#intervalMs;
    return Math.min(passed, CATCH_UP_TICKS_MAX);
  }
}
