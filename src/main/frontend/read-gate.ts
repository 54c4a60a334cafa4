import type { ErrorCode } from "../../shared/errors.js";

/** Told once when a linearizable read may be answered from this frontend's view (0), or why it may not. */
export type ReadWaiter = (code: ErrorCode | 0) => void;

interface WaitingRead {
  readonly waiter: ReadWaiter;
  readonly startedMs: number;
}

interface ConfirmedBatch {
  readonly index: number;
  readonly reads: readonly WaitingRead[];
}

/**
 * Linearizable reads: one read index serves every read that arrived before it was asked for.
 * Reads that come while a question is out wait for the next one, so there is one question at a time and
 * a batch grows with the load.
 */
export class ReadGate {
  readonly #ask: (readId: number) => void;
  readonly #appliedIndex: () => number;
  #arriving: WaitingRead[] = [];
  #asked: WaitingRead[] = [];
  /** Batches whose index is known and not yet applied here; indexes ascend. */
  #confirmed: ConfirmedBatch[] = [];
  #readId = 0;
  #questionOut = false;

  /** `ask` sends the question for a read index; `appliedIndex` is what this frontend may read now. */
  constructor(ask: (readId: number) => void, appliedIndex: () => number) {
    this.#ask = ask;
    this.#appliedIndex = appliedIndex;
  }

  /** Reads that wait, wherever they do. */
  get count(): number {
    const confirmed = this.#confirmed.reduce((sum, { reads }) => sum + reads.length, 0);
    return this.#arriving.length + this.#asked.length + confirmed;
  }

  /** Registers a read. The question goes out with the next `flush`. */
  wait(waiter: ReadWaiter, nowMs: number): void {
    this.#arriving.push({ waiter, startedMs: nowMs });
  }

  /** Asks for a read index when reads wait for one and no question is out. Once per turn. */
  flush(): void {
    if (this.#questionOut || this.#arriving.length === 0) return;
    this.#asked = this.#arriving;
    this.#arriving = [];
    this.#questionOut = true;
    this.#ask(++this.#readId);
  }

  /** The answer to a question: its reads may go once `index` is applied. */
  confirmed(readId: number, index: number): void {
    if (!this.#closeQuestion(readId)) return;
    const reads = this.#asked;
    this.#asked = [];
    if (index <= this.#appliedIndex()) release(reads);
    else this.#confirmed.push({ index, reads });
    this.flush();
  }

  /** The question failed. */
  failed(readId: number, code: ErrorCode): void {
    if (!this.#closeQuestion(readId)) return;
    const reads = this.#asked;
    this.#asked = [];
    for (const read of reads) read.waiter(code);
    this.flush();
  }

  /** The view has moved on: lets go the reads whose index it has reached. */
  applied(): void {
    const applied = this.#appliedIndex();
    let released = 0;
    for (const batch of this.#confirmed) {
      if (batch.index > applied) break;
      released++;
    }
    if (released === 0) return;
    for (const batch of this.#confirmed.splice(0, released)) release(batch.reads);
  }

  /** Refuses every read that has waited since `startedBeforeMs` or longer. */
  expire(startedBeforeMs: number, code: ErrorCode): void {
    const expired: WaitingRead[] = [];
    const keep = (read: WaitingRead): boolean => {
      if (read.startedMs > startedBeforeMs) return true;
      expired.push(read);
      return false;
    };
    this.#arriving = this.#arriving.filter(keep);
    this.#asked = this.#asked.filter(keep);
    this.#confirmed = this.#confirmed.map(({ index, reads }) => ({
      index,
      reads: reads.filter(keep),
    }));
    for (const read of expired) read.waiter(code);
    // A question that lost all its reads to the clock must not hold back the next one.
    if (this.#questionOut && this.#asked.length === 0) this.#questionOut = false;
    this.flush();
  }

  /** Refuses everything: the server stops. */
  refuseAll(code: ErrorCode): void {
    this.expire(Number.POSITIVE_INFINITY, code);
  }

  #closeQuestion(readId: number): boolean {
    // An answer to a question that was given up belongs to nobody.
    if (!this.#questionOut || readId !== this.#readId) return false;
    this.#questionOut = false;
    return true;
  }
}

function release(reads: readonly WaitingRead[]): void {
  for (const read of reads) read.waiter(0);
}
