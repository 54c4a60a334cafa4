import { type MessagePort, receiveMessageOnPort } from "node:worker_threads";
import type { DeltaSegmentMessage } from "../../shared/control/apply-control.js";
import { ErrorCode } from "../../shared/errors.js";
import { type Member, MemberListResponse } from "../../shared/gen/etcdserverpb/rpc.js";
import { APPLY_LAG_ENTRIES_MAX } from "../../shared/limits.js";
import {
  ApplyToMain,
  type Checkpointed,
  type DeltaPosition,
  type Published,
  RESULT_HEADER_BYTES,
  readCheckpointed,
  readPublished,
  readResultCode,
  readResultRequestId,
  readResultRevision,
} from "../../shared/messages/apply-to-main.js";
import { ENTRY_HEADER_BYTES, type EntryKind } from "../../shared/messages/entry.js";
import {
  MainToApply,
  sendHashQuery,
  sendLeaseQuery,
  sendNumber,
} from "../../shared/messages/main-to-apply.js";
import { sendPropose, sendReadIndex } from "../../shared/messages/main-to-raft.js";
import {
  RaftToMain,
  readConfirmedIndex,
  readRefusalCode,
  readSubjectId,
} from "../../shared/messages/raft-to-main.js";
import { DELTA_START } from "../../shared/mvcc/delta-reader.js";
import type { DeltaRecord } from "../../shared/mvcc/delta-record.js";
import type { ReadView } from "../../shared/mvcc/read-view.js";
import type { Bell } from "../../shared/ring/bell.js";
import type { RingReader } from "../../shared/ring/reader.js";
import type { RingWriter } from "../../shared/ring/writer.js";
import { BoardSlot, type StatusBoard } from "../../shared/status-board.js";
import { type AnswerHandler, PendingTable } from "./pending.js";
import { ReadGate, type ReadWaiter } from "./read-gate.js";

/** The rings between one frontend and the other actors, and the bell that all of them ring. */
export interface FrontendRings {
  readonly bell: Bell;
  readonly toRaft: RingWriter;
  readonly fromRaft: RingReader;
  readonly toApply: RingWriter;
  readonly fromApply: RingReader;
}

/** Hears of new states, in the turn in which the view moved to them: the watch hub. */
export interface PublishListener {
  /** One change of the state that is being published, in revision order; valid during the call. */
  onChange(change: DeltaRecord): void;
  /** The view has moved. */
  onPublished(): void;
  /** Whether `turn` has something to do. */
  hasWork(): boolean;
  /** Works for about this long at most. */
  turn(budgetMs: number): void;
}

/** What a frontend is made of. */
export interface FrontendOptions {
  /** Number of this frontend: messages carry it. */
  readonly id: number;
  /** Drawn when the process started: tells its entries from replayed ones. */
  readonly origin: bigint;
  readonly rings: FrontendRings;
  /** Where the apply worker posts the delta's segments: `DeltaSegmentMessage`. */
  readonly segments: MessagePort;
  readonly view: ReadView;
  readonly board: StatusBoard;
  readonly maxRequestBytes: number;
  /** 5 s + 2 election timeouts (limits.md section 4). */
  readonly requestTimeoutMs: number;
  /** MemberListResponse without header, as of the start; later ones come over the ring. */
  readonly members: Uint8Array;
  /** Monotonic milliseconds. */
  readonly nowMs: () => number;
  /** Told of what a turn of the loop threw: a bug, or a damaged store. The loop has ended. */
  readonly onBug: (error: unknown) => void;
}

/** Requests and bytes of one frontend that may be on their way at once; beyond, tooManyRequests. */
const PENDING_COUNT_MAX = 200_000;
const PENDING_BYTES_MAX = 256 * 1024 * 1024;
/** Bytes that may wait behind a full ring; beyond, tooManyRequests. */
const BACKLOG_BYTES_MAX = 64 * 1024 * 1024;

/** What the InternalRaftRequest around a client's request adds, at least, to its encoded size. */
const REQUEST_ENVELOPE_BYTES = 17;

const WATCH_BUDGET_MS = 5;
const HOUSEKEEPING_MS = 200;

/**
 * One frontend actor's side of the rings: proposals and queries out, answers, confirmed reads and new
 * states in, and the view that its reads use. There may be several in a process; none knows of the others.
 */
export class Frontend {
  readonly view: ReadView;
  readonly #options: FrontendOptions;
  readonly #rings: FrontendRings;
  readonly #pending: PendingTable;
  readonly #reads: ReadGate;
  /** Since the start; for the metrics. */
  readonly counts = { proposalsFailed: 0, readIndexesFailed: 0, ranges: 0 };
  #listener: PublishListener | undefined;
  #flushScheduled = false;
  #stopped = false;
  #loop: Promise<void> = Promise.resolve();
  #members: readonly Member[];
  /** Checkpoints not released yet, oldest first: the base or a pin holds them back. */
  #unreleased: Checkpointed[] = [];
  #newestCheckpoint: Checkpointed = { checkpointId: 0, position: DELTA_START, revision: 0 };
  /** Each with the newest checkpoint when it was taken. */
  readonly #deltaPins = new Set<{ readonly since: number }>();

  constructor(options: FrontendOptions) {
    this.#options = options;
    this.#rings = options.rings;
    this.view = options.view;
    this.#members = MemberListResponse.decode(options.members).members;
    this.#pending = new PendingTable({ countMax: PENDING_COUNT_MAX, bytesMax: PENDING_BYTES_MAX });
    this.#reads = new ReadGate(
      (readId) => sendReadIndex(this.#rings.toRaft, readId),
      () => this.view.appliedIndex,
    );
  }

  /** Newest revision that reads of this frontend see. */
  get revision(): number {
    return this.view.revision;
  }

  /** Requests that wait for an answer: etcd_server_proposals_pending. */
  get pendingCount(): number {
    return this.#pending.count;
  }

  /** The members as the replicated store had them when it was last published here. */
  members(): readonly Member[] {
    return this.#members;
  }

  /** Names who hears of new states. Once, before `start`. */
  listen(listener: PublishListener): void {
    this.#listener = listener;
  }

  /** Starts taking messages. */
  start(): void {
    this.#loop = this.#run().catch(this.#options.onBug);
  }

  /** Stops: everything that waits is refused as stopped. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#pending.refuseAll();
    this.#reads.refuseAll(ErrorCode.stopped);
    this.#rings.bell.ring();
    await this.#loop;
  }

  /** Sends a request through the log. The handler is called once, perhaps at once with a refusal. */
  propose(kind: EntryKind, payload: Uint8Array, handler: AnswerHandler): void {
    const { board, maxRequestBytes } = this.#options;
    if (payload.length + REQUEST_ENVELOPE_BYTES > maxRequestBytes) {
      return refuseNow(handler, ErrorCode.requestTooLarge);
    }
    const lag = board.get(BoardSlot.commitIndex) - board.get(BoardSlot.appliedIndex);
    if (lag > APPLY_LAG_ENTRIES_MAX) return refuseNow(handler, ErrorCode.tooManyRequests);
    const sizeBytes = payload.length + ENTRY_HEADER_BYTES;
    const requestId = this.#register(handler, this.#rings.toRaft, sizeBytes);
    if (requestId === undefined) return;
    const { id: frontend, origin } = this.#options;
    sendPropose(this.#rings.toRaft, { kind, frontend, origin, requestId }, payload);
    this.#scheduleFlush();
  }

  /** Asks the lessor about a lease. */
  queryLease(
    query: {
      readonly type: typeof MainToApply.leaseRenew | typeof MainToApply.leaseTimeToLive;
      readonly leaseId: bigint;
      readonly flag: boolean;
    },
    handler: AnswerHandler,
  ): void {
    const requestId = this.#register(handler, this.#rings.toApply);
    if (requestId === undefined) return;
    sendLeaseQuery(this.#rings.toApply, { ...query, requestId });
    this.#scheduleFlush();
  }

  /** Asks the apply worker for something that takes no argument. */
  queryNumber(
    type:
      | typeof MainToApply.leaseLeases
      | typeof MainToApply.defragment
      | typeof MainToApply.alarmList,
    handler: AnswerHandler,
  ): void {
    const requestId = this.#register(handler, this.#rings.toApply);
    if (requestId === undefined) return;
    sendNumber(this.#rings.toApply, type, requestId);
    this.#scheduleFlush();
  }

  /** Asks for a hash of the store. `revision` is the client's. */
  queryHash(
    query: {
      readonly type: typeof MainToApply.hash | typeof MainToApply.hashKv;
      readonly revision: bigint;
    },
    handler: AnswerHandler,
  ): void {
    const requestId = this.#register(handler, this.#rings.toApply);
    if (requestId === undefined) return;
    sendHashQuery(this.#rings.toApply, { ...query, requestId });
    this.#scheduleFlush();
  }

  /** Calls back when the view holds everything that was committed before this call. */
  linearizable(waiter: ReadWaiter): void {
    if (this.#stopped) return waiter(ErrorCode.stopped);
    if (this.#reads.count >= PENDING_COUNT_MAX) return waiter(ErrorCode.tooManyRequests);
    this.#reads.wait(waiter, this.#options.nowMs());
    this.#scheduleFlush();
  }

  /**
   * Keeps the delta from `from` on readable by another thread until `release` is called. A base opened from
   * now on shows everything before `from`. For tasks with a bounded end only: a pin costs delta space.
   */
  pinDelta(): { readonly from: DeltaPosition; readonly release: () => void } {
    const pin = { since: this.#newestCheckpoint.checkpointId };
    this.#deltaPins.add(pin);
    return {
      from: this.#newestCheckpoint.position,
      release: () => {
        this.#deltaPins.delete(pin);
        this.#releaseCheckpoints();
      },
    };
  }

  /** Asks for a turn of the loop soon: the listener has work. */
  wake(): void {
    this.#rings.bell.ring();
  }

  async #run(): Promise<void> {
    const { bell } = this.#rings;
    let nextHousekeepingMs = this.#options.nowMs() + HOUSEKEEPING_MS;
    while (!this.#stopped) {
      const seen = bell.count();
      this.#drain();
      this.#listener?.turn(WATCH_BUDGET_MS);
      this.#flush();
      const now = this.#options.nowMs();
      if (now >= nextHousekeepingMs) {
        this.#keepHouse(now);
        nextHousekeepingMs = now + HOUSEKEEPING_MS;
      }
      const more = this.#listener?.hasWork() === true;
      await bell.wait(seen, more ? 0 : nextHousekeepingMs - now);
    }
  }

  #drain(): void {
    this.#rings.fromRaft.drain((type, _bytes, view, offset) => this.#onRaft(type, view, offset));
    this.#rings.fromApply.drain((type, bytes, view, offset, length) => {
      if (type === ApplyToMain.result) {
        this.#onResult(bytes, view, offset, length);
      } else if (type === ApplyToMain.published) {
        this.#onPublished(readPublished(view, offset));
      } else if (type === ApplyToMain.checkpointed) {
        this.#onCheckpointed(readCheckpointed(view, offset));
      } else if (type === ApplyToMain.members) {
        const body = bytes.subarray(offset, offset + length);
        this.#members = MemberListResponse.decode(body).members;
      }
    });
  }

  #onRaft(type: number, view: DataView, offset: number): void {
    if (type === RaftToMain.readConfirmed) {
      this.#reads.confirmed(readSubjectId(view, offset), readConfirmedIndex(view, offset));
    } else if (type === RaftToMain.readFailed) {
      this.counts.readIndexesFailed += 1;
      this.#reads.failed(readSubjectId(view, offset), readRefusalCode(view, offset));
    } else if (type === RaftToMain.refused) {
      this.counts.proposalsFailed += 1;
      this.#pending.refuse(readSubjectId(view, offset), readRefusalCode(view, offset));
    }
  }

  #onResult(bytes: Uint8Array, view: DataView, offset: number, length: number): void {
    this.#pending.answer(
      readResultRequestId(view, offset),
      readResultCode(view, offset),
      readResultRevision(view, offset),
      bytes,
      offset + RESULT_HEADER_BYTES,
      length - RESULT_HEADER_BYTES,
    );
  }

  #onPublished(state: Published): void {
    this.#takeSegments();
    const listener = this.#listener;
    this.view.publish(state, listener && ((change) => listener.onChange(change)));
    listener?.onPublished();
    this.#reads.applied();
  }

  /** A segment is posted before the state that lies in it is published, so it is in the port by now. */
  #takeSegments(): void {
    for (;;) {
      const received = receiveMessageOnPort(this.#options.segments);
      if (received === undefined) return;
      const { segment, buffer }: DeltaSegmentMessage = received.message;
      this.view.delta.addSegment(segment, buffer);
    }
  }

  #onCheckpointed(checkpoint: Checkpointed): void {
    this.#newestCheckpoint = checkpoint;
    this.#unreleased.push(checkpoint);
    this.#releaseCheckpoints();
  }

  /** Lets go of the delta before the newest checkpoint that no pin older than it still reads. */
  #releaseCheckpoints(): void {
    let oldestPin = Number.POSITIVE_INFINITY;
    for (const { since } of this.#deltaPins) oldestPin = Math.min(oldestPin, since);
    const released = this.#unreleased.findLast(({ checkpointId }) => checkpointId <= oldestPin);
    if (released === undefined || !this.view.checkpointed(released)) return;
    this.#unreleased = this.#unreleased.filter(
      ({ checkpointId }) => checkpointId > released.checkpointId,
    );
    this.view.delta.dropBefore(released.position);
    sendNumber(this.#rings.toApply, MainToApply.released, released.checkpointId);
    this.#scheduleFlush();
  }

  /**
   * Gives a request its id, or refuses it: too much is on its way, or its actor takes nothing (a stalled disk)
   * and what was sent already waits on the heap. Requests time out there, but their bytes stay.
   */
  #register(handler: AnswerHandler, writer: RingWriter, sizeBytes = 0): number | undefined {
    const code = this.#stopped ? ErrorCode.stopped : ErrorCode.tooManyRequests;
    const isRefused = this.#stopped || writer.backlogBytes > BACKLOG_BYTES_MAX;
    const requestId = isRefused
      ? undefined
      : this.#pending.add(handler, sizeBytes, this.#options.nowMs());
    if (requestId === undefined) refuseNow(handler, code);
    return requestId;
  }

  /** Everything that one turn of the event loop proposes goes out with one flush. */
  #scheduleFlush(): void {
    if (this.#flushScheduled) return;
    this.#flushScheduled = true;
    setImmediate(() => {
      this.#flushScheduled = false;
      this.#flush();
    });
  }

  #flush(): void {
    if (this.#stopped) return;
    this.#reads.flush();
    this.#rings.toRaft.flush();
    this.#rings.toApply.flush();
  }

  #keepHouse(nowMs: number): void {
    const before = nowMs - this.#options.requestTimeoutMs;
    // Without a leader a proposal never got anywhere, and fails as its context would (G-14).
    const leaderless = this.#options.board.getId(BoardSlot.leaderId) === 0n;
    const code = leaderless ? ErrorCode.deadlineExceeded : ErrorCode.timeout;
    this.counts.proposalsFailed += this.#pending.expire(before, code);
    this.#reads.expire(before, ErrorCode.timeout);
    // Compactions are not announced: a snapshot from before would keep their pages from being used again.
    // Refreshing also asks a base again that did not show a checkpoint yet.
    this.view.base.refresh();
    this.#releaseCheckpoints();
  }
}

const NO_BYTES = new Uint8Array(0);

function refuseNow(handler: AnswerHandler, code: ErrorCode): void {
  handler(code, 0, NO_BYTES, 0, 0);
}
