import { assert } from "../../shared/assert.js";
import type { Entry, LogPosition } from "./entry.js";
import { UnconfiguredChanges } from "./unconfigured-changes.js";
import { WriteClaims } from "./write-claims.js";

/** What a log starts from: the position before its first entry, and the entries after it. */
export interface LogContents {
  /** The last entry that is not in memory; (0, 0) for a log that has them all. */
  readonly base: LogPosition;
  /** Contiguous, from `base.index + 1`. All of them are on disk. */
  readonly entries: readonly Entry[];
}

/** How far a log is known to have taken effect when it is made. */
export interface LogState {
  readonly commitIndex: number;
  readonly appliedIndex: number;
  /** Changes of the configuration up to here are in effect. */
  readonly configuredIndex: number;
  readonly isConfChange: (payload: Uint8Array) => boolean;
}

/** How much of the applied part of the log is kept for members that lag. */
export interface Retention {
  readonly entriesMax: number;
  readonly bytesMax: number;
}

/** What keeps applied entries in memory, whatever the retention says. */
export interface ReleaseLimits {
  /** Nothing above this is let go. */
  readonly upTo: number;
  /** Somebody is on the way to need what follows this; undefined when nobody is. */
  readonly pinnedIndex: number | undefined;
  /** ... but for that the log may not hold more payload bytes than this. */
  readonly pinnedBytesMax: number;
}

/**
 * The log of one member, as far as it is in memory.
 *
 *     base ......... persistedIndex ...... handedOutIndex ...... lastIndex
 *          on disk                  being written         not asked for yet
 *
 * Invariants: base <= appliedIndex <= commitIndex <= lastIndex; persistedIndex <= handedOutIndex <=
 * lastIndex; terms never fall from one entry to the next; what is committed is never cut off. After a
 * restart from a snapshot persistedIndex is below base until that is written.
 */
export class RaftLog {
  #base: LogPosition;
  #entries: Entry[];
  /** Payload bytes of the entries in memory. */
  #bytes = 0;
  /** Those of them that the state machine was not handed yet. */
  #unappliedBytes = 0;
  readonly #writes: WriteClaims;
  #commitIndex: number;
  #appliedIndex: number;
  /** A new beginning that no persist effect carried yet. */
  #restart: LogPosition | undefined;
  readonly #changes: UnconfiguredChanges;

  constructor(contents: LogContents, state: LogState) {
    this.#base = contents.base;
    this.#entries = [];
    this.#commitIndex = contents.base.index;
    this.#appliedIndex = contents.base.index;
    this.#changes = new UnconfiguredChanges(state.configuredIndex, state.isConfChange);
    this.append(contents.entries);
    this.#writes = new WriteClaims(this.lastIndex);
    this.commitTo(state.commitIndex);
    this.applyTo(state.appliedIndex);
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
    return this.#writes.persistedIndex;
  }

  /** Payload bytes of the entries that were not applied yet. */
  get unappliedBytes(): number {
    return this.#unappliedBytes;
  }

  /** Index of the first entry in memory, or of the next one when there is none. */
  get firstIndex(): number {
    return this.#base.index + 1;
  }

  /** Changes of the configuration up to here are in effect. */
  get configuredIndex(): number {
    return this.#changes.configuredIndex;
  }

  /** Whether the log holds a change of the configuration that is not in effect. */
  get hasUnconfiguredChange(): boolean {
    return this.#changes.isAny;
  }

  /** Whether one of those is known to be committed, so that the configuration of today is outdated. */
  get isConfigurationOutdated(): boolean {
    return this.#changes.isAnyUpTo(this.#commitIndex);
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
      this.#changes.appended(entry);
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

  /** Changes of the configuration up to `index` are in effect. */
  configuredTo(index: number): void {
    this.#changes.configured(index);
  }

  /**
   * Starts anew after a position that is known to be committed, unless the log holds it: what is here
   * is shorter, or of a history that came to nothing.
   */
  restartAfter(position: LogPosition): void {
    const isHeld =
      position.index <= this.#commitIndex || this.termAt(position.index) === position.term;
    if (!isHeld) {
      this.#cutFrom(this.#commitIndex + 1);
      this.#base = position;
      this.#entries = [];
      this.#bytes = 0;
      this.#unappliedBytes = 0;
      this.#commitIndex = position.index;
      this.#appliedIndex = position.index;
      this.#writes.handOut(position.index);
      this.#restart = position;
      this.configuredTo(position.index);
    }
    this.commitTo(position.index);
    this.applyTo(Math.max(position.index, this.#appliedIndex));
  }

  /** Gives out, once, the position after which the log starts anew. */
  takeRestart(): LogPosition | undefined {
    const restart = this.#restart;
    this.#restart = undefined;
    return restart;
  }

  /** Gives out, once, the entries that no persist effect carried yet. */
  takeUnpersisted(): readonly Entry[] {
    const entries = this.#entries.slice(this.#writes.handedOutIndex - this.#base.index);
    this.#writes.handOut(this.lastIndex);
    return entries;
  }

  /** Whether `takeUnpersisted` or `takeRestart` has something to give. */
  get hasUnpersisted(): boolean {
    return this.#restart !== undefined || this.#writes.handedOutIndex < this.lastIndex;
  }

  /** Remembers that write `sequence` vouches for everything handed out so far. */
  writeStarted(sequence: number): void {
    this.#writes.started(sequence);
  }

  /** Takes the answer to every write up to `sequence`. */
  writesFinished(sequence: number): void {
    this.#writes.finished(sequence);
  }

  /**
   * Lets go of applied entries beyond what `retention` keeps, within `limits`. Waits until that is
   * half of what is in memory, so that the cost per entry is constant.
   */
  release(retention: Retention, limits: ReleaseLimits): void {
    const upTo = Math.min(this.#appliedIndex, this.persistedIndex, limits.upTo);
    const releasable = upTo - this.#base.index;
    let count = 0;
    let bytes = this.#bytes;
    while (count < releasable) {
      const keptApplied = releasable - count;
      if (keptApplied <= retention.entriesMax && bytes <= retention.bytesMax) break;
      if (this.#isPinned(count, bytes, limits)) break;
      bytes -= this.#entries[count]!.payload.length;
      count += 1;
    }
    if (count === 0 || count * 2 < this.#entries.length) return;
    const last = this.#entries[count - 1]!;
    this.#base = { index: last.index, term: last.term };
    this.#entries.splice(0, count);
    this.#bytes = bytes;
  }

  /** Whether the entry at `position` is to be kept for somebody who is about to need it. */
  #isPinned(position: number, bytes: number, limits: ReleaseLimits): boolean {
    const { pinnedIndex, pinnedBytesMax } = limits;
    // One that lost its first entries already gains nothing from the rest.
    if (pinnedIndex === undefined || pinnedIndex < this.#base.index) return false;
    return this.#base.index + position >= pinnedIndex && bytes <= pinnedBytesMax;
  }

  #cutFrom(index: number): void {
    if (index > this.lastIndex) return;
    assert(index > this.#commitIndex, "a committed entry is never cut off", {
      index,
      commitIndex: this.#commitIndex,
    });
    const removed = this.#entries.splice(index - this.#base.index - 1);
    this.#changes.cutFrom(index);
    for (const entry of removed) {
      this.#bytes -= entry.payload.length;
      this.#unappliedBytes -= entry.payload.length;
    }
    this.#writes.cutFrom(index);
  }
}
