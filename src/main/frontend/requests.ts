import { ErrorCode } from "../../shared/errors.js";
import { APPLY_LAG_ENTRIES_MAX } from "../../shared/limits.js";
import {
  RESULT_HEADER_BYTES,
  readResultCode,
  readResultRequestId,
  readResultRevision,
} from "../../shared/messages/apply-to-main.js";
import { ENTRY_HEADER_BYTES, type EntryKind } from "../../shared/messages/entry.js";
import {
  type MainToApply,
  sendHashQuery,
  sendLeaseQuery,
  sendNumber,
} from "../../shared/messages/main-to-apply.js";
import { sendPropose } from "../../shared/messages/main-to-raft.js";
import type { RingWriter } from "../../shared/ring/writer.js";
import { BoardSlot, type StatusBoard } from "../../shared/status-board.js";
import { LeaderHistory } from "./leader-history.js";
import { type PeerQuestion, PeerQuestions } from "./peer-questions.js";
import { type AnswerHandler, PendingTable } from "./pending.js";

/** Requests and bytes of one frontend that may be on their way at once; beyond, tooManyRequests. */
export const PENDING_COUNT_MAX = 200_000;
const PENDING_BYTES_MAX = 256 * 1024 * 1024;
/** Bytes that may wait behind a full ring; beyond, tooManyRequests. */
const BACKLOG_BYTES_MAX = 64 * 1024 * 1024;

/** What the InternalRaftRequest around a client's request adds, at least, to its encoded size. */
const REQUEST_ENVELOPE_BYTES = 17;

/** What the requests of a frontend go through. */
export interface RequestsOptions {
  /** Number of the frontend, and what tells its entries from replayed ones. */
  readonly id: number;
  readonly origin: bigint;
  readonly toRaft: RingWriter;
  readonly toApply: RingWriter;
  readonly board: StatusBoard;
  readonly maxRequestBytes: number;
  readonly electionTimeoutMs: number;
  readonly requestTimeoutMs: number;
  readonly nowMs: () => number;
  /** Something was written to a ring. */
  readonly flushSoon: () => void;
}

/** A question to the lessor about one lease. */
export interface LeaseQuery {
  readonly type: typeof MainToApply.leaseRenew | typeof MainToApply.leaseTimeToLive;
  readonly leaseId: bigint;
  readonly flag: boolean;
}

/** A question for a hash of the store. `revision` is the client's. */
export interface HashQuery {
  readonly type: typeof MainToApply.hash | typeof MainToApply.hashKv;
  readonly revision: bigint;
}

/** A question to the apply worker that takes no argument. */
export type NumberQuery =
  | typeof MainToApply.leaseLeases
  | typeof MainToApply.defragment
  | typeof MainToApply.alarmList;

/** The requests of a frontend that other actors and other members answer. Each handler is called once. */
export class Requests {
  readonly questions: PeerQuestions;
  readonly #options: RequestsOptions;
  readonly #pending = new PendingTable({
    countMax: PENDING_COUNT_MAX,
    bytesMax: PENDING_BYTES_MAX,
  });
  readonly #leaders: LeaderHistory;
  #isCutOff: (startedMs: number) => boolean = () => false;
  #stopped = false;

  constructor(options: RequestsOptions) {
    this.#options = options;
    this.questions = new PeerQuestions(options.toRaft, options.origin);
    this.#leaders = new LeaderHistory(options.electionTimeoutMs);
  }

  /** Requests to this member's actors that wait for an answer. */
  get count(): number {
    return this.#pending.count;
  }

  /** Names who knows whether this member was cut off from its leader since a time. */
  watchConnections(isCutOff: (startedMs: number) => boolean): void {
    this.#isCutOff = isCutOff;
  }

  /** Sends a request through the log. */
  propose(kind: EntryKind, payload: Uint8Array, handler: AnswerHandler): void {
    const code = this.#proposalRefusal(payload);
    if (code !== 0) return refuseNow(handler, code);
    const sizeBytes = payload.length + ENTRY_HEADER_BYTES;
    const requestId = this.#register(handler, this.#options.toRaft, sizeBytes);
    if (requestId !== undefined) this.#sendProposal(kind, requestId, payload);
  }

  /**
   * The same without a timeout: the handler may never be called, and what is returned gives the request up.
   * The payload must stay as it is until then.
   */
  proposePatiently(kind: EntryKind, payload: Uint8Array, handler: AnswerHandler): () => void {
    const code = this.#proposalRefusal(payload) || this.#overload(this.#options.toRaft);
    const sizeBytes = payload.length + ENTRY_HEADER_BYTES;
    const send = (id: number): void => this.#sendProposal(kind, id, payload);
    const requestId = code === 0 ? this.#pending.addPatient(handler, sizeBytes, send) : undefined;
    if (requestId === undefined) {
      refuseNow(handler, code === 0 ? ErrorCode.tooManyRequests : code);
      return () => {};
    }
    send(requestId);
    return () => this.#pending.abandon(requestId);
  }

  /** Asks another member; the answer's revision is 0. */
  ask(question: PeerQuestion, handler: AnswerHandler): void {
    const { flushSoon, nowMs, toRaft } = this.#options;
    const code = this.#overload(toRaft);
    if (code !== 0) return refuseNow(handler, code);
    if (this.questions.ask(question, handler, nowMs())) flushSoon();
    else refuseNow(handler, ErrorCode.tooManyRequests);
  }

  /** Asks the lessor about a lease. */
  queryLease(query: LeaseQuery, handler: AnswerHandler): void {
    const { flushSoon, toApply } = this.#options;
    const requestId = this.#register(handler, toApply);
    if (requestId === undefined) return;
    sendLeaseQuery(toApply, { ...query, requestId });
    flushSoon();
  }

  /** Asks the apply worker for something that takes no argument. */
  queryNumber(type: NumberQuery, handler: AnswerHandler): void {
    const { flushSoon, toApply } = this.#options;
    const requestId = this.#register(handler, toApply);
    if (requestId === undefined) return;
    sendNumber(toApply, type, requestId);
    flushSoon();
  }

  /** Asks for a hash of the store. */
  queryHash(query: HashQuery, handler: AnswerHandler): void {
    const { flushSoon, toApply } = this.#options;
    const requestId = this.#register(handler, toApply);
    if (requestId === undefined) return;
    sendHashQuery(toApply, { ...query, requestId });
    flushSoon();
  }

  /** Takes a `result` of the apply worker. */
  onResult(bytes: Uint8Array, view: DataView, offset: number, length: number): void {
    this.#pending.answer(
      readResultRequestId(view, offset),
      readResultCode(view, offset),
      readResultRevision(view, offset),
      bytes,
      offset + RESULT_HEADER_BYTES,
      length - RESULT_HEADER_BYTES,
    );
  }

  /**
   * A proposal was not taken into the log. What waited too long for a leader is proposed again as long as
   * somebody waits for it patiently; any other such request expires here about now, where it is known what to
   * tell its client. Returns whether a request failed.
   */
  refused(requestId: number, code: ErrorCode): boolean {
    if (code !== ErrorCode.timeout) return this.#pending.refuse(requestId, code);
    this.#pending.sendAgain(requestId);
    return false;
  }

  /** Looks who leads now. */
  observeLeader(): void {
    const { board, nowMs } = this.#options;
    this.#leaders.observe(board.getId(BoardSlot.leaderId), nowMs());
  }

  /** Refuses what has waited since `beforeMs` or longer. Returns how many of this member's actors' requests. */
  expire(beforeMs: number): number {
    this.observeLeader();
    this.questions.expire(beforeMs);
    return this.#pending.expire(beforeMs, (startedMs) =>
      this.#leaders.timeoutCode(startedMs, this.#isCutOff),
    );
  }

  /** Refuses everything, now and from now on: the server stops. */
  stop(): void {
    this.#stopped = true;
    this.#pending.refuseAll();
    this.questions.refuseAll();
  }

  #proposalRefusal(payload: Uint8Array): ErrorCode | 0 {
    const { board, maxRequestBytes } = this.#options;
    if (payload.length + REQUEST_ENVELOPE_BYTES > maxRequestBytes) return ErrorCode.requestTooLarge;
    const lag = board.get(BoardSlot.commitIndex) - board.get(BoardSlot.appliedIndex);
    return lag > APPLY_LAG_ENTRIES_MAX ? ErrorCode.tooManyRequests : 0;
  }

  #sendProposal(kind: EntryKind, requestId: number, payload: Uint8Array): void {
    const { id: frontend, origin, toRaft, flushSoon } = this.#options;
    sendPropose(toRaft, { kind, frontend, origin, requestId }, payload);
    flushSoon();
  }

  /**
   * Why nothing may be sent to an actor: it takes nothing (a stalled disk), and what was sent already waits on
   * the heap. Requests time out there, but their bytes stay.
   */
  #overload(writer: RingWriter): ErrorCode | 0 {
    if (this.#stopped) return ErrorCode.stopped;
    return writer.backlogBytes > BACKLOG_BYTES_MAX ? ErrorCode.tooManyRequests : 0;
  }

  /** Gives a request its id, or refuses it. */
  #register(handler: AnswerHandler, writer: RingWriter, sizeBytes = 0): number | undefined {
    const code = this.#overload(writer);
    const requestId =
      code === 0 ? this.#pending.add(handler, sizeBytes, this.#options.nowMs()) : undefined;
    if (requestId === undefined) refuseNow(handler, code === 0 ? ErrorCode.tooManyRequests : code);
    return requestId;
  }
}

const NO_BYTES = new Uint8Array(0);

function refuseNow(handler: AnswerHandler, code: ErrorCode): void {
  handler(code, 0, NO_BYTES, 0, 0);
}
