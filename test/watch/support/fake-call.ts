import type {
  GrpcFailure,
  MessageBytes,
  StreamCall,
  StreamReceiver,
} from "../../../src/main/transport/method.js";
import { WatchRequest, WatchResponse } from "../../../src/shared/gen/etcdserverpb/rpc.js";

type Union = NonNullable<WatchRequest["requestUnion"]>;

/** A client at the other end of a Watch call, who takes messages when the test says so. */
export class FakeCall implements StreamCall {
  readonly path = "/etcdserverpb.Watch/Watch";
  readonly peer = "@";
  readonly deadlineMs = undefined;
  readonly windowBytes: number;
  cancelled = false;
  ended = false;
  failure: GrpcFailure | undefined;
  paused = false;
  /** The most that was ever buffered, and the largest single message. */
  bufferedBytesMax = 0;
  messageBytesMax = 0;
  bufferedBytes = 0;
  receiver: StreamReceiver | undefined;
  #overHighWater = false;
  /** By reference: a piece that is changed after the write is noticed when it is decoded. */
  #pending: MessageBytes[] = [];
  #held: Uint8Array[] = [];
  #drainListener: (() => void) | undefined;
  #cancelListener: (() => void) | undefined;

  constructor(windowBytes = Number.POSITIVE_INFINITY) {
    this.windowBytes = windowBytes;
  }

  metadata(): undefined {
    return undefined;
  }

  onCancel(listener: () => void): void {
    this.#cancelListener = listener;
  }

  onDrain(listener: () => void): void {
    this.#drainListener = listener;
  }

  write(message: MessageBytes): boolean {
    if (this.ended) return true;
    const bytes = lengthOf(message);
    this.messageBytesMax = Math.max(this.messageBytesMax, bytes);
    this.bufferedBytes += bytes;
    this.bufferedBytesMax = Math.max(this.bufferedBytesMax, this.bufferedBytes);
    this.#pending.push(message);
    if (this.bufferedBytes >= this.windowBytes) this.#overHighWater = true;
    return !this.#overHighWater;
  }

  end(failure?: GrpcFailure): void {
    this.ended = true;
    this.failure = failure;
  }

  abort(failure: GrpcFailure): void {
    this.failure = failure;
    this.cancel();
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
    for (const message of this.#held.splice(0)) this.#give(message);
  }

  /** The client goes away. */
  cancel(): void {
    if (this.ended) return;
    this.ended = true;
    this.cancelled = true;
    this.#pending = [];
    this.#cancelListener?.();
  }

  /** Sends a request, or holds it back as flow control does. */
  send(union: Union | undefined): void {
    this.#give(WatchRequest.encode({ requestUnion: union }).finish());
  }

  /** Sends bytes that need not be a request. */
  sendBytes(message: Uint8Array): void {
    this.#give(message);
  }

  /** Takes up to `count` messages out of the buffer. */
  take(count = Number.POSITIVE_INFINITY): WatchResponse[] {
    const taken = this.#pending.splice(0, count);
    for (const message of taken) this.bufferedBytes -= lengthOf(message);
    if (this.#overHighWater && this.bufferedBytes <= this.windowBytes / 2) {
      this.#overHighWater = false;
      if (!this.ended) this.#drainListener?.();
    }
    return taken.map((message) => WatchResponse.decode(joined(message)));
  }

  #give(message: Uint8Array): void {
    if (this.paused) this.#held.push(message);
    else if (!this.ended) this.receiver?.onMessage(message);
  }
}

function lengthOf(message: MessageBytes): number {
  return message instanceof Uint8Array
    ? message.length
    : message.reduce((sum, piece) => sum + piece.length, 0);
}

function joined(message: MessageBytes): Uint8Array {
  return message instanceof Uint8Array ? message : Buffer.concat(message);
}
