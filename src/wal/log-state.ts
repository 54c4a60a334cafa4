import type { EntryRun, HardState, LogPosition } from "./types.js";

/** The place before the first entry of a log. */
export const LOG_ORIGIN: LogPosition = { index: 0, term: 0 };
/** The hard state of a member that has never voted. */
export const INITIAL_HARD_STATE: HardState = { term: 0, vote: 0n, commit: 0 };

/** What one batch, or one record of it, changes. */
export interface LogChange {
  readonly runs: readonly EntryRun[];
  readonly hardState?: HardState | undefined;
  readonly snapshot?: LogPosition | undefined;
}

/**
 * What the log amounts to so far, without its payloads. The writer keeps it to know what it may
 * write, recovery builds it from the frames: both apply the same rules to the same records.
 */
export class LogState {
  #snapshot = LOG_ORIGIN;
  #last = LOG_ORIGIN;
  #hardState = INITIAL_HARD_STATE;
  /** Where each term begins, ascending; nothing is known of entries below the first. */
  #terms: LogPosition[] = [];

  /** Everything up to here is held elsewhere: what this member needs of the log comes after it. */
  get snapshot(): LogPosition {
    return this.#snapshot;
  }

  /** The newest entry's place, or the snapshot's when there is no entry after it. */
  get last(): LogPosition {
    return this.#last;
  }

  get hardState(): HardState {
    return this.#hardState;
  }

  /** Begins in the middle, with what a segment's start says of everything before it. */
  resume(from: { snapshot: LogPosition; last: LogPosition; hardState: HardState }): void {
    this.#snapshot = from.snapshot;
    this.#last = from.last;
    this.#hardState = from.hardState;
    this.#terms = [from.last];
  }

  /** The term of the entry at `index`, or of the snapshot there; null when it is not known. */
  termAt(index: number): number | null {
    if (index === this.#snapshot.index) return this.#snapshot.term;
    if (index > this.#last.index || index < this.#snapshot.index) return null;
    for (let i = this.#terms.length - 1; i >= 0; i--) {
      if (this.#terms[i]!.index <= index) return this.#terms[i]!.term;
    }
    return null;
  }

  /** What makes this change impossible as the log's next; null when nothing does. */
  problemWith({ runs, hardState, ...change }: LogChange): string | null {
    const snapshot = change.snapshot ?? this.#snapshot;
    if (snapshot.index < this.#snapshot.index) return "a snapshot not older than the last";
    let last = this.#replacedBy(snapshot) ? snapshot : this.#last;
    const first = runs[0];
    if (first !== undefined) {
      if (first.index > last.index + 1) return `entry ${last.index + 1}, found ${first.index}`;
      if (first.index <= snapshot.index) return `an entry after snapshot ${snapshot.index}`;
      const before = first.index - 1;
      const term = before === last.index ? last.term : this.termAt(before);
      last = { index: before, term: term ?? 0 };
    }
    for (const run of runs) {
      if (run.index !== last.index + 1) return `entry ${last.index + 1}, found ${run.index}`;
      if (run.term < last.term) return `term ${last.term} or later at entry ${run.index}`;
      last = lastOf(run);
    }
    if (hardState === undefined) return null;
    if (hardState.term < this.#hardState.term) return `term ${this.#hardState.term} or later`;
    if (hardState.commit > last.index) return `a commit index up to ${last.index}`;
    return null;
  }

  /** Takes over a change that `problemWith` let pass. True when the snapshot replaced the log. */
  apply({ runs, hardState, snapshot }: LogChange): boolean {
    let replaced = false;
    if (snapshot !== undefined) {
      const { index, term } = snapshot;
      replaced = this.#replacedBy(snapshot);
      if (replaced) {
        this.#terms = [];
        this.#last = { index, term };
      }
      this.#snapshot = { index, term };
      this.#forgetTerms();
    }
    for (const run of runs) this.#takeRun(run);
    if (hardState !== undefined) this.#hardState = { ...hardState };
    return replaced;
  }

  /**
   * A snapshot beyond the log, or of another term than the log's entry there, replaces the log (Raft
   * paper figure 13). Where the term is not known, the entries are in segments that were let go.
   */
  #replacedBy(snapshot: LogPosition): boolean {
    if (snapshot.index > this.#last.index) return true;
    const term = this.termAt(snapshot.index);
    return term !== null && term !== snapshot.term;
  }

  #takeRun(run: EntryRun): void {
    while (this.#terms.length > 0 && this.#terms[this.#terms.length - 1]!.index >= run.index) {
      this.#terms.pop();
    }
    const { index, term } = run;
    if (this.#terms[this.#terms.length - 1]?.term !== term) this.#terms.push({ index, term });
    this.#last = lastOf(run);
  }

  #forgetTerms(): void {
    let covered = 0;
    while (
      covered + 1 < this.#terms.length &&
      this.#terms[covered + 1]!.index <= this.#snapshot.index
    ) {
      covered++;
    }
    if (covered > 0) this.#terms.splice(0, covered);
  }
}

/** The place of a run's last entry. */
function lastOf({ index, term, count }: EntryRun): LogPosition {
  return { index: index + count - 1, term };
}
