import { assert } from "../shared/assert.js";
import type { SharedHistogram } from "../shared/histogram.js";
import {
  CHECKPOINT_DELTA_BYTES,
  CHECKPOINT_INTERVAL_MS,
  DELTA_BYTES_MAX,
} from "../shared/limits.js";
import type { Checkpointed, DeltaPosition } from "../shared/messages/apply-to-main.js";
import type { StoreSizes } from "../shared/mvcc/base/lmdb-base-reader.js";
import type { DeltaWriter } from "../shared/mvcc/delta-writer.js";
import type { Totals } from "./board-slots.js";
import type { StateMachine } from "./core/state-machine.js";
import type { FrontendPorts } from "./frontend-port.js";
import type { RaftPort } from "./raft-port.js";
import { IDENTITY_VALUE } from "./store-identity.js";
import type { StorePort, StoreRun } from "./store-port.js";

/** How long to let LMDB's own thread open a transaction before the next look. */
const OPENING_POLL_MS = 1;

/** What the keeper works with. */
export interface StoreKeeperOptions {
  readonly store: StorePort;
  readonly machine: StateMachine;
  readonly delta: DeltaWriter;
  readonly ports: FrontendPorts;
  readonly raft: RaftPort;
  readonly totals: Totals;
  /** The last checkpoint that frontends were told of in a former life; 0 in the first. */
  readonly checkpointId: number;
  /** Whose store it is; part of every checkpoint. */
  readonly identity: Uint8Array;
  /** Takes the time of each commit, from the last row written to everything on disk. */
  readonly commitSeconds: Pick<SharedHistogram, "observe">;
  /** Called when a transaction ended, from the event loop: the owner takes a turn. */
  readonly wake: () => void;
  /** Called when the view's base shows a new checkpoint. */
  readonly onCheckpoint: () => void;
}

interface CheckpointOnItsWay {
  readonly position: DeltaPosition;
  readonly revision: number;
  /** It carries a compaction that the store did not know. */
  readonly compacts: boolean;
  /** Bytes ever appended to the delta up to it. */
  readonly writtenBytes: number;
}

/** A checkpoint that not every frontend has let go of. */
interface Unreleased {
  readonly checkpointId: number;
  readonly position: DeltaPosition;
}

/**
 * Brings the delta into the durable base and removes what was compacted, one transaction at a time, in
 * slices between the entries. Gives delta memory back when every frontend has let go of it.
 */
export class StoreKeeper {
  readonly #options: StoreKeeperOptions;
  #run: StoreRun<unknown> | undefined;
  #onDone: () => void = () => {};
  #failure: { readonly error: unknown } | undefined;
  #lastWasCheckpoint = false;
  #commitStartedMs = 0;

  #checkpointId: number;
  #checkpointedTo: DeltaPosition;
  #checkpointWanted = false;
  #dirtySinceMs: number | undefined;
  #startedBytes: number;
  #storedBytes: number;
  #releasedBytes = 0;

  /** The checkpoint that brought the newest compaction into the store; 0: it was there at the start. */
  #compactionCheckpointId = 0;
  readonly #unreleased: Unreleased[] = [];
  readonly #releasedIds: number[];
  #sizes: StoreSizes;

  constructor(options: StoreKeeperOptions) {
    this.#options = options;
    const { ports, delta, checkpointId } = options;
    this.#checkpointId = checkpointId;
    this.#releasedIds = new Array<number>(ports.count).fill(checkpointId);
    // What the delta holds is of a former life: the store has it, or something newer.
    this.#checkpointedTo = delta.end;
    this.#startedBytes = delta.bytes;
    this.#storedBytes = delta.bytes;
    this.#sizes = options.store.reader.sizes();
  }

  /** Sizes of the store's file as of the last transaction. */
  get sizes(): StoreSizes {
    return this.#sizes;
  }

  /** Bytes that the store takes, or will when the delta is in it: what the space quota counts. */
  get usedBytes(): number {
    return this.#sizes.bytesInUse + this.#writtenBytes - this.#storedBytes;
  }

  /** No more entries may be applied until a checkpoint has let some delta go. */
  get isDeltaFull(): boolean {
    return this.deltaShare > 1;
  }

  /** How full the delta is: 0 for empty, 1 for full. */
  get deltaShare(): number {
    return this.#options.delta.bytes / DELTA_BYTES_MAX;
  }

  /** A transaction is open that only turns of the event loop can bring further. */
  get waitsForEventLoop(): boolean {
    return this.#run !== undefined && this.#run.state !== "writing";
  }

  /** No transaction is open and nothing applied is missing in the store. */
  get isSettled(): boolean {
    return this.#run === undefined && !this.isDirty;
  }

  /** A transaction is open. */
  get isWriting(): boolean {
    return this.#run !== undefined;
  }

  /** No transaction is open and every frontend has let go of every checkpoint that it was told of. */
  get isIdle(): boolean {
    return this.#run === undefined && this.#unreleased.length === 0;
  }

  /** Something applied is missing in the store. */
  get isDirty(): boolean {
    const { machine, store } = this.#options;
    return machine.appliedIndex > store.state.appliedIndex;
  }

  /** The last checkpoint that frontends were told of. */
  get checkpointId(): number {
    return this.#checkpointId;
  }

  /** One was asked for and has not begun. */
  get isCheckpointWanted(): boolean {
    return this.#checkpointWanted;
  }

  /** Asks for a checkpoint of what is applied by now, as soon as may be. */
  wantCheckpoint(): void {
    this.#checkpointWanted = true;
  }

  /** Gives up an open transaction: until it has ended, the thread cannot. */
  async close(reason: Error): Promise<void> {
    this.#run?.abort(reason);
    await this.#run?.finished.catch(() => {});
  }

  /** A frontend reads nothing any more that lies before this checkpoint. */
  released(frontend: number, checkpointId: number): void {
    const known = this.#releasedIds[frontend];
    assert(known !== undefined && checkpointId <= this.#checkpointId, "release of no checkpoint", {
      frontend,
      checkpointId,
    });
    this.#releasedIds[frontend] = Math.max(known, checkpointId);
    this.#release();
  }

  /**
   * A snapshot is the store now: what the delta held is void. Told as a checkpoint, so that frontends let go
   * of it, and nothing is compacted before they have.
   */
  announceRestored(): void {
    const { revision, end } = this.#options.machine.space.view;
    this.#checkpointId += 1;
    this.#compactionCheckpointId = this.#checkpointId;
    this.#tell({ checkpointId: this.#checkpointId, position: end, revision });
  }

  /** When `turn` has something to do; Infinity for not before something happens. */
  nextTurnMs(nowMs: number, { mayStart }: { readonly mayStart: boolean }): number {
    if (this.#run !== undefined) {
      if (this.#run.state === "writing") return nowMs;
      // The end of a commit wakes the owner; the opening of a transaction does not.
      return this.#run.state === "opening" ? nowMs + OPENING_POLL_MS : Number.POSITIVE_INFINITY;
    }
    if (!mayStart) return Number.POSITIVE_INFINITY;
    if (this.#mayCompact) return nowMs;
    if (this.#dirtySinceMs === undefined) return Number.POSITIVE_INFINITY;
    return this.#checkpointWanted ? nowMs : this.#dirtySinceMs + CHECKPOINT_INTERVAL_MS;
  }

  /**
   * Goes on with the open transaction for at most `budgetMs`, or opens one that is due, if it may. Whether it
   * did anything. A failed transaction is thrown: what was promised to be kept may not be on disk.
   */
  turn(
    nowMs: number,
    { budgetMs, mayStart }: { readonly budgetMs: number; readonly mayStart: boolean },
  ): boolean {
    if (this.#failure !== undefined) {
      throw new Error("the store could not be written", { cause: this.#failure.error });
    }
    if (this.isDirty) this.#dirtySinceMs ??= nowMs;
    else this.#checkpointWanted = false;
    const run = this.#run;
    if (run === undefined) return mayStart && this.#startDue(nowMs);
    const before = run.state;
    const state = run.step(budgetMs);
    if (before === "writing" && state !== "writing") this.#commitStartedMs = nowMs;
    if (state === "done") {
      this.#options.commitSeconds.observe((nowMs - this.#commitStartedMs) / 1000);
      this.#run = undefined;
      this.#sizes = this.#options.store.reader.sizes();
      this.#onDone();
      return true;
    }
    return before === "writing";
  }

  get #writtenBytes(): number {
    return this.#options.delta.bytes + this.#releasedBytes;
  }

  /**
   * Whether superseded changes may be removed now. Only once every frontend has let go of a checkpoint that
   * carried the compaction: one that has not yet heard of it still reads below, and a base refreshed under
   * its hands would have lost what it reads.
   */
  get #mayCompact(): boolean {
    if (!this.#options.store.isCompactionPending) return false;
    return Math.min(Number.POSITIVE_INFINITY, ...this.#releasedIds) >= this.#compactionCheckpointId;
  }

  #startDue(nowMs: number): boolean {
    const checkpoint = this.#isCheckpointDue(nowMs);
    const mayCompact = this.#mayCompact;
    if (!checkpoint && !mayCompact) return false;
    // In turns, so that neither starves the other however busy the server is.
    const compact = mayCompact && (!checkpoint || this.#lastWasCheckpoint);
    this.#lastWasCheckpoint = !compact;
    if (compact) this.#startCompaction();
    else this.#startCheckpoint();
    return true;
  }

  #isCheckpointDue(nowMs: number): boolean {
    if (this.#dirtySinceMs === undefined) return false;
    if (this.#checkpointWanted) return true;
    if (nowMs - this.#dirtySinceMs >= CHECKPOINT_INTERVAL_MS) return true;
    return this.#writtenBytes - this.#startedBytes >= CHECKPOINT_DELTA_BYTES;
  }

  #startCheckpoint(): void {
    const { store, machine, delta } = this.#options;
    const { view } = machine.space;
    const checkpoint: CheckpointOnItsWay = {
      position: view.end,
      revision: view.revision,
      compacts: view.compactRevision > store.state.compactRevision,
      writtenBytes: this.#writtenBytes,
    };
    this.#checkpointWanted = false;
    this.#dirtySinceMs = undefined;
    this.#startedBytes = checkpoint.writtenBytes;
    machine.leaseKeys.freeze();
    const run = store.startCheckpoint({
      forEachChange: (from, to, visit) => delta.reader.forEach(from, to, visit),
      from: this.#checkpointedTo,
      to: checkpoint.position,
      appliedIndex: machine.appliedIndex,
      appliedTerm: machine.appliedTerm,
      revision: checkpoint.revision,
      compactRevision: view.compactRevision,
      stateHash: machine.stateHash,
      ...machine.tables.take(),
      values: [[IDENTITY_VALUE, this.#options.identity]],
    });
    this.#watch(run, () => this.#onCheckpoint(checkpoint));
  }

  #startCompaction(): void {
    const run = this.#options.store.startCompaction();
    run.finished.then(
      ({ removed }) => {
        this.#options.totals.compactedRevisions += removed;
      },
      () => {},
    );
    // A snapshot from before keeps the pages that were freed from being used again.
    this.#watch(run, () => this.#options.machine.space.view.base.refresh());
  }

  #watch(run: StoreRun<unknown>, onDone: () => void): void {
    this.#run = run;
    this.#onDone = onDone;
    const { wake } = this.#options;
    run.finished.then(wake, (error: unknown) => {
      this.#failure = { error };
      wake();
    });
  }

  /** The checkpoint is visible and on disk. */
  #onCheckpoint({ position, revision, compacts, writtenBytes }: CheckpointOnItsWay): void {
    const { machine, store, raft, totals, onCheckpoint } = this.#options;
    this.#checkpointId += 1;
    totals.checkpoints += 1;
    if (compacts) this.#compactionCheckpointId = this.#checkpointId;
    this.#checkpointedTo = position;
    this.#storedBytes = writtenBytes;
    const checkpoint = { checkpointId: this.#checkpointId, position, revision };
    const shown = machine.space.view.checkpointed(checkpoint);
    assert(shown, "the base does not show a finished checkpoint", { ...checkpoint });
    // Only now: the base shows the keys' leases.
    machine.leaseKeys.thaw();
    raft.flushed(store.state.appliedIndex);
    this.#tell(checkpoint);
    onCheckpoint();
  }

  #tell(checkpoint: Checkpointed): void {
    this.#options.ports.checkpointed(checkpoint);
    this.#unreleased.push(checkpoint);
    this.#release();
  }

  #release(): void {
    const { delta } = this.#options;
    const oldest = Math.min(Number.POSITIVE_INFINITY, ...this.#releasedIds);
    for (;;) {
      const next = this.#unreleased[0];
      if (next === undefined || next.checkpointId > oldest) return;
      this.#unreleased.shift();
      const before = delta.bytes;
      delta.release(next.position);
      this.#releasedBytes += before - delta.bytes;
    }
  }
}
