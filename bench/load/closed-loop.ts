import { nowUs } from "./clock.js";
import { LatencyHistogram } from "./latency-histogram.js";
import type { LoadLimits } from "./plan.js";

/** Reports the end of a call. */
export type Done = (failure?: Error) => void;

/** Starts one call of one client, and reports its end later, never at once. */
export type Operation = (done: Done) => void;

/** What the clients of one thread did. */
export interface LoopOutcome {
  /** Calls that succeeded. */
  readonly calls: number;
  readonly failures: number;
  readonly firstFailure: string | undefined;
  readonly startedUs: number;
  readonly endedUs: number;
  readonly latencies: LatencyHistogram;
}

/** Failures after which a run makes no sense. */
const FAILURES_MAX = 100;
/** How long the last calls may take once no new ones are made. */
const LAST_CALLS_TIMEOUT_MS = 60_000;

/**
 * Runs every operation again and again, one call of each at a time, until a limit is reached, and
 * waits for the calls that are under way then. Rejects when they do not end.
 */
export function runClosedLoop(
  operations: readonly Operation[],
  limits: LoadLimits,
): Promise<LoopOutcome> {
  const loop = new ClosedLoop(limits);
  return loop.run(operations);
}

class ClosedLoop {
  readonly #latencies = new LatencyHistogram();
  readonly #startedUs = nowUs();
  readonly #deadlineUs: number;
  #callsLeft: number;
  #calls = 0;
  #failures = 0;
  #firstFailure: string | undefined;
  #running = 0;
  #onEnd: () => void = () => {};

  constructor(limits: LoadLimits) {
    this.#callsLeft = limits.calls;
    this.#deadlineUs = this.#startedUs + limits.seconds * 1_000_000;
  }

  run(operations: readonly Operation[]): Promise<LoopOutcome> {
    const timeoutMs = (this.#deadlineUs - this.#startedUs) / 1000 + LAST_CALLS_TIMEOUT_MS;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        reject(new Error(`${this.#running} calls did not end; ${this.#calls} did`));
      }, timeoutMs);
      this.#onEnd = () => {
        clearTimeout(timer);
        resolve(this.#outcome());
      };
      for (const operation of operations) this.#client(operation);
      if (this.#running === 0) this.#onEnd();
    });
  }

  #client(operation: Operation): void {
    let startedUs = nowUs();
    const start = (): void => {
      this.#callsLeft -= 1;
      operation(done);
    };
    const done = (failure?: Error): void => {
      const endedUs = nowUs();
      this.#count(failure, endedUs - startedUs);
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
    return this.#callsLeft > 0 && atUs < this.#deadlineUs && this.#failures < FAILURES_MAX;
  }

  #count(failure: Error | undefined, durationUs: number): void {
    if (failure === undefined) {
      this.#calls += 1;
      this.#latencies.record(durationUs);
      return;
    }
    this.#failures += 1;
    this.#firstFailure ??= describe(failure);
  }

  #outcome(): LoopOutcome {
    return {
      calls: this.#calls,
      failures: this.#failures,
      firstFailure: this.#firstFailure,
      startedUs: this.#startedUs,
      endedUs: nowUs(),
      latencies: this.#latencies,
    };
  }
}

function describe(failure: Error): string {
  const { cause } = failure;
  return cause instanceof Error ? `${failure.message}: ${cause.message}` : failure.message;
}
