import type { LogStore, StoreBatch } from "../../../src/raft-worker/log-store.js";

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

  truncateBefore(index: number): void {
    this.#store.truncateBefore(index);
  }

  close(): Promise<void> {
    return this.#store.close();
  }
}
