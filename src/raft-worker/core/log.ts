import { assert } from "../../shared/assert.js";
import type { Entry, LogPosition } from "./entry.js";

/** What a log starts from: the position before its first entry, and the entries after it. */
export interface LogContents {
  /** The last entry that is not in memory; (0, 0) for a log that has them all. */
  readonly base: LogPosition;
  /** Contiguous, from `base.index + 1`. All of them are on disk. */
  readonly entries: readonly Entry[];
}

/** How much of the applied part of the log is kept for members that lag. */
export interface Retention {
  readonly entriesMax: number;
  readonly bytesMax: number;
}

/**
 * The log of one member, as far as it is in memory.
 *
 *     base ......... persistedIndex ...... handedOutIndex ...... lastIndex
 *          on disk                  being written         not asked for yet
 *
 * Invariants: base <= appliedIndex <= commitIndex <= lastIndex; persistedIndex <= handedOutIndex <=
 * lastIndex; terms never fall from one entry to the next; what is committed is never cut off.
 */
export class RaftLog {
  #base: LogPosition;
  #entries: Entry[];
  /** Payload bytes of the entries in memory. */
  #bytes = 0;
  /** Those of them that the state machine was not handed yet. */
  #unappliedBytes = 0;
  #persistedIndex: number;
  #handedOutIndex: number;
  #commitIndex: number;
  #appliedIndex: number;
  /** Persist effects without an answer, oldest first, and the last entry that each vouches for. */
  #pendingWrites: { readonly sequence: number; lastIndex: number }[] = [];

  constructor(contents: LogContents, commitIndex: number, appliedIndex: number) {
    this.#base = contents.base;
    this.#entries = [];
    this.#handedOutIndex = contents.base.index;
    this.#commitIndex = contents.base.index;
    this.#appliedIndex = contents.base.index;
    this.append(contents.entries);
    this.#persistedIndex = this.lastIndex;
    this.#handedOutIndex = this.lastIndex;
    this.commitTo(commitIndex);
    this.applyTo(appliedIndex);
  }

  get lastIndex(): number {
    return this.#base.index + this.#entries.length;
  }

  get lastTerm(): number {
    return this.#entries.at(-1)?.term ?? this.#base.term;
  }

  get commitIndex(): number {
    return this.#commitIndex;
  }

  get appliedIndex(): number {
    return this.#appliedIndex;
  }

  /** Everything up to here is on this member's disk. */
  get persistedIndex(): number {
    return this.#persistedIndex;
  }

  /** Payload bytes of the entries that were not applied yet. */
  get unappliedBytes(): number {
    return this.#unappliedBytes;
  }

  /** Index of the first entry in memory, or of the next one when there is none. */
  get firstIndex(): number {
    return this.#base.index + 1;
  }

  /** Term of an entry; undefined when the log does not reach there, or does not any more. */
  termAt(index: number): number | undefined {
    if (index === this.#base.index) return this.#base.term;
    return this.#entries[index - this.#base.index - 1]?.term;
  }

  /** An entry in memory. */
  entryAt(index: number): Entry {
    const entry = this.#entries[index - this.#base.index - 1];
    assert(entry !== undefined, "log entry is not in memory", {
      index,
      firstIndex: this.firstIndex,
      lastIndex: this.lastIndex,
    });
    return entry;
  }

  /** Entries from `index` on, of at most `bytesMax` payload bytes together, but at least one if any. */
  entriesFrom(index: number, bytesMax: number): Entry[] {
    const start = index - this.#base.index - 1;
    assert(start >= 0, "entries were let go", { index, firstIndex: this.firstIndex });
    let end = start;
    let bytes = 0;
    while (end < this.#entries.length) {
      bytes += this.#entries[end]!.payload.length;
      if (end > start && bytes > bytesMax) break;
      end += 1;
    }
    return this.#entries.slice(start, end);
  }

  /** Whether a log that ends at `last` is at least as new as this one (Raft paper section 5.4.1). */
  isUpToDate(last: LogPosition): boolean {
    if (last.term !== this.lastTerm) return last.term > this.lastTerm;
    return last.index >= this.lastIndex;
  }

  /** The highest position not above `index` whose term is not above `term`: where logs may yet meet. */
  lastAtOrBelowTerm(index: number, term: number): LogPosition {
    let at = Math.min(index, this.lastIndex);
    while (at > this.#base.index) {
      const here = this.termAt(at) ?? 0;
      if (here <= term) return { index: at, term: here };
      at -= 1;
    }
    return this.#base;
  }

  /** Adds entries at the end. */
  append(entries: readonly Entry[]): void {
    for (const entry of entries) {
      assert(entry.index === this.lastIndex + 1, "log entries are contiguous", {
        index: entry.index,
        lastIndex: this.lastIndex,
      });
      assert(entry.term >= this.lastTerm, "terms never fall along a log", {
        index: entry.index,
        term: entry.term,
        lastTerm: this.lastTerm,
      });
      this.#entries.push(entry);
      this.#bytes += entry.payload.length;
      this.#unappliedBytes += entry.payload.length;
    }
  }

  /**
   * Takes the leader's entries that follow a position known to match: skips those already here, cuts
   * this log off at the first that conflicts, and adds the rest (Raft paper figure 2, steps 3 and 4).
   */
  merge(entries: readonly Entry[]): void {
    const firstNew = entries.findIndex((entry) => this.termAt(entry.index) !== entry.term);
    if (firstNew < 0) return;
    this.#cutFrom(entries[firstNew]!.index);
    this.append(entries.slice(firstNew));
  }

  /** Raises the commit index; never lowers it. */
  commitTo(index: number): void {
    if (index <= this.#commitIndex) return;
    assert(index <= this.lastIndex, "commit index is within the log", {
      index,
      lastIndex: this.lastIndex,
    });
    this.#commitIndex = index;
  }

  /** Notes that the state machine has everything up to `index`. */
  applyTo(index: number): void {
    assert(
      index >= this.#appliedIndex && index <= this.#commitIndex,
      "applied index is in bounds",
      {
        index,
        appliedIndex: this.#appliedIndex,
        commitIndex: this.#commitIndex,
      },
    );
    for (let at = this.#appliedIndex + 1; at <= index; at += 1) {
      this.#unappliedBytes -= this.entryAt(at).payload.length;
    }
    this.#appliedIndex = index;
  }

  /** Gives out, once, the entries that no persist effect carried yet. */
  takeUnpersisted(): readonly Entry[] {
    const entries = this.#entries.slice(this.#handedOutIndex - this.#base.index);
    this.#handedOutIndex = this.lastIndex;
    return entries;
  }

  /** Whether `takeUnpersisted` has something to give. */
  get hasUnpersisted(): boolean {
    return this.#handedOutIndex < this.lastIndex;
  }

  /** Remembers that write `sequence` vouches for everything handed out so far. */
  writeStarted(sequence: number): void {
    this.#pendingWrites.push({ sequence, lastIndex: this.#handedOutIndex });
  }

  /** Takes the answer to every write up to `sequence`. */
  writesFinished(sequence: number): void {
    let count = 0;
    for (const write of this.#pendingWrites) {
      if (write.sequence > sequence) break;
      this.#persistedIndex = Math.max(this.#persistedIndex, write.lastIndex);
      count += 1;
    }
    this.#pendingWrites.splice(0, count);
  }

  /**
   * Lets go of applied entries beyond what `retention` keeps. Waits until that is half of what is in
   * memory, so that the cost per entry is constant.
   */
  release(retention: Retention): void {
    const releasable = Math.min(this.#appliedIndex, this.#persistedIndex) - this.#base.index;
    let count = 0;
    let bytes = this.#bytes;
    while (count < releasable) {
      const keptApplied = releasable - count;
      if (keptApplied <= retention.entriesMax && bytes <= retention.bytesMax) break;
      bytes -= this.#entries[count]!.payload.length;
      count += 1;
    }
    if (count === 0 || count * 2 < this.#entries.length) return;
    const last = this.#entries[count - 1]!;
    this.#base = { index: last.index, term: last.term };
    this.#entries.splice(0, count);
    this.#bytes = bytes;
  }

  #cutFrom(index: number): void {
    if (index > this.lastIndex) return;
    assert(index > this.#commitIndex, "a committed entry is never cut off", {
      index,
      commitIndex: this.#commitIndex,
    });
    const removed = this.#entries.splice(index - this.#base.index - 1);
    for (const entry of removed) {
      this.#bytes -= entry.payload.length;
      this.#unappliedBytes -= entry.payload.length;
    }
    // A write of the removed entries may still be under way. Its answer must not vouch for the ones
    // that take their place, so its claim is cut as well.
    this.#persistedIndex = Math.min(this.#persistedIndex, index - 1);
    this.#handedOutIndex = Math.min(this.#handedOutIndex, index - 1);
    for (const write of this.#pendingWrites) {
      write.lastIndex = Math.min(write.lastIndex, index - 1);
    }
  }
}
