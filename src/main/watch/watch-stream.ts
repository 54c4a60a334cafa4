import { type WatchCreateRequest, WatchRequest } from "../../shared/gen/etcdserverpb/rpc.js";
import { decodeRequest } from "../services/context.js";
import type { GrpcFailure, MessageBytes, StreamCall, StreamReceiver } from "../transport/method.js";
import type { EventBatch } from "./event-batch.js";
import { createRefusal, DUPLICATE_ID, watcherOptions } from "./watch-request.js";
import { type WatchResponses, watchIdField } from "./watch-response.js";
import { type Outlet, Watcher } from "./watcher.js";

/** What a stream needs of its hub. */
export interface StreamHost {
  readonly responses: WatchResponses;
  /** Encoded size from which a response is sent in fragments to those who asked for it (W-45). */
  readonly fragmentBytes: number;
  /** Newest revision of the store. */
  readonly revision: number;
  /** A watcher was created. */
  admit(watcher: Watcher): void;
  /** A watcher is no more. */
  dismiss(watcher: Watcher): void;
  /** The client asked for progress. */
  requestProgress(stream: WatchStream): void;
  /** Bytes and events were written. */
  wrote(bytes: number, events: number): void;
  /** The client has taken what was buffered: `unblock` is wanted in the next turn. */
  drained(stream: WatchStream): void;
  /** The call is over. */
  closed(stream: WatchStream): void;
}

/**
 * Answers that may be written to a stream whose client does not read before its requests wait too, so that
 * memory stays bounded; a few, so that a client that cancels instead of reading is heard.
 */
const BLOCKED_ANSWERS_MAX = 64;

/**
 * One Watch call: its watchers by id, and what is written to it. Answers to requests are written at once, in
 * order (W-01), so `created` is always before a watcher's first event (W-03).
 */
export class WatchStream implements StreamReceiver, Outlet {
  /** When the next progress tick is due, and how far apart they are (W-50). Kept by the ticker. */
  nextTickMs = 0;
  tickPeriodMs = 0;
  /** Progress answers that the hub owes this stream. */
  progressOwed = 0;
  readonly #host: StreamHost;
  readonly #call: StreamCall;
  readonly #watchers = new Map<bigint, Watcher>();
  readonly #parked = new Set<Watcher>();
  #nextAutoId = 0n;
  #blocked = false;
  #answersWhileBlocked = 0;
  #paused = false;
  #closed = false;

  constructor(host: StreamHost, call: StreamCall) {
    this.#host = host;
    this.#call = call;
    call.onDrain(() => {
      if (!this.#closed) host.drained(this);
    });
    call.onCancel(() => this.#close());
  }

  get blocked(): boolean {
    return this.#blocked;
  }

  get closed(): boolean {
    return this.#closed;
  }

  onMessage(message: Uint8Array): void {
    if (this.#closed) return;
    const ending = { fail: (failure: GrpcFailure) => this.end(failure) };
    const request = decodeRequest(ending, WatchRequest, message)?.requestUnion;
    if (request === undefined) return;
    if (request.$case === "createRequest") this.#create(request.value);
    else if (request.$case === "cancelRequest") this.#cancel(request.value.watchId);
    else this.#host.requestProgress(this);
  }

  /** The client may send nothing more and still listen (W-15). */
  onHalfClose(): void {}

  /** Ends the call. */
  end(failure: GrpcFailure): void {
    if (this.#closed) return;
    this.#close();
    this.#call.end(failure);
  }

  sendEvents(watcher: Watcher, revision: number, batch: EventBatch): void {
    if (this.#closed) return;
    watcher.idle = false;
    const before = this.#host.responses.beforeEvents(revision, watcher.idField);
    const bytes = before.length + batch.bytes;
    if (watcher.options.fragment && bytes >= this.#host.fragmentBytes && batch.count > 1) {
      this.#sendFragments(watcher, revision, batch);
    } else {
      this.#write([before, batch.joined]);
    }
    this.#host.wrote(bytes, batch.count);
  }

  sendCompacted(watcher: Watcher, compactRevision: number): void {
    this.#answer(this.#host.responses.compacted(compactRevision, watcher.idField));
  }

  park(watcher: Watcher): void {
    this.#parked.add(watcher);
  }

  /** Goes on after a drain; gives the watchers that have waited for it. */
  unblock(): Watcher[] {
    if (this.#closed) return [];
    this.#blocked = false;
    this.#answersWhileBlocked = 0;
    const parked = [...this.#parked];
    this.#parked.clear();
    if (this.#paused) {
      this.#paused = false;
      this.#call.resume();
    }
    return parked;
  }

  /** Whether there are watchers and all are live and within their start revisions at `revision` (W-52, W-53). */
  isSynced(revision: number): boolean {
    for (const { state, options } of this.#watchers.values()) {
      if (state !== "live" || options.startRevision > revision) return false;
    }
    return this.#watchers.size > 0;
  }

  /** The newest revision that some watcher has been sent everything of, apart from what live delivery covers. */
  get sentRevision(): number {
    let sent = 0;
    for (const { options, nextRevision } of this.#watchers.values()) {
      if (options.startRevision < nextRevision) sent = Math.max(sent, nextRevision - 1);
    }
    return sent;
  }

  /** Progress of the whole stream. */
  sendProgress(revision: number): void {
    this.#answer(this.#host.responses.progress(revision));
  }

  /**
   * A progress tick (W-50): live watchers that were sent everything up to `delivered` hear of it, unless they
   * had events since the last tick.
   */
  tick(delivered: number): void {
    const { responses, revision } = this.#host;
    for (const watcher of this.#watchers.values()) {
      const { options, idle, nextRevision } = watcher;
      watcher.idle = true;
      // Who does not read gets no more to read: ticks have no end.
      if (!options.progressNotify || !idle || this.#blocked || watcher.state !== "live") continue;
      if (revision < options.startRevision) continue;
      // Never below an event that was sent, which the client would take for a step back.
      const sent = Math.max(delivered, nextRevision - 1);
      if (sent < options.startRevision) continue;
      const message = responses.progress(sent, watcher.idField);
      this.#write(message);
      this.#host.wrote(message.length, 0);
    }
  }

  #create(request: WatchCreateRequest): void {
    const { responses, revision } = this.#host;
    const taken = request.watchId !== 0n && this.#watchers.has(request.watchId);
    const reason = createRefusal(request) ?? (taken ? DUPLICATE_ID : undefined);
    if (reason !== undefined) return this.#answer(responses.refused(revision, reason));
    const id = request.watchId === 0n ? this.#takeAutoId() : request.watchId;
    const options = watcherOptions(request, this, id);
    const start = options.startRevision === 0 ? revision + 1 : options.startRevision;
    const watcher = new Watcher(options, start);
    this.#answer(responses.created(revision, watcher.idField));
    if (this.#closed) return;
    this.#watchers.set(id, watcher);
    this.#host.admit(watcher);
  }

  #cancel(id: bigint): void {
    const watcher = this.#watchers.get(id);
    // An unknown id gets no answer at all (W-13).
    if (watcher === undefined) return;
    this.#watchers.delete(id);
    this.#parked.delete(watcher);
    this.#host.dismiss(watcher);
    const { responses, revision } = this.#host;
    this.#answer(responses.canceled(revision, watchIdField(id)));
  }

  /** W-04: ascending, never the same one twice, passing over those in use. */
  #takeAutoId(): bigint {
    while (this.#watchers.has(this.#nextAutoId)) this.#nextAutoId += 1n;
    const id = this.#nextAutoId;
    this.#nextAutoId += 1n;
    return id;
  }

  /** All fragments but the last say so, each below the limit unless a single event is not (W-45). */
  #sendFragments(watcher: Watcher, revision: number, batch: EventBatch): void {
    const { responses, fragmentBytes } = this.#host;
    const before = responses.beforeEvents(revision, watcher.idField, true);
    const { pieces } = batch;
    let message: Uint8Array[] = [before];
    let bytes = before.length;
    for (const piece of pieces) {
      if (message.length > 1 && bytes + piece.length >= fragmentBytes) {
        this.#write(message);
        message = [before];
        bytes = before.length;
      }
      message.push(piece);
      bytes += piece.length;
    }
    message[0] = responses.beforeEvents(revision, watcher.idField);
    this.#write(message);
  }

  /** Writes the answer to a request, or another message that is not events. */
  #answer(message: Buffer): void {
    this.#write(message);
    this.#host.wrote(message.length, 0);
    if (!this.#blocked || this.#closed) return;
    this.#answersWhileBlocked += 1;
    if (this.#answersWhileBlocked < BLOCKED_ANSWERS_MAX || this.#paused) return;
    this.#paused = true;
    this.#call.pause();
  }

  #write(message: MessageBytes): void {
    // A write may find the call over, and close this stream in the middle of a response.
    if (this.#closed) return;
    if (!this.#call.write(message)) this.#blocked = true;
  }

  #close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const watcher of this.#watchers.values()) this.#host.dismiss(watcher);
    this.#watchers.clear();
    this.#parked.clear();
    this.#host.closed(this);
  }
}
