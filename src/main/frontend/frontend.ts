import { type MessagePort, receiveMessageOnPort } from "node:worker_threads";
import type { DeltaSegmentMessage } from "../../shared/control/apply-control.js";
import { ErrorCode } from "../../shared/errors.js";
import { type Member, MemberListResponse } from "../../shared/gen/etcdserverpb/rpc.js";
import {
  ApplyToMain,
  type Published,
  readCheckpointed,
  readPublished,
} from "../../shared/messages/apply-to-main.js";
import type { EntryKind } from "../../shared/messages/entry.js";
import { MainToApply, sendNumber } from "../../shared/messages/main-to-apply.js";
import { sendReadIndex } from "../../shared/messages/main-to-raft.js";
import { readAnswer, readAsk } from "../../shared/messages/peer-ask.js";
import {
  RaftToMain,
  readConfirmedIndex,
  readRefusalCode,
  readSubjectId,
} from "../../shared/messages/raft-to-main.js";
import type { DeltaRecord } from "../../shared/mvcc/delta-record.js";
import type { ReadView } from "../../shared/mvcc/read-view.js";
import type { Bell } from "../../shared/ring/bell.js";
import type { MessageHandler, RingReader } from "../../shared/ring/reader.js";
import type { RingWriter } from "../../shared/ring/writer.js";
import type { StatusBoard } from "../../shared/status-board.js";
import { DeltaHold, type DeltaPin } from "./delta-hold.js";
import type { PeerQuestion, QuestionHandler } from "./peer-questions.js";
import type { AnswerHandler } from "./pending.js";
import { ReadGate, type ReadWaiter } from "./read-gate.js";
import {
  type HashQuery,
  type LeaseQuery,
  type NumberQuery,
  PENDING_COUNT_MAX,
  Requests,
} from "./requests.js";

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
  /** A snapshot took the view from this revision to a later one, without the changes in between. */
  onRestored(previousRevision: number): void;
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
  readonly electionTimeoutMs: number;
  /** 5 s + 2 election timeouts (limits.md section 4). */
  readonly requestTimeoutMs: number;
  /** MemberListResponse without header, as of the start; later ones come over the ring. */
  readonly members: Uint8Array;
  /** Monotonic milliseconds. */
  readonly nowMs: () => number;
  /** Told of what a turn of the loop threw: a bug, or a damaged store. The loop has ended. */
  readonly onBug: (error: unknown) => void;
}

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
  readonly #requests: Requests;
  readonly #reads: ReadGate;
  /** Since the start; for the metrics. */
  readonly counts = { proposalsFailed: 0, readIndexesFailed: 0, ranges: 0 };
  readonly #hold: DeltaHold;
  #listener: PublishListener | undefined;
  #flushScheduled = false;
  #stopped = false;
  #loop: Promise<void> = Promise.resolve();
  #members: readonly Member[];
  /** A snapshot that came and that the base does not show yet. */
  #restoring: Published | undefined;

  constructor(options: FrontendOptions) {
    this.#options = options;
    this.#rings = options.rings;
    this.view = options.view;
    this.#members = MemberListResponse.decode(options.members).members;
    const flushSoon = (): void => this.#scheduleFlush();
    this.#requests = new Requests({ ...options, ...this.#rings, flushSoon });
    this.#hold = new DeltaHold(options.view, (checkpointId) => {
      sendNumber(this.#rings.toApply, MainToApply.released, checkpointId);
      this.#scheduleFlush();
    });
    this.#reads = new ReadGate(
      (readId) => sendReadIndex(this.#rings.toRaft, readId),
      () => this.view.appliedIndex,
    );
  }

  /** Newest revision that reads of this frontend see. */
  get revision(): number {
    return this.view.revision;
  }

  /** How long a request may take that has a timeout at all. */
  get requestTimeoutMs(): number {
    return this.#options.requestTimeoutMs;
  }

  /** Requests that wait for an answer: etcd_server_proposals_pending. */
  get pendingCount(): number {
    return this.#requests.count;
  }

  /** The members as the replicated store had them when it was last published here. */
  members(): readonly Member[] {
    return this.#members;
  }

  /** Names who answers the questions of other members. Once, before `start`. */
  onAsked(handler: QuestionHandler): void {
    this.#requests.questions.onAsked(handler);
  }

  /** Names who knows whether this member was cut off from its leader since a time. Once, before `start`. */
  watchConnections(isCutOff: (startedMs: number) => boolean): void {
    this.#requests.watchConnections(isCutOff);
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
    this.#requests.stop();
    this.#reads.refuseAll(ErrorCode.stopped);
    this.#rings.bell.ring();
    await this.#loop;
  }

  /** Sends a request through the log. The handler is called once, perhaps at once with a refusal. */
  propose(kind: EntryKind, payload: Uint8Array, handler: AnswerHandler): void {
    this.#requests.propose(kind, payload, handler);
  }

  /**
   * The same without a timeout (CL-13): the handler may never be called. Who waits must call what is returned
   * when it gives up.
   */
  proposePatiently(kind: EntryKind, payload: Uint8Array, handler: AnswerHandler): () => void {
    return this.#requests.proposePatiently(kind, payload, handler);
  }

  /** Asks another member; the answer's revision is 0. The handler is called once, perhaps at once. */
  ask(question: PeerQuestion, handler: AnswerHandler): void {
    this.#requests.ask(question, handler);
  }

  /** Asks the lessor about a lease. */
  queryLease(query: LeaseQuery, handler: AnswerHandler): void {
    this.#requests.queryLease(query, handler);
  }

  /** Asks the apply worker for something that takes no argument. */
  queryNumber(type: NumberQuery, handler: AnswerHandler): void {
    this.#requests.queryNumber(type, handler);
  }

  /** Asks for a hash of the store. */
  queryHash(query: HashQuery, handler: AnswerHandler): void {
    this.#requests.queryHash(query, handler);
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
  pinDelta(): DeltaPin {
    return this.#hold.pin();
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
      const hasMore = this.#listener?.hasWork() === true || this.#restoring !== undefined;
      await bell.wait(seen, hasMore ? 0 : nextHousekeepingMs - now);
    }
  }

  #drain(): void {
    this.#rings.fromRaft.drain(this.#onRaft);
    if (this.#restoring !== undefined && !this.#restore(this.#restoring)) return;
    this.#rings.fromApply.drain(this.#onApply);
  }

  /** False stops the drain: what follows builds on a state that is not to be seen here yet. */
  readonly #onApply: MessageHandler = (type, bytes, view, offset, length) => {
    if (type === ApplyToMain.result) {
      this.#requests.onResult(bytes, view, offset, length);
    } else if (type === ApplyToMain.published) {
      this.#onPublished(readPublished(view, offset));
    } else if (type === ApplyToMain.checkpointed) {
      this.#hold.checkpointed(readCheckpointed(view, offset));
    } else if (type === ApplyToMain.restored) {
      return this.#restore(readPublished(view, offset));
    } else if (type === ApplyToMain.members) {
      const body = bytes.subarray(offset, offset + length);
      this.#members = MemberListResponse.decode(body).members;
    }
    return true;
  };

  readonly #onRaft: MessageHandler = (type, bytes, view, offset, length) => {
    if (type === RaftToMain.readConfirmed) {
      this.#reads.confirmed(readSubjectId(view, offset), readConfirmedIndex(view, offset));
    } else if (type === RaftToMain.readFailed) {
      this.counts.readIndexesFailed += 1;
      this.#reads.failed(readSubjectId(view, offset), readRefusalCode(view, offset));
    } else if (type === RaftToMain.refused) {
      const id = readSubjectId(view, offset);
      const hasFailed = this.#requests.refused(id, readRefusalCode(view, offset));
      if (hasFailed) this.counts.proposalsFailed += 1;
    } else if (type === RaftToMain.roleChanged) {
      this.#requests.observeLeader();
    } else if (type === RaftToMain.answered) {
      this.#requests.questions.answered(readAnswer(bytes, view, offset, length));
    } else if (type === RaftToMain.asked) {
      const question = readAsk(bytes, view, offset, length);
      this.#requests.questions.asked(question, () => this.#scheduleFlush());
    }
  };

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

  /**
   * A snapshot took the place of the store: nothing of the former delta is to be read any more. False: the base
   * does not show the snapshot on this thread yet.
   */
  #restore(state: Published): boolean {
    const previousRevision = this.view.revision;
    this.#restoring = this.view.restored(state) ? undefined : state;
    if (this.#restoring !== undefined) return false;
    this.#takeSegments();
    this.#hold.restored(state);
    this.#listener?.onRestored(previousRevision);
    this.#reads.applied();
    return true;
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
    this.counts.proposalsFailed += this.#requests.expire(before);
    this.#reads.expire(before, ErrorCode.timeout);
    // Compactions are not announced: a snapshot from before would keep their pages from being used again.
    // Refreshing also asks a base again that did not show a checkpoint yet.
    this.view.base.refresh();
    this.#hold.release();
  }
}
