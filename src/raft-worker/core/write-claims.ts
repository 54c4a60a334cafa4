/**
 * How much of a log is on disk, by what its writes vouch for. Numbers identify writes, not places in
 * the log: while a write is under way, the entries in it may be cut off and others take their place,
 * and its answer must not vouch for those.
 */
export class WriteClaims {
  #persistedIndex: number;
  #handedOutIndex: number;
  /** Writes without an answer, oldest first, and the last entry that each vouches for. */
  #pending: { readonly sequence: number; lastIndex: number }[] = [];

  /** Everything up to `index` is on disk. */
  constructor(index: number) {
    this.#persistedIndex = index;
    this.#handedOutIndex = index;
  }

  /** Everything up to here is on disk. */
  get persistedIndex(): number {
    return this.#persistedIndex;
  }

  /** Everything up to here was given out to be written. */
  get handedOutIndex(): number {
    return this.#handedOutIndex;
  }

  /** Everything up to `index` is given out. */
  handOut(index: number): void {
    this.#handedOutIndex = index;
  }

  /** Write `sequence` vouches for everything given out so far. */
  started(sequence: number): void {
    this.#pending.push({ sequence, lastIndex: this.#handedOutIndex });
  }

  /** Takes the answer to every write up to `sequence`. */
  finished(sequence: number): void {
    let count = 0;
    for (const write of this.#pending) {
      if (write.sequence > sequence) break;
      this.#persistedIndex = Math.max(this.#persistedIndex, write.lastIndex);
      count += 1;
    }
    this.#pending.splice(0, count);
  }

  /** The entries from `index` on are gone, and with them all that was said of them. */
  cutFrom(index: number): void {
    this.#persistedIndex = Math.min(this.#persistedIndex, index - 1);
    this.#handedOutIndex = Math.min(this.#handedOutIndex, index - 1);
    for (const write of this.#pending) write.lastIndex = Math.min(write.lastIndex, index - 1);
  }
}
