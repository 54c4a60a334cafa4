import { DeadlineWheel, type Expiring } from "./deadline-wheel.js";

/** The deadlines of all calls of a transport, on one timer that runs only while there are any. */
export class Http2Deadlines {
  readonly #wheel = new DeadlineWheel(performance.now());
  #timer: NodeJS.Timeout | undefined;
  #timerDueMs = Number.POSITIVE_INFINITY;
  readonly #look = (): void => {
    this.#timer = undefined;
    this.#timerDueMs = Number.POSITIVE_INFINITY;
    this.#wheel.advance(performance.now());
    this.#arm();
  };

  /** Has `entry.expire` called at `expiryMs` (monotonic), or a few milliseconds later. */
  add(entry: Expiring, expiryMs: number): void {
    // An empty wheel has not been turned: what it remembers of the time is old.
    if (this.#wheel.count === 0) this.#wheel.advance(performance.now());
    this.#wheel.add(entry, expiryMs);
    if (expiryMs < this.#timerDueMs) this.#arm();
  }

  /** Forgets an entry. */
  remove(entry: Expiring): void {
    this.#wheel.remove(entry);
  }

  // A timer whose entries have all gone is left to run: it looks, and finds the next or nothing.
  #arm(): void {
    const dueMs = this.#wheel.nextMs();
    if (dueMs === undefined || dueMs >= this.#timerDueMs) return;
    clearTimeout(this.#timer);
    this.#timerDueMs = dueMs;
    this.#timer = setTimeout(this.#look, Math.max(1, dueMs - performance.now())).unref();
  }
}
