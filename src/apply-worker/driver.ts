import { ErrorCode } from "../shared/errors.js";
import type { SharedHistogram } from "../shared/histogram.js";
import { CHECKPOINT_SLICE_MS } from "../shared/limits.js";
import { RaftToApply, readRole, readSnapshotFile } from "../shared/messages/raft-to-apply.js";
import type { DeltaWriter } from "../shared/mvcc/delta-writer.js";
import type { RingReader } from "../shared/ring/reader.js";
import type { RingWriter } from "../shared/ring/writer.js";
import { BoardSlot, type StatusBoard } from "../shared/status-board.js";
import { noTotals, type Totals, writeStoreSlots } from "./board-slots.js";
import type { StateMachine } from "./core/state-machine.js";
import { EntryIntake } from "./entry-intake.js";
import { FrontendPorts, type FrontendRings } from "./frontend-port.js";
import { FrontendRequests } from "./frontend-requests.js";
import { Hasher } from "./hasher.js";
import { OwnProposals } from "./own-proposals.js";
import { Queries } from "./queries.js";
import { RaftPort } from "./raft-port.js";
import { StoreKeeper } from "./store-keeper.js";
import type { StorePort } from "./store-port.js";
import { WaitingAnswers } from "./waiting-answers.js";

/** Entries applied before their states and answers are sent. */
export const BATCH_ENTRIES_MAX = 256;
/** Queries answered per frontend and turn. */
const QUERIES_PER_TURN_MAX = 1024;
/** Shortest slice of store work while entries wait. */
const BUSY_SLICE_MS_MIN = 0.5;
/** How full the delta may get before the log of a former life is applied. */
const REPLAY_DELTA_SHARE_MAX = 0.5;

/** What the driver drives. */
export interface ApplyDriverOptions {
  readonly machine: StateMachine;
  readonly store: StorePort;
  readonly delta: DeltaWriter;
  readonly fromRaft: RingReader;
  readonly toRaft: RingWriter;
  readonly frontends: readonly FrontendRings[];
  readonly board: StatusBoard;
  readonly memberId: bigint;
  /** Drawn when the process started: entries of another origin answer nobody here. */
  readonly origin: bigint;
  /** Whose store it is (store-identity.ts). */
  readonly identity: Uint8Array;
  /** Takes the time of each commit of the store. */
  readonly commitSeconds: Pick<SharedHistogram, "observe">;
  /** Monotonic milliseconds. */
  readonly clock: () => number;
  /** Called from the event loop when a turn may have something to do: rings the owner's bell. */
  readonly wake: () => void;
  /** Hears of an entry that took longer than the warning threshold (limits.md section 4). */
  readonly onSlowApply: (tookMs: number, index: number) => void;
  /** Of the life before this one, which a snapshot ended. */
  readonly heritage?: Heritage;
}

/** What a turn says of itself. */
export interface TurnOutcome {
  /** It did something: take the next turn at once. */
  readonly worked: boolean;
  /** When to take the next turn at the latest; Infinity for when a ring has something. */
  readonly deadlineMs: number;
}

/** A snapshot that was received: it takes the place of the store. */
export interface ReceivedSnapshot {
  readonly index: number;
  readonly term: number;
  readonly path: string;
}

/** What one life of the driver leaves to the next, when a snapshot took the store's place. */
export interface Heritage {
  readonly totals: Totals;
  /** With the term that this member leads in: Raft tells of that once, not of each life. */
  readonly proposals: OwnProposals;
  /** The last checkpoint that frontends were told of: all have let go of it. */
  readonly checkpointId: number;
  /** The Raft worker waits to hear that the store is on disk. */
  readonly owesFlushed: boolean;
}

/**
 * The apply worker's turn: drains its rings, applies, publishes, answers, keeps leases and store going.
 * Synchronous; the worker's loop, or a test, takes the turns. Takes nothing new in while one of its
 * writers is blocked or the delta is full, so that what waits in memory is bounded by a batch's output.
 *
 * A snapshot ends its life: it takes in no more entries, waits until nobody has the old store in hand, and
 * says so by `readySnapshot`. The owner then has the store replaced and makes a new driver on the same rings.
 */
export class ApplyDriver {
  readonly #options: ApplyDriverOptions;
  readonly #ports: FrontendPorts;
  readonly #keeper: StoreKeeper;
  readonly #hasher: Hasher;
  readonly #queries: Queries;
  readonly #requests: FrontendRequests;
  readonly #proposals: OwnProposals;
  readonly #raft: RaftPort;
  readonly #totals: Totals;
  readonly #waiting = new WaitingAnswers();
  readonly #entries: EntryIntake;
  #nowMs = 0;
  /** Commit index that this life began with, once it is known. */
  #replayEnd: number | undefined;
  #snapshot: ReceivedSnapshot | undefined;

  constructor(options: ApplyDriverOptions) {
    const { machine, store, delta, toRaft, memberId, origin, wake, heritage } = options;
    this.#options = options;
    this.#raft = new RaftPort(toRaft);
    this.#totals = heritage?.totals ?? noTotals();
    this.#ports = new FrontendPorts(options.frontends);
    this.#hasher = new Hasher({ store, view: machine.space.view, clock: options.clock });
    this.#keeper = new StoreKeeper({
      store,
      machine,
      delta,
      ports: this.#ports,
      raft: this.#raft,
      totals: this.#totals,
      checkpointId: heritage?.checkpointId ?? 0,
      identity: options.identity,
      commitSeconds: options.commitSeconds,
      wake,
      onCheckpoint: () => this.#hasher.checkpointed(),
    });
    this.#queries = new Queries(machine, this.#totals);
    this.#requests = new FrontendRequests({
      machine,
      ports: this.#ports,
      keeper: this.#keeper,
      hasher: this.#hasher,
      queries: this.#queries,
      waiting: this.#waiting,
    });
    this.#proposals = heritage?.proposals ?? new OwnProposals({ writer: toRaft, memberId, origin });
    this.#entries = new EntryIntake({
      ...options,
      ports: this.#ports,
      raft: this.#raft,
      keeper: this.#keeper,
      hasher: this.#hasher,
      waiting: this.#waiting,
      proposals: this.#proposals,
      totals: this.#totals,
    });
    this.#entries.writeAppliedSlots();
    this.#writeStoreSlots();
  }

  /** What the space quota counts. */
  get usedBytes(): number {
    return this.#keeper.usedBytes;
  }

  /** A promise of the store is open: the owner must give the event loop turns. */
  get waitsForEventLoop(): boolean {
    return this.#keeper.waitsForEventLoop;
  }

  /**
   * Everything applied is on disk and no transaction is open: the store may be closed. Before a snapshot it is
   * enough that none is open: what is applied is still in the log, and in the snapshot.
   */
  get isSettled(): boolean {
    return this.#snapshot === undefined ? this.#keeper.isSettled : !this.#keeper.isWriting;
  }

  /** Every proposal of this member's own making has come back through the log. */
  get isOwnApplied(): boolean {
    return this.#proposals.isAllApplied;
  }

  /** A snapshot may take the store's place now: no transaction is open, and nobody renews its view any more. */
  get readySnapshot(): ReceivedSnapshot | undefined {
    return this.#keeper.isIdle ? this.#snapshot : undefined;
  }

  /**
   * Ends this life: the store is about to be replaced. Answers what waited for it: that a compaction was
   * applied stays true, a hash is not to be had any more, and a renewal is for the next life's lessor.
   */
  bequeath(): Heritage {
    this.#hasher.refuseAll(ErrorCode.timeout);
    for (const answer of this.#hasher.takeAnswers()) this.#ports.answer(answer);
    for (const answer of this.#waiting.takeAll()) this.#ports.answer(answer);
    this.#options.machine.lessor.demote();
    for (const answer of this.#queries.takeRenewals()) this.#ports.answer(answer);
    this.#flush();
    this.#hasher.close();
    const { checkpointId, isCheckpointWanted } = this.#keeper;
    return {
      totals: this.#totals,
      proposals: this.#proposals,
      checkpointId,
      owesFlushed: isCheckpointWanted,
    };
  }

  /** Begins a life whose store is a snapshot's: everybody hears of the new state. */
  announce(snapshot: ReceivedSnapshot): void {
    const { machine, heritage, clock } = this.#options;
    const { revision, compactRevision, end } = machine.space.view;
    if (this.#proposals.leaderTerm !== undefined) machine.lessor.promote(clock());
    this.#ports.restored({ appliedIndex: machine.appliedIndex, revision, compactRevision, end });
    this.#entries.sendMembers();
    this.#keeper.announceRestored();
    this.#raft.membership(machine);
    this.#raft.snapshotInstalled(snapshot);
    if (heritage?.owesFlushed) this.#raft.flushed(machine.appliedIndex);
    this.#flush();
  }

  /** Gives back what it holds of the store, which is about to be closed, and gives up an open transaction. */
  async close(reason: Error): Promise<void> {
    this.#hasher.close();
    await this.#keeper.close(reason);
  }

  /** Asks for a checkpoint of everything applied by now. */
  wantCheckpoint(): void {
    this.#keeper.wantCheckpoint();
  }

  /** Proposes to record what is left of every lease, before an orderly stop. */
  recordLeases(): void {
    const { machine, clock } = this.#options;
    this.#proposals.proposeLeases(machine.lessor.recordAll(clock()));
    this.#raft.flush();
  }

  /** Takes one turn. Throws when the store failed or an invariant is broken: the process must end. */
  turn(): TurnOutcome {
    const { machine, store, clock } = this.#options;
    this.#nowMs = clock();
    this.#flush();
    let worked = false;
    if (!this.#isBlocked) {
      worked = this.#drainFrontends();
      worked = this.#drainRaft() || worked;
      worked = this.#proposals.proposeLeases(machine.lessor.tick(this.#nowMs)) || worked;
      for (const answer of this.#queries.takeRenewals()) this.#ports.answer(answer);
    }
    const slice = worked ? this.#busySliceMs : CHECKPOINT_SLICE_MS;
    worked =
      this.#keeper.turn(this.#nowMs, { budgetMs: slice, mayStart: this.#mayStartRun }) || worked;
    worked = this.#hasher.turn(slice) || worked;
    for (const answer of this.#hasher.takeAnswers()) this.#ports.answer(answer);
    if (worked) this.#writeStoreSlots();
    for (const answer of this.#waiting.takeSettled(store.state)) this.#ports.answer(answer);
    this.#flush();
    const deadlineMs = Math.min(
      this.#isBlocked ? Number.POSITIVE_INFINITY : machine.lessor.nextTickMs(this.#nowMs),
      this.#keeper.nextTurnMs(this.#nowMs, { mayStart: this.#mayStartRun }),
      this.#hasher.hasWork ? this.#nowMs : Number.POSITIVE_INFINITY,
    );
    return { worked, deadlineMs };
  }

  /**
   * The fuller the delta, the more of the thread the store gets: clients are slowed down smoothly before
   * a full delta would stop them.
   */
  get #busySliceMs(): number {
    return Math.max(BUSY_SLICE_MS_MIN, CHECKPOINT_SLICE_MS * this.#keeper.deltaShare);
  }

  /**
   * Whether the keeper may open a transaction. Not before a snapshot takes the store's place; and not while
   * the log of the life before is applied again, which would take twice as long, unless the delta gets full.
   */
  get #mayStartRun(): boolean {
    if (this.#snapshot !== undefined) return false;
    return !this.#isReplaying || this.#keeper.deltaShare > REPLAY_DELTA_SHARE_MAX;
  }

  /** Entries that were committed before this process began are missing in the state machine. */
  get #isReplaying(): boolean {
    const { board, machine } = this.#options;
    if (this.#replayEnd === undefined) {
      const commitIndex = board.get(BoardSlot.commitIndex);
      // Less than what the store has: the Raft worker has not said yet how far its log goes.
      if (commitIndex < machine.appliedIndex) return true;
      this.#replayEnd = commitIndex;
    }
    return machine.appliedIndex < this.#replayEnd;
  }

  get #isBlocked(): boolean {
    return this.#raft.blocked || this.#ports.blocked;
  }

  #flush(): void {
    this.#raft.flush();
    this.#ports.flush();
  }

  #drainFrontends(): boolean {
    let handled = 0;
    this.#ports.readers().forEach((reader, frontend) => {
      handled += reader.drain((type, _bytes, view, offset) => {
        this.#requests.handle({ frontend, type, view, offset }, this.#nowMs);
        return !this.#ports.blocked;
      }, QUERIES_PER_TURN_MAX);
    });
    return handled > 0;
  }

  #drainRaft(): boolean {
    if (this.#snapshot !== undefined || this.#keeper.isDeltaFull) return false;
    const { fromRaft, machine, clock } = this.#options;
    this.#nowMs = clock();
    this.#entries.begin(this.#nowMs);
    const before = machine.appliedIndex;
    const handled = fromRaft.drain((type, bytes, view, offset, length) => {
      if (type === RaftToApply.entry) this.#entries.apply(bytes, view, offset, length);
      else if (type === RaftToApply.role) this.#onRole(readRole(view, offset));
      else if (type === RaftToApply.checkpointWanted) this.#onCheckpointWanted();
      else this.#onSnapshot(readSnapshotFile(bytes, view, offset, length));
      if (this.#snapshot !== undefined) return false;
      return !this.#entries.isFull && !this.#keeper.isDeltaFull;
    }, BATCH_ENTRIES_MAX);
    this.#nowMs = this.#entries.nowMs;
    if (machine.appliedIndex > before) this.#entries.publish();
    return handled > 0;
  }

  #onRole({ isLeader, term }: ReturnType<typeof readRole>): void {
    const { lessor } = this.#options.machine;
    if (isLeader) {
      lessor.promote(this.#nowMs);
      this.#proposals.promote(term);
    } else {
      lessor.demote();
      this.#proposals.demote();
    }
  }

  /** Answered in any case: when there is nothing to write, at once. */
  #onCheckpointWanted(): void {
    if (this.#keeper.isDirty) this.#keeper.wantCheckpoint();
    else this.#raft.flushed(this.#options.store.state.appliedIndex);
  }

  #onSnapshot(snapshot: ReceivedSnapshot): void {
    const { machine } = this.#options;
    if (snapshot.index > machine.appliedIndex) {
      this.#snapshot = snapshot;
      return;
    }
    // The log brought as much meanwhile.
    this.#raft.membership(machine);
    this.#raft.snapshotInstalled(snapshot);
  }

  #writeStoreSlots(): void {
    const { board, store, delta } = this.#options;
    writeStoreSlots(board, {
      flushedIndex: store.state.appliedIndex,
      sizes: this.#keeper.sizes,
      deltaBytes: delta.bytes,
      totals: this.#totals,
    });
  }
}
