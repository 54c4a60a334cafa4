import type { StoreState } from "../shared/mvcc/base/store-state.js";
import type { Answer } from "./frontend-port.js";

/** Answers that may wait for a compaction; further ones do not wait. */
const WAITING_MAX = 10_000;

/** An answer that waits for the store. */
export interface WaitingAnswer {
  readonly answer: Answer;
  /** Until what was applied up to here is on disk, */
  readonly appliedIndex: number;
  /** and what was compacted up to here is removed. */
  readonly compactRevision: number;
}

/** Answers that are true already and wait, as they were asked to, for the store. */
export class WaitingAnswers {
  #waiting: WaitingAnswer[] = [];

  /** Lets an answer wait. False: beyond the bound one does not, it comes earlier than asked for. */
  add(waiting: WaitingAnswer): boolean {
    if (this.#waiting.length >= WAITING_MAX) return false;
    this.#waiting.push(waiting);
    return true;
  }

  /** Takes the answers that the store, as it is now, has brought about. */
  takeSettled({ appliedIndex, finishedCompactRevision }: StoreState): Answer[] {
    if (this.#waiting.length === 0) return [];
    const settled: Answer[] = [];
    this.#waiting = this.#waiting.filter((waiting) => {
      const isSettled =
        waiting.appliedIndex <= appliedIndex && waiting.compactRevision <= finishedCompactRevision;
      if (isSettled) settled.push(waiting.answer);
      return !isSettled;
    });
    return settled;
  }

  /** Takes all: the store they wait for is no more. */
  takeAll(): Answer[] {
    const all = this.#waiting.map(({ answer }) => answer);
    this.#waiting = [];
    return all;
  }
}
