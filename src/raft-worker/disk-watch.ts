/** What is known of the writes to the log. */
export interface WriteProgress {
  /** Nothing is gathered or under way. */
  readonly isIdle: boolean;
  /** Grows with each write that finishes. */
  readonly finishedSequence: number;
}

/** Tells a disk that takes too long from one that works, by the ticks of the Raft clock. */
export class DiskWatch {
  readonly #ticksMax: number;
  #stalledTicks = 0;
  #seenSequence = 0;

  constructor(ticksMax: number) {
    this.#ticksMax = ticksMax;
  }

  /** Notes that ticks have passed; true when no write has finished for too long, and then anew. */
  tick(ticks: number, { isIdle, finishedSequence }: WriteProgress): boolean {
    const isStalled = !isIdle && finishedSequence === this.#seenSequence;
    this.#seenSequence = finishedSequence;
    this.#stalledTicks = isStalled ? this.#stalledTicks + ticks : 0;
    if (this.#stalledTicks < this.#ticksMax) return false;
    this.#stalledTicks = 0;
    return true;
  }
}
