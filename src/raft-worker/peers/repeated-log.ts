import type { LogFields, Logger } from "../../shared/logger.js";

/** Conditions that are remembered. */
const TEXTS_MAX = 256;

/** Logs a condition that comes again and again once per interval. */
export class RepeatedLog {
  readonly #logger: Logger;
  readonly #intervalMs: number;
  readonly #loggedAtMs = new Map<string, number>();

  constructor(logger: Logger, intervalMs: number) {
    this.#logger = logger;
    this.#intervalMs = intervalMs;
  }

  /** Says it, unless it was said lately. `subject` tells conditions with the same message apart. */
  warn(message: string, fields: LogFields, subject = ""): void {
    const nowMs = performance.now();
    const key = `${message}/${subject}`;
    const last = this.#loggedAtMs.get(key);
    if (last !== undefined && nowMs - last < this.#intervalMs) return;
    if (this.#loggedAtMs.size >= TEXTS_MAX) this.#loggedAtMs.clear();
    this.#loggedAtMs.set(key, nowMs);
    this.#logger.warn(message, fields);
  }

  /** What is said next is news. */
  forget(): void {
    this.#loggedAtMs.clear();
  }
}
