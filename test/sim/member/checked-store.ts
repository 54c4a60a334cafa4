import type { LogStore, StoreBatch, Truncation } from "../../../src/raft-worker/log-store.js";

/** The real log store; somebody hears what is on disk. */
export class CheckedLogStore implements LogStore {
  readonly #store: LogStore;
  readonly #onDurable: (batch: StoreBatch) => void;

  constructor(store: LogStore, onDurable: (batch: StoreBatch) => void) {
    this.#store = store;
    this.#onDurable = onDurable;
  }

  append(batch: StoreBatch, done: () => void): void {
    this.#store.append(batch, () => {
      this.#onDurable(batch);
      done();
    });
  }

  truncate(truncation: Truncation): void {
    this.#store.truncate(truncation);
  }

  close(): Promise<void> {
    return this.#store.close();
  }
}
