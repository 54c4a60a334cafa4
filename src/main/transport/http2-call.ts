// Hot file: one of these per call.
import { type ErrorFacts, GrpcStatus } from "../../shared/errors.js";
import { readUint32 } from "../http2/frame-reader.js";
import type { AnswerHeaders } from "../http2/grpc/answer-headers.js";
import type { HeadMemo } from "../http2/grpc/head-memo.js";
import { MESSAGE_PREFIX_BYTES, MessageReader } from "../http2/grpc/message-reader.js";
import type { RequestHead } from "../http2/grpc/request-head.js";
import type { ServerStream, StreamConsumer } from "../http2/server-stream.js";
import type { MethodObserver } from "./call-observer.js";
import { Expiring } from "./deadline-wheel.js";
import { DEADLINE_EXCEEDED, INTERNAL_ERROR, requestTooBig, TOO_MUCH_HELD } from "./failure-text.js";
import type { Http2Deadlines } from "./http2-deadlines.js";
import { inflate } from "./http2-inflate.js";
import type { CallContext } from "./method.js";

/** What the calls of one method share. */
export interface Http2CallSettings {
  readonly observer: MethodObserver;
  readonly receiveBytesMax: number;
  readonly deadlines: Http2Deadlines;
  readonly onBug: (error: unknown, path: string) => void;
}

/** What the calls of one connection share. */
export interface CallOrigin {
  /** The client's address. */
  readonly peer: string;
  readonly answers: AnswerHeaders;
  readonly heads: HeadMemo;
  /** Whether so many answers wait for the client that a new request has to wait too; it is called when not. */
  holdsBack(call: Http2Call): boolean;
  /** The call has ended: it waits no more. */
  forget(call: Http2Call): void;
}

/** What a call is made of. */
export interface CallParts {
  readonly stream: ServerStream;
  readonly head: RequestHead;
  readonly origin: CallOrigin;
}

/** One call on a stream of the own HTTP/2 engine: takes messages off the data, and ends once. */
export abstract class Http2Call extends Expiring implements CallContext, StreamConsumer {
  readonly path: string;
  readonly deadlineMs: number | undefined;
  protected readonly stream: ServerStream;
  protected readonly origin: CallOrigin;
  protected readonly settings: Http2CallSettings;
  readonly #head: RequestHead;
  readonly #startedMs = performance.now();
  #reader: MessageReader | undefined;
  #isReading = false;
  #hasHalfClosed = false;
  #cancelled = false;
  #ended = false;
  #cancelListener: (() => void) | undefined;

  constructor({ stream, head, origin }: CallParts, settings: Http2CallSettings) {
    super();
    this.path = head.path;
    this.stream = stream;
    this.origin = origin;
    this.settings = settings;
    this.#head = head;
    const { timeoutMs } = head;
    this.deadlineMs = timeoutMs === undefined ? undefined : Date.now() + timeoutMs;
    settings.observer.started();
    if (timeoutMs !== undefined) settings.deadlines.add(this, this.#startedMs + timeoutMs);
  }

  get peer(): string {
    return this.origin.peer;
  }

  get cancelled(): boolean {
    return this.#cancelled;
  }

  get ended(): boolean {
    return this.#ended;
  }

  metadata(key: string): string | undefined {
    return this.#head.metadata(key);
  }

  onCancel(listener: () => void): void {
    if (this.#cancelled) listener();
    else this.#cancelListener = listener;
  }

  /** Its deadline has passed. */
  expire(): void {
    if (!this.#ended) this.finish(DEADLINE_EXCEEDED, true);
  }

  onData(bytes: Uint8Array, start: number, end: number): void {
    if (this.#ended || this.isDeaf) return;
    this.#reader ??= new MessageReader(this.settings.receiveBytesMax);
    this.#reader.feed(bytes, start, end);
    this.readMessages();
  }

  onEnd(): void {
    this.readMessages();
  }

  onReset(): void {
    if (!this.#ended) this.#over(GrpcStatus.CANCELLED, true);
  }

  onSent(): void {}

  /** Messages wait until this turns false. */
  protected abstract readonly isPaused: boolean;
  /** What still comes is of no interest. */
  protected abstract readonly isDeaf: boolean;
  /** The failure when the client ends its side in the middle of a message. */
  protected abstract readonly cutShort: ErrorFacts;
  /** Gives a request message to the method. What it throws is a bug of ours. */
  protected abstract handle(message: Uint8Array): void;
  /** The client has sent its last message. */
  protected abstract halfClose(): void;

  /** A request message has come. */
  protected receive(message: Uint8Array): void {
    this.settings.observer.received(message.length);
    try {
      this.handle(message);
    } catch (error) {
      this.failOnBug(error);
    }
  }

  /** Whether the one message of a call is all that these bytes are: the usual case. */
  protected isWholeMessage(bytes: Uint8Array, start: number, end: number): boolean {
    const length = end - start - MESSAGE_PREFIX_BYTES;
    return (
      this.#reader === undefined &&
      length >= 0 &&
      length <= this.settings.receiveBytesMax &&
      bytes[start] === 0 &&
      readUint32(bytes, start + 1) === length &&
      !this.origin.holdsBack(this)
    );
  }

  /** Hands over the messages that are there, and what comes after the last. */
  readMessages(): void {
    // A handler may resume from inside a message.
    if (this.#isReading) return;
    this.#isReading = true;
    const reader = this.#reader;
    while (!this.#isStopped && reader?.next()) this.#deliver(reader);
    this.#isReading = false;
    if (this.#ended) reader?.drop();
    else if (reader !== undefined && reader.oversizeBytes > 0) {
      this.finish(requestTooBig(reader.oversizeBytes, this.settings.receiveBytesMax), true);
    } else this.#settle(reader);
  }

  /** Ends the call after what has been written; `cancel` tells the handler that nobody listens any more. */
  protected finish(failure: ErrorFacts | undefined, cancel: boolean): void {
    const { stream } = this;
    const { answers } = this.origin;
    if (!stream.headersSent) stream.sendHeaders(answers.trailersOnly(failure), true);
    else stream.finish(failure === undefined ? answers.ok : answers.failed(failure));
    this.#over(failure?.status ?? GrpcStatus.OK, cancel);
  }

  /** Ends the call because of what a handler threw: a bug of ours. */
  protected failOnBug(error: unknown): void {
    if (!this.#ended) this.finish(INTERNAL_ERROR, true);
    this.settings.onBug(error, this.path);
  }

  get #isStopped(): boolean {
    return this.#ended || this.isDeaf || this.#waits;
  }

  /** Paused, or held back until the client has taken answers. */
  get #waits(): boolean {
    return this.isPaused || this.origin.holdsBack(this);
  }

  #deliver(reader: MessageReader): void {
    if (reader.flag === 0) {
      this.receive(reader.message);
      return;
    }
    const { encoding } = this.#head;
    const { receiveBytesMax } = this.settings;
    const inflated = inflate(reader.message, { flag: reader.flag, encoding, receiveBytesMax });
    if (inflated instanceof Uint8Array) this.receive(inflated);
    else this.finish(inflated, true);
  }

  /** Keeps what is left of the data, lets the client send more, and sees whether it was all. */
  #settle(reader: MessageReader | undefined): void {
    const { stream } = this;
    if (reader !== undefined) {
      if (this.isDeaf) reader.drop();
      else reader.keep();
      if (!stream.hold(reader.keptBytes)) {
        this.finish(TOO_MUCH_HELD, true);
        return;
      }
    }
    if (this.#hasHalfClosed || this.#waits) return;
    if (reader !== undefined) stream.replenish(reader.missingBytes);
    if (!stream.remoteEnded) return;
    this.#hasHalfClosed = true;
    // Less than a prefix counts as nothing, as in grpc-go.
    if (reader !== undefined && reader.missingBytes > 0) this.finish(this.cutShort, true);
    else this.halfClose();
  }

  #over(status: GrpcStatus, cancel: boolean): void {
    this.#ended = true;
    const { observer, deadlines, onBug } = this.settings;
    deadlines.remove(this);
    if (this.#reader !== undefined) {
      this.#reader.drop();
      this.stream.hold(0);
    }
    this.origin.forget(this);
    observer.handled(status, performance.now() - this.#startedMs);
    if (!cancel) return;
    this.#cancelled = true;
    this.abandoned();
    const listener = this.#cancelListener;
    this.#cancelListener = undefined;
    try {
      listener?.();
    } catch (error) {
      onBug(error, this.path);
    }
  }

  /** The call was ended over its handler's head. */
  protected abandoned(): void {}
}
