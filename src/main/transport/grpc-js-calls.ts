// Hot file: the three kinds of call.
import type { ServerInterceptingCallInterface } from "@grpc/grpc-js";
import { assert } from "../../shared/assert.js";
import {
  SEND_BYTES_MAX,
  STREAM_HIGH_WATER_BYTES,
  STREAM_LOW_WATER_BYTES,
} from "../../shared/limits.js";
import { NO_REQUEST, replyTooBig } from "./failure-text.js";
import { type CallSettings, GrpcJsCall } from "./grpc-js-call.js";
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
export class UnaryGrpcJsCall extends GrpcJsCall implements UnaryCall {
  readonly #method: UnaryMethod;
  #dispatched = false;
  #answered = false;

  constructor(method: UnaryMethod, base: ServerInterceptingCallInterface, settings: CallSettings) {
    super(method.path, base, settings);
    this.#method = method;
  }

  protected started(): void {
    this.base.startRead();
  }

  receive(message: Buffer): void {
    if (this.#dispatched) return;
    this.#dispatched = true;
    this.settings.observer.received(message.length);
    try {
      this.#method.handle(this, message);
    } catch (error) {
      this.failOnBug(error);
    }
  }

  halfClose(): void {
    if (!this.#dispatched) this.finish(NO_REQUEST, false);
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
    this.base.sendMessage(message, ignore);
    this.finish(undefined, false);
  }

  fail(failure: GrpcFailure): void {
    this.#answer();
    if (!this.ended) this.finish(failure, false);
  }

  #answer(): void {
    assert(!this.#answered, "a unary call was answered twice", { path: this.path });
    this.#answered = true;
  }
}

/** A call whose answers are a stream: what both kinds of streaming call share. */
abstract class StreamGrpcJsCall extends GrpcJsCall implements StreamCall {
  #bufferedBytes = 0;
  #overHighWater = false;
  #drainListener: (() => void) | undefined;
  #paused = false;
  #readWanted = false;
  #reading = false;
  #endedByHandler = false;

  get bufferedBytes(): number {
    return this.#bufferedBytes;
  }

  write(message: MessageBytes): boolean {
    assert(!this.#endedByHandler, "a message was written after the end", { path: this.path });
    if (this.ended) return true;
    const length = messageLength(message);
    if (length > SEND_BYTES_MAX) {
      this.finish(replyTooBig(length, SEND_BYTES_MAX), true);
      return true;
    }
    this.settings.observer.sent(length);
    this.#bufferedBytes += length;
    if (this.#bufferedBytes >= STREAM_HIGH_WATER_BYTES) this.#overHighWater = true;
    this.base.sendMessage(message, () => this.#sent(length));
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
    this.#read();
  }

  /** Asks for the next message, unless the handler has paused. */
  protected readNext(): void {
    this.#readWanted = true;
    this.#read();
  }

  // grpc-js may deliver from inside startRead, thousands of small messages deep: a loop, not a recursion.
  #read(): void {
    if (this.#reading) return;
    this.#reading = true;
    while (this.#readWanted && !this.#paused && !this.ended) {
      this.#readWanted = false;
      this.base.startRead();
    }
    this.#reading = false;
  }

  #sent(length: number): void {
    this.#bufferedBytes -= length;
    if (!this.#overHighWater || this.#bufferedBytes > STREAM_LOW_WATER_BYTES) return;
    this.#overHighWater = false;
    if (this.ended) return;
    try {
      this.#drainListener?.();
    } catch (error) {
      this.failOnBug(error);
    }
  }
}

/** One request, a stream of answers. */
export class ServerStreamGrpcJsCall extends StreamGrpcJsCall {
  readonly #method: ServerStreamMethod;
  #dispatched = false;

  constructor(
    method: ServerStreamMethod,
    base: ServerInterceptingCallInterface,
    settings: CallSettings,
  ) {
    super(method.path, base, settings);
    this.#method = method;
  }

  protected started(): void {
    this.readNext();
  }

  receive(message: Buffer): void {
    if (this.#dispatched) return;
    this.#dispatched = true;
    this.settings.observer.received(message.length);
    try {
      this.#method.handle(this, message);
    } catch (error) {
      this.failOnBug(error);
    }
  }

  halfClose(): void {
    if (!this.#dispatched) this.finish(NO_REQUEST, false);
  }
}

/** Streams both ways. */
export class BidiGrpcJsCall extends StreamGrpcJsCall {
  readonly #method: BidiMethod;
  #receiver: StreamReceiver | undefined;

  constructor(method: BidiMethod, base: ServerInterceptingCallInterface, settings: CallSettings) {
    super(method.path, base, settings);
    this.#method = method;
  }

  protected started(): void {
    try {
      this.#receiver = this.#method.handle(this);
    } catch (error) {
      this.failOnBug(error);
      return;
    }
    this.readNext();
  }

  receive(message: Buffer): void {
    this.settings.observer.received(message.length);
    try {
      this.#receiver?.onMessage(message);
    } catch (error) {
      this.failOnBug(error);
      return;
    }
    this.readNext();
  }

  halfClose(): void {
    try {
      this.#receiver?.onHalfClose();
    } catch (error) {
      this.failOnBug(error);
    }
  }
}

function ignore(): void {}
