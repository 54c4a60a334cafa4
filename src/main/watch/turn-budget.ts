const CALLS_PER_CLOCK_READ = 16;

/**
 * What one turn of the hub may use: time, so that the loop gets back to its sockets, and bytes written, so
 * that a turn of large events does not put unary answers behind megabytes of watch frames.
 */
export class TurnBudget {
  readonly #nowMs: () => number;
  readonly #deadlineMs: number;
  #bytes: number;
  #calls = 0;
  #spent = false;

  constructor(nowMs: () => number, budget: { readonly ms: number; readonly bytes: number }) {
    this.#nowMs = nowMs;
    this.#deadlineMs = nowMs() + budget.ms;
    this.#bytes = budget.bytes;
  }

  /** Counts bytes written. */
  spend(bytes: number): void {
    this.#bytes -= bytes;
    if (this.#bytes <= 0) this.#spent = true;
  }

  /** Whether it is time to stop. Cheap: reads the clock now and then only. */
  isSpent(): boolean {
    this.#calls += 1;
    if (!this.#spent && this.#calls % CALLS_PER_CLOCK_READ === 0) this.#readClock();
    return this.#spent;
  }

  /** `isSpent` with a look at the clock. */
  isSpentNow(): boolean {
    if (!this.#spent) this.#readClock();
    return this.#spent;
  }

  #readClock(): void {
    this.#spent = this.#nowMs() >= this.#deadlineMs;
  }
}
