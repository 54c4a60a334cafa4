/** How a leader talks to one member's log. */
export type ProgressState =
  /** The meeting point is not known: one append at a time, until it is answered. */
  | "probe"
  /** The logs meet: appends are sent ahead of their answers. */
  | "replicate"
  /** The entries that it needs next were let go: no append can help it. */
  | "behind";

/**
 * What a leader knows of one member's log (Raft paper figure 2: nextIndex, matchIndex).
 *
 * Invariant: `matchIndex < nextIndex`. `matchIndex` only grows while the leader leads.
 */
export class Progress {
  state: ProgressState = "probe";
  /** Highest entry known to be on the member's disk and equal to the leader's. */
  matchIndex = 0;
  /** First entry that the next append carries. */
  nextIndex: number;
  /** Heard from since the last check of the quorum. */
  recentlyActive = false;
  /** Highest commit index that an append told it. */
  sentCommitIndex = 0;
  /** A heartbeat has passed since an append was last sent for want of an answer. */
  resendDue = false;

  readonly #inflightMax: number;
  /** Last index of each append that is not answered yet, ascending. */
  #inflight: number[] = [];
  #probeSent = false;

  constructor(nextIndex: number, inflightMax: number) {
    this.nextIndex = nextIndex;
    this.#inflightMax = inflightMax;
  }

  /** Whether no append may be sent now. */
  get paused(): boolean {
    if (this.state === "probe") return this.#probeSent;
    if (this.state === "replicate") return this.#inflight.length >= this.#inflightMax;
    return true;
  }

  /** Appends that are on their way. */
  get inflightCount(): number {
    return this.#inflight.length;
  }

  /** Notes an append that carries `count` entries from `nextIndex`, and this commit index. */
  sent(count: number, commitIndex: number): void {
    this.sentCommitIndex = Math.max(this.sentCommitIndex, commitIndex);
    this.resendDue = false;
    if (this.state === "probe") {
      this.#probeSent = true;
    } else if (count > 0) {
      this.nextIndex += count;
      this.#inflight.push(this.nextIndex - 1);
    }
  }

  /** Takes an acceptance up to `matchIndex`; false when it says nothing new. */
  accepted(matchIndex: number): boolean {
    const isNew = matchIndex > this.matchIndex;
    if (isNew) this.matchIndex = matchIndex;
    this.nextIndex = Math.max(this.nextIndex, matchIndex + 1);
    this.#freeUpTo(matchIndex);
    if (this.state === "replicate") return isNew;
    // Even an acceptance of nothing new ends a probe: it shows where the logs meet.
    const meets = matchIndex >= this.matchIndex;
    if (meets) this.#enter("replicate", this.matchIndex + 1);
    return isNew || meets;
  }

  /**
   * Takes a rejection of an append after `prevIndex`; the logs cannot meet above `meetingIndex`.
   * False when the rejection is old news.
   */
  rejected(prevIndex: number, meetingIndex: number): boolean {
    if (prevIndex <= this.matchIndex) return false;
    if (this.state === "replicate") {
      this.#enter("probe", this.matchIndex + 1);
      return true;
    }
    // One probe is under way at a time: a rejection of another one was delayed or doubled.
    if (this.nextIndex - 1 !== prevIndex) return false;
    const next = Math.max(Math.min(prevIndex, meetingIndex + 1), this.matchIndex + 1);
    this.#enter("probe", next);
    return true;
  }

  /** Notes that the entries it needs are gone. */
  fellBehind(): void {
    this.#enter("behind", this.nextIndex);
  }

  /** A heartbeat interval passed: an append that was never answered may be tried again. */
  heartbeatPassed(): void {
    this.resendDue = true;
  }

  /** The member answers, but not to the append: it was lost. Lets the next one go out. */
  releaseProbe(): void {
    this.#probeSent = false;
  }

  #enter(state: ProgressState, nextIndex: number): void {
    this.state = state;
    this.nextIndex = nextIndex;
    this.#probeSent = false;
    this.#inflight = [];
  }

  #freeUpTo(index: number): void {
    let count = 0;
    while (count < this.#inflight.length && this.#inflight[count]! <= index) count += 1;
    if (count > 0) this.#inflight.splice(0, count);
  }
}
