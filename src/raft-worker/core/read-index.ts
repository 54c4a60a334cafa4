import type { MemberId } from "./entry.js";

/** Reads that wait until a leader can confirm them, on whatever member they were asked. */
export class ReadQueue {
  readonly #waitingMax: number;
  #waiting: number[] = [];
  #forwarded: { readonly context: number; readonly ids: number[]; ticks: number } | undefined;
  #nextContext: number;

  /**
   * `firstContext` must differ from all contexts of this member's earlier lives: an answer to one of
   * those, delayed past the restart, names an index that may be too old for a read of this life.
   */
  constructor(waitingMax: number, firstContext: number) {
    this.#waitingMax = waitingMax;
    this.#nextContext = firstContext;
  }

  /** Whether a read waits that was not sent to a leader yet. */
  get hasWaiting(): boolean {
    return this.#waiting.length > 0;
  }

  /** Takes a read; false when too many wait already. */
  add(id: number): boolean {
    const held = this.#waiting.length + (this.#forwarded?.ids.length ?? 0);
    if (held >= this.#waitingMax) return false;
    this.#waiting.push(id);
    return true;
  }

  /** Puts reads back that a leader could not finish. They were counted when they were added. */
  restore(ids: readonly number[]): void {
    this.#waiting = [...ids, ...this.#waiting];
  }

  /** Takes every waiting read out. */
  takeAll(): number[] {
    const ids = this.#waiting;
    this.#waiting = [];
    return ids;
  }

  /** Bundles what waits into one request to the leader; undefined when one is under way or none wait. */
  forward(): number | undefined {
    if (this.#forwarded !== undefined || this.#waiting.length === 0) return undefined;
    const context = this.#nextContext;
    this.#nextContext += 1;
    this.#forwarded = { context, ids: this.takeAll(), ticks: 0 };
    return context;
  }

  /** The request to repeat, when it went unanswered for `retryTicks`. */
  tick(retryTicks: number): number | undefined {
    if (this.#forwarded === undefined) return undefined;
    this.#forwarded.ticks += 1;
    if (this.#forwarded.ticks < retryTicks) return undefined;
    this.#forwarded.ticks = 0;
    return this.#forwarded.context;
  }

  /** The reads that the answer with this context confirms; none when it is an old answer. */
  answered(context: number): readonly number[] {
    if (this.#forwarded?.context !== context) return [];
    const ids = this.#forwarded.ids;
    this.#forwarded = undefined;
    return ids;
  }

  /** The leader changed: what was sent to the old one waits again. */
  leaderLost(): void {
    if (this.#forwarded === undefined) return;
    const ids = this.#forwarded.ids;
    this.#forwarded = undefined;
    this.restore(ids);
  }
}

/** A read that another member asked for. */
export interface RemoteRead {
  readonly from: MemberId;
  readonly context: number;
}

/** Reads that were confirmed together. */
export interface ConfirmedReads {
  readonly index: number;
  readonly ids: readonly number[];
  readonly remote: readonly RemoteRead[];
}

/**
 * The read-index rounds of one leader in one term (Raft thesis section 6.4, without leases). One round
 * at a time: it serves every read that came before it began, those that come meanwhile wait for the next.
 *
 * Why it is safe: the index is taken when the round begins, and a member answers the round only if at
 * that later moment it still follows this term. A quorum of answers means that no newer leader can
 * have committed anything before the round began.
 */
export class ReadRounds {
  #round = 0;
  #current: (ConfirmedReads & { readonly acks: Set<MemberId> }) | undefined;
  /** The newest request of each member; a repeated one replaces itself. */
  readonly #remoteWaiting = new Map<MemberId, number>();

  /** Number of the newest round, for heartbeats; 0 before the first. */
  get round(): number {
    return this.#round;
  }

  /** Whether a round waits for answers. */
  get isOpen(): boolean {
    return this.#current !== undefined;
  }

  /** Whether reads of other members wait for a round. */
  get hasRemoteWaiting(): boolean {
    return this.#remoteWaiting.size > 0;
  }

  /** Takes another member's read. */
  addRemote(read: RemoteRead): void {
    this.#remoteWaiting.set(read.from, read.context);
  }

  /** Begins a round at this commit index for these reads and all remote ones that wait. */
  begin(index: number, ids: readonly number[]): void {
    const remote = [...this.#remoteWaiting].map(([from, context]) => ({ from, context }));
    this.#remoteWaiting.clear();
    this.#round += 1;
    this.#current = { index, ids, remote, acks: new Set() };
  }

  /** Notes an answer to `round`; true when it counts for the open one. */
  acknowledge(from: MemberId, round: number): boolean {
    if (this.#current === undefined || round < this.#round) return false;
    this.#current.acks.add(from);
    return true;
  }

  /** Whether `id` has answered the open round. */
  hasAck(id: MemberId): boolean {
    return this.#current?.acks.has(id) === true;
  }

  /** Ends the open round and gives its reads. */
  finish(): ConfirmedReads | undefined {
    const current = this.#current;
    this.#current = undefined;
    return current;
  }
}
