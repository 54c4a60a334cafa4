// Hot file: no object per frame, two per call (the stream and its consumer).
import { ConnectionControl, type ControlBounds } from "./connection-control.js";
import { ConnectionSender, type SenderOwner } from "./connection-sender.js";
import { ConnectionError, Http2Code } from "./error-code.js";
import { FrameCredit, type FrameCreditBounds } from "./frame-credit.js";
import {
  Flag,
  FRAME_PAYLOAD_BYTES_DEFAULT,
  FrameType,
  PREFACE,
  WINDOW_BYTES_MAX,
} from "./frame-format.js";
import { FrameReader, readUint31 } from "./frame-reader.js";
import { HeaderBlock } from "./header-block.js";
import { HpackDecoder } from "./hpack/decoder.js";
import type { DecodedHeaders } from "./hpack/header-field.js";
import { HpackError } from "./hpack/hpack-error.js";
import type { OutputQueue } from "./output-queue.js";
import { ServerStream, type StreamConnection, type StreamConsumer } from "./server-stream.js";
import { StreamTable } from "./stream-table.js";

/** What bounds a connection. Sizes in bytes. */
export interface ConnectionBounds extends ControlBounds {
  /** Streams open, with those whose handler still works after their end. */
  readonly streamsMax: number;
  readonly headerBlockFrames: number;
  /** Received bytes that the consumers of all streams together may keep. */
  readonly heldBytes: number;
  /** Output of one turn, beyond which data waits for its turn. */
  readonly turnBytes: number;
  readonly credit: FrameCreditBounds;
}

/** Whom a connection serves. */
export interface ConnectionHost {
  /** A request has begun. Gives who takes its data, or undefined when the stream needs nobody. */
  open(stream: ServerStream, headers: DecodedHeaders): StreamConsumer | undefined;
  /** The peer's HPACK table may hold so many bytes from now on. */
  setHeaderTableBytes(bytes: number): void;
  /** There is output: `pump`, and write it, before this turn ends. May be called often. */
  wake(): void;
}

/** Frames without use that a new stream, or a frame of data that was sent, makes up for. */
const CREDIT_PER_USE = 2;

/**
 * The server's side of one HTTP/2 connection (RFC 9113), as a state machine over bytes: `receive` takes what
 * came, `output` is what has to go. It has no clock and no socket; time comes in as monotonic milliseconds.
 */
export class ServerConnection implements StreamConnection, SenderOwner {
  readonly sender: ConnectionSender;
  readonly #bounds: ConnectionBounds;
  readonly #host: ConnectionHost;
  readonly #reader = new FrameReader(FRAME_PAYLOAD_BYTES_DEFAULT);
  readonly #decoder: HpackDecoder;
  readonly #headerBlock: HeaderBlock;
  readonly #streams = new StreamTable();
  readonly #credit: FrameCredit;
  readonly #control: ConnectionControl;

  #nowMs: number;
  #prefaceRead = 0;
  #receiveWindow: number;
  #heldBytes = 0;
  #isOver = false;

  constructor(bounds: ConnectionBounds, host: ConnectionHost, nowMs: number) {
    this.#bounds = bounds;
    this.#host = host;
    this.#nowMs = nowMs;
    this.#decoder = new HpackDecoder({
      tableBytesMax: bounds.headerTableBytes,
      listBytesMax: bounds.headerListBytes,
    });
    this.#headerBlock = new HeaderBlock({
      bytesMax: bounds.headerListBytes,
      framesMax: bounds.headerBlockFrames,
    });
    this.#credit = new FrameCredit(bounds.credit, nowMs);
    this.#receiveWindow = bounds.connectionWindowBytes;
    this.sender = new ConnectionSender(bounds.turnBytes, this);
    const control = {
      bounds,
      sender: this.sender,
      streams: this.#streams,
      credit: this.#credit,
      setHeaderTableBytes: (bytes: number) => host.setHeaderTableBytes(bytes),
    };
    this.#control = new ConnectionControl(control, nowMs);
    this.#control.greet();
  }

  /** What has to be written. */
  get output(): OutputQueue {
    return this.sender.output;
  }

  /** Streams that are open. */
  get streamCount(): number {
    return this.#streams.size;
  }

  /** Streams that are open, and ended calls whose handler still works. */
  get outstandingCount(): number {
    return this.#streams.outstanding;
  }

  /** Received bytes that consumers keep. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** Nothing is received or sent any more but what `output` still holds: write that, then close. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Takes a chunk, which nobody changes from now on. Never throws for anything that a peer can send. */
  receive(chunk: Uint8Array, nowMs: number): void {
    if (this.#isOver) return;
    this.#nowMs = nowMs;
    this.#control.received(nowMs);
    this.#guarded(() => {
      this.#reader.feed(chunk, this.#readPreface(chunk));
      while (!this.#isOver && this.#reader.next()) this.#onFrame();
    });
  }

  /** Looks at the clock; to be called about every second. */
  tick(nowMs: number): void {
    if (this.#isOver) return;
    this.#nowMs = nowMs;
    this.#guarded(() => this.#control.tick(nowMs));
    this.#endWhenDrained();
  }

  /**
   * Sends the peer elsewhere (RFC 9113 section 6.8): first a GOAWAY that allows what is on its way, then, when
   * a ping has made the round trip, one that names the last stream served. Over when that stream has ended.
   */
  drain(nowMs: number): void {
    if (!this.#isOver) this.#control.drain(nowMs);
  }

  /** The peer is gone: every call is cancelled. */
  lost(): void {
    this.#isOver = true;
    for (const stream of this.#streams.takeAll()) {
      stream.close();
      stream.consumer?.onReset();
    }
  }

  // What the sender and the streams ask of their connection.

  wake(): void {
    this.#host.wake();
  }

  dataSent(): void {
    this.#credit.earn(CREDIT_PER_USE);
  }

  endAnswer(stream: ServerStream, block: Uint8Array): void {
    this.sender.writeHeaders(stream.id, block, true);
    if (stream.remoteEnded) this.#closeStream(stream, false);
    // The answer is complete before the request: the peer may stop sending (RFC 9113 section 8.1).
    else this.resetStream(stream, Http2Code.NO_ERROR);
  }

  replenish(stream: ServerStream, wantedBytes: number): void {
    const { streamWindowBytes } = this.#bounds;
    const goal = Math.max(streamWindowBytes, wantedBytes);
    const missing = goal - stream.receiveWindow;
    // Half a window at a time, so that a stream of small messages costs few updates.
    if (2 * missing < streamWindowBytes) return;
    stream.receiveWindow = goal;
    this.sender.windowUpdate(stream.id, missing);
  }

  resetStream(stream: ServerStream, code: Http2Code): void {
    this.sender.reset(stream.id, code);
    this.#closeStream(stream, true);
  }

  hold(bytes: number): boolean {
    this.#heldBytes += bytes;
    return this.#heldBytes <= this.#bounds.heldBytes;
  }

  linger(delta: 1 | -1): void {
    this.#streams.lingering += delta;
  }

  // Frames.

  #guarded(act: () => void): void {
    try {
      act();
    } catch (error) {
      if (error instanceof ConnectionError) this.#fail(error.code, error.message);
      else if (error instanceof HpackError) this.#fail(Http2Code.COMPRESSION_ERROR, error.message);
      else throw error;
    }
  }

  #readPreface(chunk: Uint8Array): number {
    let at = 0;
    while (this.#prefaceRead < PREFACE.length && at < chunk.length) {
      if (chunk[at] !== PREFACE[this.#prefaceRead]) {
        throw new ConnectionError(Http2Code.PROTOCOL_ERROR, "not an HTTP/2 preface");
      }
      at += 1;
      this.#prefaceRead += 1;
    }
    return at;
  }

  #onFrame(): void {
    const reader = this.#reader;
    const { type, flags } = reader;
    this.#control.checkFirst(type === FrameType.SETTINGS && (flags & Flag.ACK) === 0);
    const { streamId: blockId } = this.#headerBlock;
    if (blockId !== 0 && (type !== FrameType.CONTINUATION || reader.streamId !== blockId)) {
      throw new ConnectionError(Http2Code.PROTOCOL_ERROR, "a frame inside a header block");
    }
    switch (type) {
      case FrameType.DATA:
        this.#onData(reader);
        return;
      case FrameType.HEADERS:
        this.#onHeaders(reader);
        return;
      case FrameType.CONTINUATION:
        this.#onContinuation(reader);
        return;
      case FrameType.WINDOW_UPDATE:
        this.#onWindowUpdate(reader);
        return;
      case FrameType.RST_STREAM:
        this.#onRstStream(reader);
        return;
      case FrameType.PING:
        this.#control.onPing(reader, this.#nowMs);
        this.#endWhenDrained();
        return;
      case FrameType.SETTINGS:
        this.#control.onSettings(reader, this.#nowMs);
        return;
      case FrameType.PRIORITY:
        this.#onPriority(reader);
        return;
      case FrameType.PUSH_PROMISE:
        throw new ConnectionError(Http2Code.PROTOCOL_ERROR, "a client cannot push");
      default:
        // GOAWAY of a client says that we must open no streams, which a server never does. Unknown types
        // are ignored (RFC 9113 section 4.1).
        this.#credit.spend(1, this.#nowMs);
    }
  }

  #onData({ streamId, payloadBytes, bytes, start, end, flags }: FrameReader): void {
    this.#takeWindow(payloadBytes);
    const stream = this.#streams.get(streamId);
    if (stream === undefined) {
      this.#onDataWithoutStream(streamId);
      return;
    }
    const isLast = (flags & Flag.END_STREAM) !== 0;
    const fault = stream.takeData(payloadBytes, end - start, isLast);
    if (fault !== undefined) {
      this.#blame(stream, fault);
      return;
    }
    if (end > start) stream.consumer?.onData(bytes, start, end);
    else if (!isLast) this.#credit.spend(1, this.#nowMs);
    if (isLast && !stream.isClosed) stream.consumer?.onEnd();
  }

  #onDataWithoutStream(streamId: number): void {
    this.#streams.checkNotIdle(streamId);
    if (this.#streams.fateOf(streamId) === "reset") return;
    this.#credit.spend(1, this.#nowMs);
    this.sender.reset(streamId, Http2Code.STREAM_CLOSED);
  }

  /** The connection's window is given back as bytes come, so that a stream which is not read holds up no other. */
  #takeWindow(bytes: number): void {
    this.#receiveWindow -= bytes;
    if (this.#receiveWindow < 0) {
      throw new ConnectionError(Http2Code.FLOW_CONTROL_ERROR, "more data than the window");
    }
    const { connectionWindowBytes } = this.#bounds;
    if (2 * this.#receiveWindow > connectionWindowBytes) return;
    this.sender.windowUpdate(0, connectionWindowBytes - this.#receiveWindow);
    this.#receiveWindow = connectionWindowBytes;
  }

  #onHeaders({ streamId, flags, bytes, start, end }: FrameReader): void {
    if ((streamId & 1) === 0) {
      throw new ConnectionError(Http2Code.PROTOCOL_ERROR, "a client's stream with an even id");
    }
    const endStream = (flags & Flag.END_STREAM) !== 0;
    const fragment = bytes.subarray(start, end);
    if ((flags & Flag.END_HEADERS) !== 0) this.#onBlock(streamId, endStream, fragment);
    else this.#headerBlock.begin(streamId, endStream, fragment);
  }

  #onContinuation({ flags, bytes, start, end }: FrameReader): void {
    const { streamId, endStream } = this.#headerBlock;
    if (streamId === 0) {
      throw new ConnectionError(Http2Code.PROTOCOL_ERROR, "CONTINUATION of nothing");
    }
    this.#headerBlock.append(bytes.subarray(start, end));
    if ((flags & Flag.END_HEADERS) === 0) return;
    this.#onBlock(streamId, endStream, this.#headerBlock.finish());
  }

  #onBlock(streamId: number, endStream: boolean, block: Uint8Array): void {
    // Decoded whatever comes of it: the table is the connection's.
    const headers = this.#decoder.decode(block);
    if (streamId > this.#streams.lastSeenId) {
      this.#streams.lastSeenId = streamId;
      this.#open(streamId, endStream, headers);
      return;
    }
    const stream = this.#streams.get(streamId);
    if (stream !== undefined) this.#onTrailers(stream, endStream, headers);
    else this.#onHeadersOfClosed(streamId);
  }

  #onHeadersOfClosed(streamId: number): void {
    switch (this.#streams.fateOf(streamId)) {
      case "reset":
        this.#credit.spend(1, this.#nowMs);
        return;
      case "ended":
        throw new ConnectionError(Http2Code.STREAM_CLOSED, "headers on a stream that has ended");
      case "unknown":
        throw new ConnectionError(Http2Code.PROTOCOL_ERROR, "a stream id that has been passed");
    }
  }

  #open(streamId: number, endStream: boolean, headers: DecodedHeaders): void {
    // Not served, as the last GOAWAY said; the client opens it elsewhere.
    if (this.#control.draining === "final") return;
    this.#credit.earn(CREDIT_PER_USE);
    if (this.#streams.outstanding >= this.#bounds.streamsMax) {
      this.#streams.remove(streamId, true);
      this.sender.reset(streamId, Http2Code.REFUSED_STREAM);
      return;
    }
    const { streamWindowBytes } = this.#bounds;
    const stream = new ServerStream(streamId, this);
    stream.sendWindow = this.#control.initialWindowBytes;
    stream.receiveWindow = streamWindowBytes;
    stream.remoteEnded = endStream;
    this.#streams.add(stream);
    stream.consumer = this.#host.open(stream, headers);
    if (!endStream || stream.isClosed) return;
    if (stream.bytesExpected > 0) this.#blame(stream, Http2Code.PROTOCOL_ERROR);
    else stream.consumer?.onEnd();
  }

  #onTrailers(stream: ServerStream, endStream: boolean, headers: DecodedHeaders): void {
    if (stream.remoteEnded) {
      this.#blame(stream, Http2Code.STREAM_CLOSED);
      return;
    }
    const hasPseudo = headers.fields.some(({ name }) => name.startsWith(":"));
    if (!endStream || hasPseudo || stream.bytesExpected > 0) {
      this.#blame(stream, Http2Code.PROTOCOL_ERROR);
      return;
    }
    stream.remoteEnded = true;
    stream.consumer?.onEnd();
  }

  #onWindowUpdate({ streamId, bytes, start }: FrameReader): void {
    const increment = readUint31(bytes, start);
    this.#credit.spend(1, this.#nowMs);
    if (streamId === 0) {
      if (increment === 0) throw new ConnectionError(Http2Code.PROTOCOL_ERROR, "an empty window");
      this.sender.widen(increment);
      return;
    }
    const stream = this.#streams.get(streamId);
    if (stream === undefined) {
      this.#streams.checkNotIdle(streamId);
      return;
    }
    if (increment === 0) this.#blame(stream, Http2Code.PROTOCOL_ERROR);
    else if (stream.sendWindow + increment > WINDOW_BYTES_MAX) {
      this.#blame(stream, Http2Code.FLOW_CONTROL_ERROR);
    } else {
      stream.sendWindow += increment;
      this.sender.schedule(stream);
    }
  }

  #onRstStream({ streamId }: FrameReader): void {
    const stream = this.#streams.get(streamId);
    if (stream === undefined) {
      this.#streams.checkNotIdle(streamId);
      this.#credit.spend(1, this.#nowMs);
      return;
    }
    this.#closeStream(stream, false);
    stream.consumer?.onReset();
  }

  /** Priorities are not followed (RFC 9113 section 5.3.2); only the frame's form is checked. */
  #onPriority({ streamId, payloadBytes }: FrameReader): void {
    this.#credit.spend(1, this.#nowMs);
    if (payloadBytes === 5) return;
    const stream = this.#streams.get(streamId);
    if (stream === undefined) {
      throw new ConnectionError(Http2Code.FRAME_SIZE_ERROR, `PRIORITY of ${payloadBytes} bytes`);
    }
    this.#blame(stream, Http2Code.FRAME_SIZE_ERROR);
  }

  // Ends.

  /** Ends a stream whose peer has broken a rule (RFC 9113 section 5.4.2). */
  #blame(stream: ServerStream, code: Http2Code): void {
    this.resetStream(stream, code);
    stream.consumer?.onReset();
  }

  #closeStream(stream: ServerStream, reset: boolean): void {
    stream.close();
    this.#streams.remove(stream.id, reset);
    this.#endWhenDrained();
  }

  #endWhenDrained(): void {
    if (this.#control.draining === "final" && this.#streams.size === 0) this.#isOver = true;
  }

  #fail(code: Http2Code, text: string): void {
    this.#control.fail(code, text);
    this.lost();
  }
}
