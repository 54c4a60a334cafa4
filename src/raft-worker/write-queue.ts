import { assert } from "../shared/assert.js";
import type { PersistEffect } from "./core/effects.js";
import type { Entry, HardState, LogPosition } from "./core/entry.js";
import type { LogStore } from "./log-store.js";

/**
 * Persist effects on their way to the store: one write under way, and everything that was asked for
 * meanwhile gathered into the next.
 */
export class WriteQueue {
  readonly #store: LogStore;
  readonly #wake: () => void;
  #entries: Entry[] = [];
  #snapshot: LogPosition | undefined;
  #hardState: HardState | undefined;
  /** Number of the newest effect gathered. */
  #gatheredSequence = 0;
  #finishedSequence = 0;
  #isWriting = false;

  /** `wake` is called when a write has finished: there is something to take up. */
  constructor(store: LogStore, wake: () => void) {
    this.#store = store;
    this.#wake = wake;
  }

  /** Every effect up to this number is on disk. */
  get finishedSequence(): number {
    return this.#finishedSequence;
  }

  /** Whether nothing is gathered or under way. */
  get isIdle(): boolean {
    return !this.#isWriting && this.#hardState === undefined;
  }

  /** Gathers an effect. Entries that it replaces need not be written at all. */
  add(effect: PersistEffect): void {
    assert(effect.sequence === this.#gatheredSequence + 1, "persist effects come in order", {
      sequence: effect.sequence,
      gatheredSequence: this.#gatheredSequence,
    });
    if (effect.snapshot !== undefined) {
      this.#snapshot = effect.snapshot;
      this.#entries = [];
    }
    const first = effect.entries[0];
    while (first !== undefined && (this.#entries.at(-1)?.index ?? 0) >= first.index) {
      this.#entries.pop();
    }
    for (const entry of effect.entries) this.#entries.push(entry);
    this.#hardState = effect.hardState;
    this.#gatheredSequence = effect.sequence;
  }

  /** Starts to write what was gathered, unless a write is under way. */
  start(): void {
    const hardState = this.#hardState;
    if (this.#isWriting || hardState === undefined) return;
    const entries = this.#entries;
    const restart = this.#snapshot === undefined ? {} : { snapshot: this.#snapshot };
    const sequence = this.#gatheredSequence;
    this.#entries = [];
    this.#snapshot = undefined;
    this.#hardState = undefined;
    this.#isWriting = true;
    this.#store.append({ ...restart, entries, hardState }, () => {
      this.#isWriting = false;
      this.#finishedSequence = sequence;
      this.#wake();
    });
  }
}
