import { type LoopClock, SYSTEM_CLOCK } from "./clock.js";
import type { LoopOptions } from "./closed-loop.js";
import { LAST_CALLS_TIMEOUT_MS, type LoopRun } from "./loop-run.js";
import type { Operation, Tally } from "./tally.js";

/** How long the loop sleeps at least: a timer knows no less. */
const TICK_MS = 1;
/**
 * A call that a tick starts so soon after its time is taken to be in time: the wait was for the
 * timer, not for the server.
 */
const TICK_GRACE_US = 2000;

/**
 * Starts `rate` calls per second on a schedule, whether or not earlier ones were answered. A call
 * that finds all operations busy waits for one, and its latency counts from its scheduled start:
 * a server that stalls is charged for every call that came due in the meantime, not for one call
 * per client. Calls that had not started when time was up are counted as missed.
 */
export function runOpenLoop(
  operations: readonly Operation[],
  rate: number,
  options: LoopOptions,
): Promise<LoopRun> {
  return new OpenLoop(operations, rate, options).run();
}

class OpenLoop {
  readonly #clock: LoopClock;
  readonly #tally: Tally;
  readonly #idle: Operation[];
  readonly #until: Promise<void> | undefined;
  readonly #usPerCall: number;
  readonly #startedUs: number;
  readonly #timeoutMs: number;
  /** Calls on the schedule. */
  readonly #scheduled: number;
  /** Time ends the run, not a number of calls: those that wait then are not made. */
  readonly #endsByTime: boolean;
  /** Calls whose time has come, and those of them that were started. */
  #due = 0;
  #started = 0;
  #running = 0;
  #isOver = false;
  #cancelTick = (): void => {};
  #onEnd = (): void => {};

  constructor(operations: readonly Operation[], rate: number, options: LoopOptions) {
    const { limits, tally, until, clock = SYSTEM_CLOCK } = options;
    this.#clock = clock;
    this.#tally = tally;
    this.#until = until;
    // The first client is the first to be used.
    this.#idle = [...operations].reverse();
    this.#usPerCall = 1_000_000 / rate;
    const inTime = Math.ceil(limits.seconds * rate);
    this.#scheduled = Math.min(limits.calls, inTime);
    this.#endsByTime = inTime < limits.calls;
    this.#timeoutMs = limits.seconds * 1000 + LAST_CALLS_TIMEOUT_MS;
    this.#startedUs = clock.nowUs();
  }

  run(): Promise<LoopRun> {
    return new Promise((resolve, reject) => {
      const fail = (error: unknown): void => {
        this.#isOver = true;
        this.#cancelTick();
        cancelTimeout();
        reject(error);
      };
      const cancelTimeout = this.#clock.after(this.#timeoutMs, () => {
        fail(new Error(`${this.#running} calls did not end; ${this.#tally.ended} did`));
      });
      this.#onEnd = () => {
        cancelTimeout();
        resolve({ startedUs: this.#startedUs, endedUs: this.#clock.nowUs() });
      };
      this.#until?.then(() => this.#finish(), fail);
      this.#tick();
    });
  }

  #tick(): void {
    const nowUs = this.#clock.nowUs();
    const due = Math.floor((nowUs - this.#startedUs) / this.#usPerCall) + 1;
    this.#due = Math.min(this.#scheduled, Math.max(this.#due, due));
    while (this.#started < this.#due && this.#idle.length > 0) {
      const scheduledUs = this.#scheduledUs(this.#started);
      this.#start(scheduledUs >= nowUs - TICK_GRACE_US ? nowUs : scheduledUs);
    }
    if (this.#tally.isHopeless) return this.#finish();
    if (this.#due < this.#scheduled) {
      const waitMs = Math.max(TICK_MS, (this.#scheduledUs(this.#due) - nowUs) / 1000);
      this.#cancelTick = this.#clock.after(waitMs, () => this.#tick());
    } else if (this.#endsByTime || this.#scheduled === 0) {
      this.#finish();
    }
  }

  #scheduledUs(call: number): number {
    return this.#startedUs + call * this.#usPerCall;
  }

  #start(startedUs: number): void {
    const operation = this.#idle.pop();
    if (operation === undefined) return;
    this.#started += 1;
    this.#running += 1;
    operation((failure, series) => {
      this.#tally.count({ startedUs, endedUs: this.#clock.nowUs() }, failure, series);
      this.#running -= 1;
      this.#idle.push(operation);
      if (this.#isOver || this.#tally.isHopeless) return this.#finish();
      if (this.#started < this.#due) {
        this.#tally.waited += 1;
        this.#start(this.#scheduledUs(this.#started));
      } else if (this.#started === this.#scheduled) {
        this.#finish();
      }
    });
  }

  /** No more calls are started: those that wait are given up, those under way may end. */
  #finish(): void {
    if (!this.#isOver) {
      this.#isOver = true;
      this.#cancelTick();
      this.#tally.missed += this.#due - this.#started;
    }
    if (this.#running === 0) this.#onEnd();
  }
}
