// Hot file: one of these per call.
import type { ConnectionSender } from "./connection-sender.js";
import { Http2Code } from "./error-code.js";
import type { OutputQueue } from "./output-queue.js";
import { SendQueue } from "./send-queue.js";

/** Who takes what a stream receives. Nothing is called after `onReset`, nor once the answer has ended. */
export interface StreamConsumer {
  /** Payload from `start` to `end`: a view that stays right, of memory that may be much larger. */
  onData(bytes: Uint8Array, start: number, end: number): void;
  /** The peer has ended its side. */
  onEnd(): void;
  /** The stream is gone: reset by the peer or by this side for the peer's fault, or its connection is. */
  onReset(): void;
  /** Some of what was queued has been sent. */
  onSent(): void;
}

/** Trailers that are encoded when they are sent, in their place in the order of header blocks. */
export interface Trailers {
  /** The encoded block, valid until the next block is encoded. */
  block(): Uint8Array;
}

/** What a stream asks of its connection. */
export interface StreamConnection {
  readonly sender: ConnectionSender;
  /** Sends the last header block of an answer. */
  endAnswer(stream: ServerStream, block: Uint8Array): void;
  replenish(stream: ServerStream, wantedBytes: number): void;
  resetStream(stream: ServerStream, code: Http2Code): void;
  /** Counts bytes that are kept; false when they are too many. */
  hold(bytes: number): boolean;
  linger(delta: 1 | -1): void;
}

/**
 * One stream of a server (RFC 9113 section 5.1), from its request headers to its end. What it received goes
 * to its consumer; the answer is sent with headers, data in any number of pieces, and trailers.
 */
export class ServerStream {
  readonly id: number;
  readonly #connection: StreamConnection;
  consumer: StreamConsumer | undefined;

  /** Bytes that the peer lets this stream send; below zero after its SETTINGS made windows smaller. */
  sendWindow = 0;
  /** Bytes that the peer may still send. */
  receiveWindow = 0;
  /** What content-length said, or -1; counted down by data. */
  bytesExpected = -1;

  remoteEnded = false;
  headersSent = false;
  /** END_STREAM went out, or the stream was reset: nothing is sent any more. */
  isClosed = false;

  isScheduled = false;
  nextScheduled: ServerStream | undefined;

  #queue: SendQueue | undefined;
  #trailers: Trailers | undefined;
  #heldBytes = 0;

  constructor(id: number, connection: StreamConnection) {
    this.id = id;
    this.#connection = connection;
  }

  /** Bytes that wait for flow control. */
  get queuedBytes(): number {
    return this.#queue === undefined ? 0 : this.#queue.bytes;
  }

  /** The queue, for the connection to send from. */
  get queue(): SendQueue | undefined {
    return this.#queue;
  }

  /** What ends the answer once the queue is empty. */
  get trailers(): Trailers | undefined {
    return this.#trailers;
  }

  /** Whether so many bytes can go out at once, before anything else of this stream. */
  canSend(bytes: number): boolean {
    const { sender } = this.#connection;
    if (this.isClosed) return false;
    return this.queuedBytes === 0 && bytes <= this.sendWindow && bytes <= sender.directBytes;
  }

  /** Begins a DATA frame of as many bytes as `canSend` allowed: the caller appends them to the output. */
  beginData(bytes: number): OutputQueue {
    this.sendWindow -= bytes;
    return this.#connection.sender.beginData(this, bytes);
  }

  /** Queues bytes, which nobody changes until they are sent. `schedule` follows when all pieces are there. */
  push(piece: Uint8Array): void {
    if (this.isClosed || piece.length === 0) return;
    this.#queue ??= new SendQueue();
    this.#connection.sender.queued(piece.length, this.#queue.bytes === 0);
    this.#queue.push(piece);
  }

  /** Sends what is queued when it is this stream's turn. */
  schedule(): void {
    if (!this.isClosed) this.#connection.sender.schedule(this);
  }

  /** Sends the headers of the answer; with `endStream` they are all of it. */
  sendHeaders(block: Uint8Array, endStream: boolean): void {
    if (this.isClosed) return;
    this.headersSent = true;
    if (endStream) this.#connection.endAnswer(this, block);
    else this.#connection.sender.writeHeaders(this.id, block, false);
  }

  /** Ends the answer: the trailers go out behind what is queued. */
  finish(trailers: Trailers): void {
    if (this.isClosed) return;
    if (this.queuedBytes === 0) this.#connection.endAnswer(this, trailers.block());
    else this.#trailers = trailers;
  }

  /** Ends the stream with RST_STREAM; the consumer is not told. */
  reset(code: Http2Code): void {
    if (!this.isClosed) this.#connection.resetStream(this, code);
  }

  /** Lets the peer send `wantedBytes` more, or a window's worth if that is more. */
  replenish(wantedBytes: number): void {
    if (!this.isClosed && !this.remoteEnded) this.#connection.replenish(this, wantedBytes);
  }

  /** Says how many received bytes the consumer keeps. False: the connection keeps too many. */
  hold(bytes: number): boolean {
    const delta = bytes - this.#heldBytes;
    this.#heldBytes = bytes;
    return delta === 0 || this.#connection.hold(delta);
  }

  /** Counts the call as open although its stream is gone: its handler still works. Until `settle`. */
  linger(): void {
    this.#connection.linger(1);
  }

  /** The handler of a call that lingered is done. */
  settle(): void {
    this.#connection.linger(-1);
  }

  /**
   * For the connection: counts a DATA frame, `payloadBytes` with its padding, against the window and the
   * content-length (RFC 9113 sections 6.9.1 and 8.1.1). Gives the error when it breaks a rule.
   */
  takeData(payloadBytes: number, dataBytes: number, isLast: boolean): Http2Code | undefined {
    if (this.remoteEnded) return Http2Code.STREAM_CLOSED;
    this.receiveWindow -= payloadBytes;
    if (this.receiveWindow < 0) return Http2Code.FLOW_CONTROL_ERROR;
    if (this.bytesExpected >= 0) {
      this.bytesExpected -= dataBytes;
      const isWrong = isLast ? this.bytesExpected !== 0 : this.bytesExpected < 0;
      if (isWrong) return Http2Code.PROTOCOL_ERROR;
    }
    // Before the consumer answers, so that an answer to a whole request ends the stream for both sides.
    this.remoteEnded = isLast;
    return undefined;
  }

  /** For the connection: nothing is sent or kept any more. */
  close(): void {
    this.isClosed = true;
    // What it leaves makes room for others.
    if (this.queuedBytes > 0) this.#connection.sender.unqueue(this.queuedBytes);
    this.#queue = undefined;
    this.#trailers = undefined;
    this.hold(0);
  }
}
