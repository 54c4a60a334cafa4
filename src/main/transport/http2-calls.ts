// Hot file: the three kinds of call.
import { assert } from "../../shared/assert.js";
import {
  SEND_BYTES_MAX,
  STREAM_HIGH_WATER_BYTES,
  STREAM_LOW_WATER_BYTES,
} from "../../shared/limits.js";
import { MESSAGE_PREFIX_BYTES } from "../http2/grpc/message-reader.js";
import { sendMessage } from "../http2/grpc/send-message.js";
import { NO_REQUEST, replyTooBig, STREAM_CUT_SHORT, UNARY_CUT_SHORT } from "./failure-text.js";
import { type CallParts, Http2Call, type Http2CallSettings } from "./http2-call.js";
import {
  type BidiMethod,
  type GrpcFailure,
  type MessageBytes,
  messageLength,
  type ServerStreamMethod,
  type StreamCall,
  type StreamReceiver,
  type UnaryCall,
  type UnaryMethod,
} from "./method.js";

/** A unary call. The handler runs on the first message; anything after it is ignored, as etcd does. */
export class UnaryHttp2Call extends Http2Call implements UnaryCall {
  readonly #method: UnaryMethod;
  #dispatched = false;
  #answered = false;
  #lingers = false;
  #threw = false;

  constructor(method: UnaryMethod, parts: CallParts, settings: Http2CallSettings) {
    super(parts, settings);
    this.#method = method;
  }

  override onData(bytes: Uint8Array, start: number, end: number): void {
    if (!this.#dispatched && !this.ended && this.isWholeMessage(bytes, start, end)) {
      this.receive(bytes.subarray(start + MESSAGE_PREFIX_BYTES, end));
    } else super.onData(bytes, start, end);
  }

  override onEnd(): void {
    // The usual case: the message has come, and nothing else was to come.
    if (!this.#dispatched) super.onEnd();
  }

  reply(message: MessageBytes): void {
    this.#answer();
    if (this.ended) return;
    const length = messageLength(message);
    if (length > SEND_BYTES_MAX) {
      this.finish(replyTooBig(length, SEND_BYTES_MAX), false);
      return;
    }
    this.settings.observer.sent(length);
    this.stream.sendHeaders(this.origin.answers.headers(), false);
    sendMessage(this.stream, message, length);
    this.finish(undefined, false);
  }

  fail(failure: GrpcFailure): void {
    this.#answer();
    if (!this.ended) this.finish(failure, false);
  }

  protected get isPaused(): boolean {
    return false;
  }

  protected get cutShort(): GrpcFailure {
    return UNARY_CUT_SHORT;
  }

  protected get isDeaf(): boolean {
    return this.#dispatched;
  }

  protected handle(message: Uint8Array): void {
    this.#dispatched = true;
    this.#method.handle(this, message);
  }

  protected override failOnBug(error: unknown): void {
    this.#threw = true;
    super.failOnBug(error);
  }

  protected halfClose(): void {
    if (!this.#dispatched) this.finish(NO_REQUEST, false);
  }

  // A call whose handler still works is work outstanding: it counts as open, whatever became of its stream.
  protected override abandoned(): void {
    if (!this.#dispatched || this.#answered || this.#threw) return;
    this.#lingers = true;
    this.stream.linger();
  }

  #answer(): void {
    assert(!this.#answered, "a unary call was answered twice", { path: this.path });
    this.#answered = true;
    if (this.#lingers) this.stream.settle();
  }
}

/** A call whose answers are a stream: what both kinds of streaming call share. */
abstract class StreamHttp2Call extends Http2Call implements StreamCall {
  #overHighWater = false;
  #drainListener: (() => void) | undefined;
  #paused = false;
  #endedByHandler = false;

  get bufferedBytes(): number {
    return this.stream.queuedBytes;
  }

  write(message: MessageBytes): boolean {
    assert(!this.#endedByHandler, "a message was written after the end", { path: this.path });
    if (this.ended) return true;
    const length = messageLength(message);
    if (length > SEND_BYTES_MAX) {
      this.finish(replyTooBig(length, SEND_BYTES_MAX), true);
      return true;
    }
    const { stream } = this;
    this.settings.observer.sent(length);
    if (!stream.headersSent) stream.sendHeaders(this.origin.answers.headers(), false);
    sendMessage(stream, message, length);
    if (stream.queuedBytes >= STREAM_HIGH_WATER_BYTES) this.#overHighWater = true;
    return !this.#overHighWater;
  }

  onDrain(listener: () => void): void {
    this.#drainListener = listener;
  }

  end(failure?: GrpcFailure): void {
    assert(!this.#endedByHandler, "a stream was ended twice", { path: this.path });
    this.#endedByHandler = true;
    if (!this.ended) this.finish(failure, false);
  }

  abort(failure: GrpcFailure): void {
    if (!this.ended) this.finish(failure, true);
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    if (!this.ended) this.readMessages();
  }

  override onSent(): void {
    if (!this.#overHighWater || this.bufferedBytes > STREAM_LOW_WATER_BYTES) return;
    this.#overHighWater = false;
    if (this.ended) return;
    try {
      this.#drainListener?.();
    } catch (error) {
      this.failOnBug(error);
    }
  }

  protected get isPaused(): boolean {
    return this.#paused;
  }

  protected get cutShort(): GrpcFailure {
    return STREAM_CUT_SHORT;
  }
}

/** One request, a stream of answers. */
export class ServerStreamHttp2Call extends StreamHttp2Call {
  readonly #method: ServerStreamMethod;
  #dispatched = false;

  constructor(method: ServerStreamMethod, parts: CallParts, settings: Http2CallSettings) {
    super(parts, settings);
    this.#method = method;
  }

  protected get isDeaf(): boolean {
    return this.#dispatched;
  }

  protected handle(message: Uint8Array): void {
    this.#dispatched = true;
    this.#method.handle(this, message);
  }

  protected halfClose(): void {
    if (!this.#dispatched) this.finish(NO_REQUEST, false);
  }
}

/** Streams both ways. */
export class BidiHttp2Call extends StreamHttp2Call {
  readonly #method: BidiMethod;
  #receiver: StreamReceiver | undefined;

  constructor(method: BidiMethod, parts: CallParts, settings: Http2CallSettings) {
    super(parts, settings);
    this.#method = method;
  }

  /** Runs the handler; the call must be known to its stream. */
  begin(): void {
    try {
      this.#receiver = this.#method.handle(this);
    } catch (error) {
      this.failOnBug(error);
    }
  }

  protected get isDeaf(): boolean {
    return false;
  }

  protected handle(message: Uint8Array): void {
    this.#receiver?.onMessage(message);
  }

  protected halfClose(): void {
    try {
      this.#receiver?.onHalfClose();
    } catch (error) {
      this.failOnBug(error);
    }
  }
}
