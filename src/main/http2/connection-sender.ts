// Hot file: what goes out, in which order, and how much of it.
import { ConnectionError, Http2Code } from "./error-code.js";
import {
  FRAME_PAYLOAD_BYTES_DEFAULT,
  WINDOW_BYTES_DEFAULT,
  WINDOW_BYTES_MAX,
} from "./frame-format.js";
import {
  type GoawayReason,
  writeDataHead,
  writeGoaway,
  writeHeaders,
  writePing,
  writeRstStream,
  writeSettingsAck,
  writeWindowUpdate,
} from "./frame-writer.js";
import { OutputQueue } from "./output-queue.js";
import { SendScheduler } from "./send-scheduler.js";
import type { ServerStream } from "./server-stream.js";

/** What the sender tells its connection. */
export interface SenderOwner {
  /** There is output, or something to move into it. */
  wake(): void;
  /** A stream's queue is empty and its trailers are due. */
  endAnswer(stream: ServerStream, block: Uint8Array): void;
  /** A frame of data has been sent. */
  dataSent(): void;
}

/**
 * The sending half of a connection: control frames and small answers go straight into the output, queued data
 * by the scheduler's turn, as the windows and a turn's worth of output allow.
 */
export class ConnectionSender {
  readonly output = new OutputQueue();
  readonly #owner: SenderOwner;
  readonly #turnBytes: number;
  readonly #scheduler = new SendScheduler();
  /** Bytes that the peer lets all streams together send. */
  #windowBytes = WINDOW_BYTES_DEFAULT;
  /** The peer's SETTINGS_MAX_FRAME_SIZE. */
  frameBytesMax = FRAME_PAYLOAD_BYTES_DEFAULT;
  /** Headers or data went out since this was last set to false. */
  hasAnswered = false;
  /** Bytes in the queues of all streams. */
  queuedBytes = 0;
  /** Streams whose queue is not empty. */
  queuedStreams = 0;

  /** `turnBytes`: output of one turn, beyond which data waits. */
  constructor(turnBytes: number, owner: SenderOwner) {
    this.#turnBytes = turnBytes;
    this.#owner = owner;
  }

  /** Whether `pump` could move data into the output. */
  get canPump(): boolean {
    return this.#windowBytes > 0 && !this.#scheduler.isEmpty;
  }

  /** Bytes of the largest DATA frame that may go out before everything that is queued. */
  get directBytes(): number {
    // While others wait for their turn, what goes past them leaves half of each turn to them.
    const turnBytes = this.#scheduler.isEmpty ? this.#turnBytes : this.#turnBytes / 2;
    const room = turnBytes - this.output.length;
    return Math.min(room, this.#windowBytes, FRAME_PAYLOAD_BYTES_DEFAULT);
  }

  /** Moves data into the output, one frame of each stream in turn, until a turn's worth is there. */
  pump(): void {
    while (this.#windowBytes > 0 && this.output.length < this.#turnBytes) {
      const stream = this.#scheduler.take();
      if (stream === undefined) return;
      this.#sendFrame(stream);
    }
  }

  /** Begins a DATA frame of at most `directBytes`; its payload is appended to what this gives. */
  beginData(stream: ServerStream, bytes: number): OutputQueue {
    this.#windowBytes -= bytes;
    writeDataHead(this.output.sink, stream.id, bytes, false);
    this.#noteAnswer();
    this.#owner.dataSent();
    return this.output;
  }

  /** A header block of a stream. */
  writeHeaders(streamId: number, block: Uint8Array, endStream: boolean): void {
    const { frameBytesMax } = this;
    writeHeaders(this.output.sink, block, { streamId, endStream, frameBytesMax });
    this.#noteAnswer();
  }

  /** Puts a stream in line, if it has something to send and may. */
  schedule(stream: ServerStream): void {
    const { queuedBytes, sendWindow } = stream;
    if (queuedBytes === 0 || sendWindow <= 0) return;
    this.#scheduler.add(stream, queuedBytes <= FRAME_PAYLOAD_BYTES_DEFAULT);
    this.#owner.wake();
  }

  /** Bytes have been put into the queue of a stream, which was empty or not. */
  queued(bytes: number, wasEmpty: boolean): void {
    this.queuedBytes += bytes;
    if (wasEmpty) this.queuedStreams += 1;
  }

  /** Queued bytes of a stream that is gone will not be sent. */
  unqueue(bytes: number): void {
    this.queuedBytes -= bytes;
    this.queuedStreams -= 1;
    this.#owner.wake();
  }

  /** The peer lets the connection send more. Throws ConnectionError beyond 2^31 - 1. */
  widen(increment: number): void {
    this.#windowBytes += increment;
    if (this.#windowBytes > WINDOW_BYTES_MAX) {
      throw new ConnectionError(Http2Code.FLOW_CONTROL_ERROR, "a window beyond 2^31 - 1");
    }
    if (!this.#scheduler.isEmpty) this.#owner.wake();
  }

  /** RST_STREAM. */
  reset(streamId: number, code: Http2Code): void {
    writeRstStream(this.output.sink, streamId, code);
    this.#owner.wake();
  }

  /** WINDOW_UPDATE of a stream, or of the connection (0). */
  windowUpdate(streamId: number, increment: number): void {
    writeWindowUpdate(this.output.sink, streamId, increment);
    this.#owner.wake();
  }

  /** PING, or the answer to one. */
  ping(payload: Uint8Array, acknowledges: boolean): void {
    writePing(this.output.sink, payload, acknowledges);
    this.#owner.wake();
  }

  /** The acknowledgement of the peer's SETTINGS. */
  acknowledgeSettings(): void {
    writeSettingsAck(this.output.sink);
    this.#owner.wake();
  }

  /** GOAWAY. */
  goaway(reason: GoawayReason): void {
    writeGoaway(this.output.sink, reason);
    this.#owner.wake();
  }

  #noteAnswer(): void {
    this.hasAnswered = true;
    this.#owner.wake();
  }

  #sendFrame(stream: ServerStream): void {
    const { queue } = stream;
    if (queue === undefined || stream.sendWindow <= 0) return;
    const bytes = Math.min(
      queue.bytes,
      stream.sendWindow,
      this.#windowBytes,
      FRAME_PAYLOAD_BYTES_DEFAULT,
    );
    stream.sendWindow -= bytes;
    this.queuedBytes -= bytes;
    queue.moveTo(this.beginData(stream, bytes), bytes);
    if (queue.bytes > 0) this.schedule(stream);
    else {
      this.queuedStreams -= 1;
      const { trailers } = stream;
      if (trailers !== undefined) this.#owner.endAnswer(stream, trailers.block());
    }
    stream.consumer?.onSent();
  }
}
