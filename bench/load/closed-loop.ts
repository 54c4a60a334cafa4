import { type LoopClock, SYSTEM_CLOCK } from "./clock.js";
import { LAST_CALLS_TIMEOUT_MS, type LoopRun } from "./loop-run.js";
import type { LoadLimits } from "./plan.js";
import type { Operation, Tally } from "./tally.js";

/** What a loop works with. */
export interface LoopOptions {
  readonly limits: LoadLimits;
  readonly tally: Tally;
  /** Ends the loop when it is settled; a rejection is the loop's. */
  readonly until?: Promise<void> | undefined;
  readonly clock?: LoopClock;
}

/**
 * Runs every operation again and again, one call of each at a time, until a limit is reached, and
 * waits for the calls that are under way then. Rejects when they do not end.
 */
export function runClosedLoop(
  operations: readonly Operation[],
  options: LoopOptions,
): Promise<LoopRun> {
  return new ClosedLoop(options).run(operations);
}

class ClosedLoop {
  readonly #clock: LoopClock;
  readonly #tally: Tally;
  readonly #until: Promise<void> | undefined;
  readonly #startedUs: number;
  readonly #deadlineUs: number;
  #callsLeft: number;
  #running = 0;
  #isOver = false;
  #onEnd: () => void = () => {};

  constructor({ limits, tally, until, clock = SYSTEM_CLOCK }: LoopOptions) {
    this.#clock = clock;
    this.#tally = tally;
    this.#until = until;
    this.#callsLeft = limits.calls;
    this.#startedUs = clock.nowUs();
    this.#deadlineUs = this.#startedUs + limits.seconds * 1_000_000;
  }

  run(operations: readonly Operation[]): Promise<LoopRun> {
    const timeoutMs = (this.#deadlineUs - this.#startedUs) / 1000 + LAST_CALLS_TIMEOUT_MS;
    return new Promise((resolve, reject) => {
      const cancel = this.#clock.after(timeoutMs, () => {
        reject(new Error(`${this.#running} calls did not end; ${this.#tally.ended} did`));
      });
      this.#onEnd = () => {
        cancel();
        resolve({ startedUs: this.#startedUs, endedUs: this.#clock.nowUs() });
      };
      this.#until?.then(
        () => {
          this.#isOver = true;
        },
        (error: unknown) => {
          cancel();
          this.#isOver = true;
          reject(error);
        },
      );
      for (const operation of operations) this.#client(operation);
      if (this.#running === 0) this.#onEnd();
    });
  }

  #client(operation: Operation): void {
    let startedUs = this.#clock.nowUs();
    const start = (): void => {
      this.#callsLeft -= 1;
      operation(done);
    };
    const done = (failure?: Error, series?: number): void => {
      const endedUs = this.#clock.nowUs();
      this.#tally.count({ startedUs, endedUs }, failure, series);
      startedUs = endedUs;
      if (this.#mayGoOn(endedUs)) return start();
      this.#running -= 1;
      if (this.#running === 0) this.#onEnd();
    };
    if (!this.#mayGoOn(startedUs)) return;
    this.#running += 1;
    start();
  }

  #mayGoOn(atUs: number): boolean {
    return (
      this.#callsLeft > 0 && atUs < this.#deadlineUs && !this.#isOver && !this.#tally.isHopeless
    );
  }
}
