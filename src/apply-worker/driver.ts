import { AlarmType, MemberListResponse } from "../shared/gen/etcdserverpb/rpc.js";
import type { SharedHistogram } from "../shared/histogram.js";
import { CHECKPOINT_SLICE_MS } from "../shared/limits.js";
import {
  ENTRY_HEADER_BYTES,
  type EntryHeader,
  EntryKind,
  NO_FRONTEND,
  readEntryHeader,
} from "../shared/messages/entry.js";
import { MainToApply, readHashRevision, readNumber } from "../shared/messages/main-to-apply.js";
import {
  COMMITTED_ENTRY_HEADER_BYTES,
  RaftToApply,
  readEntryIndex,
  readEntryTerm,
  readRole,
} from "../shared/messages/raft-to-apply.js";
import type { DeltaWriter } from "../shared/mvcc/delta-writer.js";
import { EMPTY_BODY } from "../shared/response-body.js";
import type { RingReader } from "../shared/ring/reader.js";
import type { RingWriter } from "../shared/ring/writer.js";
import { BoardSlot, type StatusBoard } from "../shared/status-board.js";
import type { ApplyResult } from "./core/machine-context.js";
import type { StateMachine } from "./core/state-machine.js";
import { type Answer, FrontendPorts, type FrontendRings } from "./frontend-port.js";
import { Hasher } from "./hasher.js";
import { OwnProposals } from "./own-proposals.js";
import { Queries } from "./queries.js";
import { StoreKeeper } from "./store-keeper.js";
import type { StorePort } from "./store-port.js";

/** Entries applied before their states and answers are sent. */
export const BATCH_ENTRIES_MAX = 256;
/** Answer bytes after which a batch ends early: what the backlog of a full ring may hold. */
const BATCH_ANSWER_BYTES_MAX = 4 * 1024 * 1024;
/** Queries answered per frontend and turn. */
const QUERIES_PER_TURN_MAX = 1024;
/** Shortest slice of store work while entries wait. */
const BUSY_SLICE_MS_MIN = 0.5;
/** Answers that may wait for a compaction; further ones do not wait. */
const WAITING_MAX = 10_000;
/** An entry that takes longer is counted as slow (limits.md section 4). */
const SLOW_APPLY_MS = 100;

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
}

/** What a turn says of itself. */
export interface TurnOutcome {
  /** It did something: take the next turn at once. */
  readonly worked: boolean;
  /** When to take the next turn at the latest; Infinity for when a ring has something. */
  readonly deadlineMs: number;
}

/** An answer that waits for the store. */
interface WaitingAnswer {
  readonly answer: Answer;
  /** Until what was applied up to here is on disk, */
  readonly appliedIndex: number;
  /** and what was compacted up to here is removed. */
  readonly compactRevision: number;
}

/**
 * The apply worker's turn: drains its rings, applies, publishes, answers, keeps leases and store going.
 * Synchronous; the worker's loop, or a test, takes the turns. Takes nothing new in while one of its
 * writers is blocked or the delta is full, so that what waits in memory is bounded by a batch's output.
 */
export class ApplyDriver {
  readonly #options: ApplyDriverOptions;
  readonly #ports: FrontendPorts;
  readonly #keeper: StoreKeeper;
  readonly #hasher: Hasher;
  readonly #queries: Queries;
  readonly #proposals: OwnProposals;
  readonly #header: EntryHeader = { kind: 0, frontend: 0, origin: 0n, requestId: 0 };
  #answers: Answer[] = [];
  #answerBytes = 0;
  #waiting: WaitingAnswer[] = [];
  #nowMs = 0;
  #slowApplies = 0;
  #leasesExpired = 0;
  #ownApplied = 0;

  constructor(options: ApplyDriverOptions) {
    const { machine, store, delta, toRaft, memberId, origin, wake } = options;
    this.#options = options;
    this.#ports = new FrontendPorts(options.frontends);
    this.#hasher = new Hasher({ store, view: machine.space.view, clock: options.clock });
    this.#keeper = new StoreKeeper({
      store,
      machine,
      delta,
      ports: this.#ports,
      toRaft,
      identity: options.identity,
      commitSeconds: options.commitSeconds,
      wake,
      onCheckpoint: () => this.#hasher.checkpointed(),
    });
    this.#queries = new Queries(machine);
    this.#proposals = new OwnProposals({ writer: toRaft, memberId, origin });
    this.#writeAppliedSlots();
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

  /** Everything applied is on disk and no transaction is open: the store may be closed. */
  get isSettled(): boolean {
    return this.#keeper.isSettled;
  }

  /** Every proposal of this member's own making has come back through the log. */
  get isOwnApplied(): boolean {
    return this.#ownApplied === this.#proposals.lastId;
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
    const { machine, clock, toRaft } = this.#options;
    this.#proposals.proposeLeases(machine.lessor.recordAll(clock()));
    toRaft.flush();
  }

  /** Takes one turn. Throws when the store failed or an invariant is broken: the process must end. */
  turn(): TurnOutcome {
    const { machine, clock } = this.#options;
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
    worked = this.#keeper.turn(this.#nowMs, slice) || worked;
    worked = this.#hasher.turn(slice) || worked;
    for (const answer of this.#hasher.takeAnswers()) this.#ports.answer(answer);
    if (worked) this.#writeStoreSlots();
    this.#settleWaiting();
    this.#flush();
    const deadlineMs = Math.min(
      this.#isBlocked ? Number.POSITIVE_INFINITY : machine.lessor.nextTickMs(this.#nowMs),
      this.#keeper.nextTurnMs(this.#nowMs),
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

  get #isBlocked(): boolean {
    return this.#options.toRaft.blocked || this.#ports.blocked;
  }

  #flush(): void {
    this.#options.toRaft.flush();
    this.#ports.flush();
  }

  #drainFrontends(): boolean {
    let handled = 0;
    this.#ports.readers().forEach((reader, frontend) => {
      handled += reader.drain((type, _bytes, view, offset) => {
        if (type === MainToApply.released) {
          this.#keeper.released(frontend, readNumber(view, offset));
        } else {
          this.#onQuery(frontend, type, view, offset);
        }
        return !this.#ports.blocked;
      }, QUERIES_PER_TURN_MAX);
    });
    return handled > 0;
  }

  #onQuery(frontend: number, type: number, view: DataView, offset: number): void {
    if (type === MainToApply.defragment) return this.#onDefragment(frontend, view, offset);
    if (type === MainToApply.hash || type === MainToApply.hashKv) {
      return this.#onHash(frontend, type, view, offset);
    }
    const answer = this.#queries.answer({ frontend, type, view, offset }, this.#nowMs);
    if (answer !== undefined) this.#ports.answer(answer);
  }

  /**
   * Pages are reused online, so there is nothing to stop for: the answer comes when what was applied is
   * on disk and what was compacted has made room (MT-25, MT-30).
   */
  #onDefragment(frontend: number, view: DataView, offset: number): void {
    const { machine } = this.#options;
    const { revision, compactRevision } = machine.space.view;
    this.#keeper.wantCheckpoint();
    this.#waitForStore({
      answer: {
        frontend,
        requestId: readNumber(view, offset),
        revision,
        code: 0,
        body: EMPTY_BODY,
      },
      appliedIndex: machine.appliedIndex,
      compactRevision,
    });
  }

  #onHash(frontend: number, type: number, view: DataView, offset: number): void {
    const request = {
      kind: type === MainToApply.hash ? ("hash" as const) : ("hashKv" as const),
      frontend,
      requestId: readNumber(view, offset),
      revision: readHashRevision(view, offset),
    };
    const { appliedIndex } = this.#options.machine;
    if (!this.#hasher.request(request, appliedIndex)) this.#keeper.wantCheckpoint();
  }

  #drainRaft(): boolean {
    if (this.#keeper.isDeltaFull) return false;
    const { fromRaft, machine, clock } = this.#options;
    this.#nowMs = clock();
    const before = machine.appliedIndex;
    const handled = fromRaft.drain((type, bytes, view, offset, length) => {
      if (type === RaftToApply.entry) this.#onEntry(bytes, view, offset, length);
      else if (type === RaftToApply.role) this.#onRole(readRole(view, offset).isLeader);
      return this.#answerBytes < BATCH_ANSWER_BYTES_MAX && !this.#keeper.isDeltaFull;
    }, BATCH_ENTRIES_MAX);
    if (machine.appliedIndex > before) this.#publish();
    return handled > 0;
  }

  #onRole(isLeader: boolean): void {
    const { lessor } = this.#options.machine;
    if (isLeader) lessor.promote(this.#nowMs);
    else lessor.demote();
  }

  #onEntry(bytes: Buffer, view: DataView, offset: number, length: number): void {
    const { machine, clock, onSlowApply } = this.#options;
    const header = this.#readHeader(view, offset, length);
    const start = Math.min(length, COMMITTED_ENTRY_HEADER_BYTES + ENTRY_HEADER_BYTES);
    const entry = {
      index: readEntryIndex(view, offset),
      term: readEntryTerm(view, offset),
      kind: header.kind,
      payload: bytes.subarray(offset + start, offset + length),
    };
    const previous = machine.space.view.compactRevision;
    const result = machine.apply(entry, this.#nowMs);
    const revision = machine.space.view.compactRevision;
    if (revision > previous) this.#hasher.compacted({ revision, previous }, entry.index);
    const tookMs = clock() - this.#nowMs;
    this.#nowMs += tookMs;
    if (tookMs > SLOW_APPLY_MS) {
      this.#slowApplies += 1;
      onSlowApply(tookMs, entry.index);
    }
    if (result === undefined) return;
    if (result.foundNoSpace) this.#proposals.proposeNoSpace(this.#nowMs);
    if (header.origin !== this.#options.origin) return;
    if (header.frontend === NO_FRONTEND) this.#onOwnApplied(header, result);
    else this.#onResult(header, result);
  }

  /** An entry without payload is the empty one of a new leader; nobody's, as is one too short. */
  #readHeader(view: DataView, offset: number, length: number): EntryHeader {
    const header = this.#header;
    if (length >= COMMITTED_ENTRY_HEADER_BYTES + ENTRY_HEADER_BYTES) {
      return readEntryHeader(view, offset + COMMITTED_ENTRY_HEADER_BYTES, header);
    }
    header.kind = EntryKind.none;
    header.frontend = NO_FRONTEND;
    header.origin = 0n;
    header.requestId = 0;
    return header;
  }

  #onOwnApplied({ kind, requestId }: EntryHeader, { code }: ApplyResult): void {
    this.#ownApplied = Math.max(this.#ownApplied, requestId);
    if (kind === EntryKind.leaseRevoke && code === 0) this.#leasesExpired += 1;
  }

  #onResult({ frontend, requestId }: EntryHeader, result: ApplyResult): void {
    const { revision, code, body, awaitsCompaction } = result;
    const answer = { frontend, requestId, revision, code, body };
    if (!awaitsCompaction) {
      this.#answers.push(answer);
      this.#answerBytes += body.length;
      return;
    }
    this.#keeper.wantCheckpoint();
    const { compactRevision } = this.#options.machine.space.view;
    this.#waitForStore({ answer, appliedIndex: 0, compactRevision });
  }

  /** Beyond the bound an answer does not wait: it is true already, only earlier than asked for. */
  #waitForStore(waiting: WaitingAnswer): void {
    if (this.#waiting.length < WAITING_MAX) this.#waiting.push(waiting);
    else this.#answers.push(waiting.answer);
  }

  /** The state first, the answers of its entries after it: who has an answer can read what it says. */
  #publish(): void {
    const { machine } = this.#options;
    const { revision, compactRevision, end } = machine.space.view;
    this.#writeAppliedSlots();
    this.#ports.publish({ appliedIndex: machine.appliedIndex, revision, compactRevision, end });
    if (machine.takeMembersChanged()) {
      const response = { header: undefined, members: machine.members.all() };
      this.#ports.members(MemberListResponse.encode(response).finish());
    }
    for (const answer of this.#answers) this.#ports.answer(answer);
    this.#answers = [];
    this.#answerBytes = 0;
  }

  #settleWaiting(): void {
    if (this.#waiting.length === 0) return;
    const { appliedIndex, finishedCompactRevision } = this.#options.store.state;
    this.#waiting = this.#waiting.filter((waiting) => {
      const isSettled =
        waiting.appliedIndex <= appliedIndex && waiting.compactRevision <= finishedCompactRevision;
      if (isSettled) this.#ports.answer(waiting.answer);
      return !isSettled;
    });
  }

  /** Before the answers are sent: who has one finds the board at least as new. */
  #writeAppliedSlots(): void {
    const { board, machine } = this.#options;
    const { counts, alarms } = machine;
    const { revision, compactRevision } = machine.space.view;
    board.set(BoardSlot.appliedIndex, machine.appliedIndex);
    board.set(BoardSlot.revision, revision);
    board.set(BoardSlot.compactRevisionPlusOne, compactRevision + 1);
    board.set(BoardSlot.putsTotal, counts.puts);
    board.set(BoardSlot.deletesTotal, counts.deletes);
    board.set(BoardSlot.txnsTotal, counts.txns);
    board.set(BoardSlot.leasesGranted, counts.leasesGranted);
    board.set(BoardSlot.leasesRevoked, counts.leasesRevoked);
    board.set(BoardSlot.leasesExpired, this.#leasesExpired);
    board.set(BoardSlot.slowApplies, this.#slowApplies);
    board.set(BoardSlot.noSpaceAlarms, alarms.count(AlarmType.NOSPACE));
    board.set(BoardSlot.corruptAlarms, alarms.count(AlarmType.CORRUPT));
  }

  #writeStoreSlots(): void {
    const { board, store, delta } = this.#options;
    const { sizes, counts } = this.#keeper;
    board.set(BoardSlot.flushedIndex, store.state.appliedIndex);
    board.set(BoardSlot.storeBytes, sizes.bytes);
    board.set(BoardSlot.storeBytesInUse, sizes.bytesInUse);
    board.set(BoardSlot.deltaBytes, delta.bytes);
    board.set(BoardSlot.leasesRenewed, this.#queries.renewed);
    board.set(BoardSlot.compactedRevisions, counts.compactedRevisions);
    board.set(BoardSlot.checkpoints, counts.checkpoints);
  }
}
