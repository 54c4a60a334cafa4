import { type SnapshotPatience, SnapshotTransfer } from "./snapshot-transfer.js";

/** How a leader talks to one member's log. */
export type ProgressState =
  /** The meeting point is not known: one append at a time, until it is answered. */
  | "probe"
  /** The logs meet: appends are sent ahead of their answers. */
  | "replicate"
  /** The entries that it needs next were let go: no append can help it, a snapshot must. */
  | "behind"
  /** A snapshot is on its way. */
  | "snapshot";

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
  readonly #snapshot = new SnapshotTransfer();
  /** A snapshot was taken here, and the member has not caught up since. */
  #catchUpFrom: number | undefined;

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

  /** Whether a snapshot or its lack keeps every append back. */
  get needsSnapshot(): boolean {
    return this.state === "behind" || this.state === "snapshot";
  }

  /** Whether the shell should be asked for a snapshot now. A member that is away could not take it. */
  get snapshotDue(): boolean {
    return this.#snapshot.isDue && this.recentlyActive;
  }

  /** Index of a snapshot that the member has, and may have installed by now. */
  get deliveredSnapshot(): number | undefined {
    return this.#snapshot.isDelivered ? this.#snapshot.index : undefined;
  }

  /** Entries after this index should stay in the log for this member. */
  get pinnedIndex(): number | undefined {
    if (this.#catchUpFrom === undefined) return undefined;
    return Math.max(this.#catchUpFrom, this.matchIndex);
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

  /**
   * Takes an acceptance up to `matchIndex`; false when it says nothing new. `isReachable`: the log
   * still holds what follows, so that appends can help a member that needed a snapshot.
   */
  accepted(matchIndex: number, isReachable: boolean): boolean {
    const isNew = matchIndex > this.matchIndex;
    if (isNew) this.matchIndex = matchIndex;
    this.nextIndex = Math.max(this.nextIndex, matchIndex + 1);
    this.#freeUpTo(matchIndex);
    if (this.needsSnapshot && !isReachable) {
      // It has installed the snapshot, but what follows was let go meanwhile: it needs another one.
      if (matchIndex >= (this.#snapshot.index ?? Number.POSITIVE_INFINITY)) this.fellBehind();
      return isNew;
    }
    if (this.state === "replicate") return isNew;
    // Even an acceptance of nothing new ends a probe: it shows where the logs meet.
    const meets = matchIndex >= this.matchIndex;
    if (meets) {
      this.#snapshot.done();
      this.#enter("replicate", this.matchIndex + 1);
    }
    return isNew || meets;
  }

  /**
   * Takes a rejection of an append after `prevIndex`; the logs cannot meet above `meetingIndex`.
   * False when the rejection is old news.
   */
  rejected(prevIndex: number, meetingIndex: number): boolean {
    if (prevIndex <= this.matchIndex || this.needsSnapshot) return false;
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
    this.#catchUpFrom = undefined;
    this.#snapshot.want();
  }

  /** The shell was asked for a snapshot. */
  snapshotAsked(): void {
    this.#snapshot.asked();
  }

  /** The store as of `index` is on its way, if one was asked for. */
  snapshotStarted(index: number): void {
    if (!this.#snapshot.started(index)) return;
    this.state = "snapshot";
    this.#catchUpFrom = index;
  }

  /** The snapshot arrived whole, or did not. */
  snapshotFinished(
    result: { readonly index: number; readonly ok: boolean },
    pauseTicks: number,
  ): void {
    if (this.#snapshot.finished(result, pauseTicks) && !result.ok) this.#snapshotFailed();
  }

  /** One tick of waiting for a snapshot. */
  tickSnapshot(patience: SnapshotPatience): void {
    if (this.#snapshot.tick(patience)) this.#snapshotFailed();
  }

  /** Appends on their way to it may be lost: it is asked anew where the logs meet. */
  contactLost(): void {
    if (this.state === "replicate") this.#enter("probe", this.matchIndex + 1);
  }

  /** It has everything that was applied here: nothing need be kept for it. */
  caughtUp(): void {
    this.#catchUpFrom = undefined;
  }

  /** A heartbeat interval passed: an append that was never answered may be tried again. */
  heartbeatPassed(): void {
    this.resendDue = true;
  }

  /** The member answers, but not to the append: it was lost. Lets the next one go out. */
  releaseProbe(): void {
    this.#probeSent = false;
  }

  #snapshotFailed(): void {
    this.state = "behind";
    this.#catchUpFrom = undefined;
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
