import type { Entry } from "./entry.js";

/**
 * Where in the log the changes of the configuration are that have not taken effect: they do when the
 * state machine has applied them. By the pending-change rule all but the last of them are committed.
 */
export class UnconfiguredChanges {
  readonly #isConfChange: (payload: Uint8Array) => boolean;
  #configuredIndex: number;
  /** Ascending. */
  #indexes: number[] = [];

  /** Everything up to `configuredIndex` is in the configuration that the member starts with. */
  constructor(configuredIndex: number, isConfChange: (payload: Uint8Array) => boolean) {
    this.#configuredIndex = configuredIndex;
    this.#isConfChange = isConfChange;
  }

  /** Everything up to here has taken effect. */
  get configuredIndex(): number {
    return this.#configuredIndex;
  }

  /** Whether the log holds one. */
  get isAny(): boolean {
    return this.#indexes.length > 0;
  }

  /** Whether one of them is at `commitIndex` or before it. */
  isAnyUpTo(commitIndex: number): boolean {
    const first = this.#indexes[0];
    return first !== undefined && first <= commitIndex;
  }

  /** Takes note of an entry that was appended. */
  appended(entry: Entry): void {
    if (entry.index <= this.#configuredIndex || !this.#isConfChange(entry.payload)) return;
    this.#indexes.push(entry.index);
  }

  /** Forgets entries from `index` on: they were cut off. */
  cutFrom(index: number): void {
    while ((this.#indexes.at(-1) ?? 0) >= index) this.#indexes.pop();
  }

  /** Everything up to `index` has taken effect. */
  configured(index: number): void {
    this.#configuredIndex = Math.max(this.#configuredIndex, index);
    while (this.#indexes.length > 0 && this.#indexes[0]! <= index) this.#indexes.shift();
  }
}
