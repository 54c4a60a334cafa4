import type { Entry } from "../../../src/raft-worker/core/entry.js";
import type { LogContents } from "../../../src/raft-worker/core/log.js";

/** The terms of a log's entries, as far as they are known: what two logs are compared by. */
export class TrackedLog {
  #baseIndex = 0;
  #baseTerm = 0;
  #terms: number[] = [];

  /** A log as it was read from disk. */
  static of({ base, entries }: LogContents): TrackedLog {
    const log = new TrackedLog();
    log.restart(base);
    log.append(entries);
    return log;
  }

  get lastIndex(): number {
    return this.#baseIndex + this.#terms.length;
  }

  /** The entry that everything before the first one here ends with. */
  get baseIndex(): number {
    return this.#baseIndex;
  }

  /** Term of an entry, or of the place before the first. */
  termAt(index: number): number | undefined {
    if (index === this.#baseIndex) return this.#baseTerm;
    return this.#terms[index - this.#baseIndex - 1];
  }

  /** Adds entries; they replace what was at their indexes and after. */
  append(entries: readonly Entry[]): void {
    const first = entries[0];
    if (first === undefined) return;
    this.#terms.length = Math.max(
      0,
      Math.min(this.#terms.length, first.index - this.#baseIndex - 1),
    );
    for (const { index, term } of entries) {
      if (index > this.#baseIndex) this.#terms[index - this.#baseIndex - 1] = term;
    }
  }

  /** The log goes on after this place: with what it holds there, or with nothing when that is another entry. */
  restart(position: { readonly index: number; readonly term: number }): void {
    const keeps = this.termAt(position.index) === position.term;
    this.#terms = keeps ? this.#terms.slice(position.index - this.#baseIndex) : [];
    this.#baseIndex = position.index;
    this.#baseTerm = position.term;
  }

  copy(): TrackedLog {
    const log = new TrackedLog();
    log.#baseIndex = this.#baseIndex;
    log.#baseTerm = this.#baseTerm;
    log.#terms = [...this.#terms];
    return log;
  }
}
