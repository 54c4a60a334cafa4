/** Conditions that are remembered. */
const CONDITIONS_MAX = 256;

/** Says when a condition that comes again and again is to be logged: once per interval. */
export class LogThrottle {
  readonly #intervalMs: number;
  readonly #loggedAtMs = new Map<string, number>();

  constructor(intervalMs: number) {
    this.#intervalMs = intervalMs;
  }

  /** Whether the condition is news. Whoever asks logs it, if it is. */
  isDue(condition: string): boolean {
    const nowMs = performance.now();
    const last = this.#loggedAtMs.get(condition);
    if (last !== undefined && nowMs - last < this.#intervalMs) return false;
    if (this.#loggedAtMs.size >= CONDITIONS_MAX) this.#loggedAtMs.clear();
    this.#loggedAtMs.set(condition, nowMs);
    return true;
  }

  /** Whatever comes next is news. */
  forget(): void {
    this.#loggedAtMs.clear();
  }
}
