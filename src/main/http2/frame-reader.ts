// Hot file: no object per frame. The frame that was read stands in the reader's own fields.
import { ConnectionError, Http2Code } from "./error-code.js";
import { Flag, FRAME_HEADER_BYTES, FrameType } from "./frame-format.js";

const EMPTY = new Uint8Array(0);

/**
 * Reads frames off the chunks of a connection: `feed` a chunk, then call `next` until it says false. A frame
 * that lies in one chunk is read in place; one that spans chunks is gathered in memory of its own, so that
 * views of a payload stay right for ever. `next` throws ConnectionError for a frame that is malformed
 * whatever the state of the connection: size, stream id and padding (RFC 9113 sections 4.1, 4.2 and 6).
 */
export class FrameReader {
  type = 0;
  flags = 0;
  streamId = 0;
  /** Length of the payload as it was sent: what flow control counts. */
  payloadBytes = 0;
  /** The payload without padding and priority fields is `bytes` from `start` to `end`. */
  bytes: Uint8Array = EMPTY;
  start = 0;
  end = 0;

  readonly #payloadBytesMax: number;
  #chunk: Uint8Array = EMPTY;
  #at = 0;
  /** A header that spans chunks is gathered here. */
  readonly #head = new Uint8Array(FRAME_HEADER_BYTES);
  #headFilled = 0;
  /** The payload that is being gathered; undefined while none is. */
  #gathered: Uint8Array | undefined;
  #gatheredFilled = 0;

  /** `payloadBytesMax`: what our SETTINGS_MAX_FRAME_SIZE says. */
  constructor(payloadBytesMax: number) {
    this.#payloadBytesMax = payloadBytesMax;
  }

  /** Gives the next chunk, when `next` has said false for the one before. `from` skips bytes at its front. */
  feed(chunk: Uint8Array, from = 0): void {
    this.#chunk = chunk;
    this.#at = from;
  }

  /** Reads one frame; false when the chunk is used up. */
  next(): boolean {
    if (this.#gathered !== undefined) return this.#gather(this.#gathered);
    if (!this.#readHead()) return false;
    const end = this.#at + this.payloadBytes;
    if (end > this.#chunk.length) {
      this.#gathered = new Uint8Array(this.payloadBytes);
      this.#gatheredFilled = 0;
      return this.#gather(this.#gathered);
    }
    this.#setPayload(this.#chunk, this.#at, end);
    this.#at = end;
    return true;
  }

  #readHead(): boolean {
    const available = this.#chunk.length - this.#at;
    if (this.#headFilled === 0 && available >= FRAME_HEADER_BYTES) {
      this.#parseHead(this.#chunk, this.#at);
      this.#at += FRAME_HEADER_BYTES;
      return true;
    }
    const taken = Math.min(available, FRAME_HEADER_BYTES - this.#headFilled);
    this.#head.set(this.#chunk.subarray(this.#at, this.#at + taken), this.#headFilled);
    this.#headFilled += taken;
    this.#at += taken;
    if (this.#headFilled < FRAME_HEADER_BYTES) {
      this.#letGo();
      return false;
    }
    this.#headFilled = 0;
    this.#parseHead(this.#head, 0);
    return true;
  }

  #parseHead(bytes: Uint8Array, at: number): void {
    this.payloadBytes = (bytes[at]! << 16) | (bytes[at + 1]! << 8) | bytes[at + 2]!;
    this.type = bytes[at + 3]!;
    this.flags = bytes[at + 4]!;
    // The highest bit is reserved, and ignored.
    this.streamId =
      ((bytes[at + 5]! & 0x7f) << 24) |
      (bytes[at + 6]! << 16) |
      (bytes[at + 7]! << 8) |
      bytes[at + 8]!;
    // Before the payload is waited for, so that an impossible length costs no memory.
    this.#checkHead();
  }

  #gather(gathered: Uint8Array): boolean {
    const wanted = gathered.length - this.#gatheredFilled;
    const piece = this.#chunk.subarray(this.#at, this.#at + wanted);
    gathered.set(piece, this.#gatheredFilled);
    this.#gatheredFilled += piece.length;
    this.#at += piece.length;
    if (this.#gatheredFilled < gathered.length) {
      this.#letGo();
      return false;
    }
    this.#gathered = undefined;
    this.#setPayload(gathered, 0, gathered.length);
    return true;
  }

  /** An idle connection does not keep the last chunk that it was given. */
  #letGo(): void {
    this.#chunk = EMPTY;
    this.#at = 0;
    this.bytes = EMPTY;
  }

  #setPayload(bytes: Uint8Array, start: number, end: number): void {
    this.bytes = bytes;
    this.start = start;
    this.end = end;
    const { type, flags } = this;
    if (type > FrameType.HEADERS) return;
    if ((flags & Flag.PADDED) !== 0) {
      this.start += 1;
      this.end -= bytes[start]!;
    }
    if (type === FrameType.HEADERS && (flags & Flag.PRIORITY) !== 0) this.start += 5;
    if (this.end < this.start) fail(Http2Code.PROTOCOL_ERROR, "padding longer than the frame");
  }

  #checkHead(): void {
    const { type, streamId, payloadBytes } = this;
    if (payloadBytes > this.#payloadBytesMax) {
      fail(Http2Code.FRAME_SIZE_ERROR, `a frame of ${payloadBytes} bytes`);
    }
    switch (type) {
      case FrameType.DATA:
      case FrameType.HEADERS:
        onStream(streamId, true);
        this.#checkFixedPart();
        return;
      case FrameType.CONTINUATION:
        onStream(streamId, true);
        return;
      case FrameType.RST_STREAM:
        onStream(streamId, true);
        exactly(payloadBytes, 4);
        return;
      case FrameType.PRIORITY:
        // A wrong length is an error of the stream alone (section 6.3): for the connection to see.
        onStream(streamId, true);
        return;
      case FrameType.WINDOW_UPDATE:
        exactly(payloadBytes, 4);
        return;
      case FrameType.PING:
        onStream(streamId, false);
        exactly(payloadBytes, 8);
        return;
      case FrameType.SETTINGS:
        onStream(streamId, false);
        this.#checkSettings();
        return;
      case FrameType.GOAWAY:
        onStream(streamId, false);
        if (payloadBytes < 8) fail(Http2Code.FRAME_SIZE_ERROR, "a short GOAWAY");
        return;
      default:
        return;
    }
  }

  #checkFixedPart(): void {
    const { type, flags, payloadBytes } = this;
    let fixedBytes = (flags & Flag.PADDED) === 0 ? 0 : 1;
    if (type === FrameType.HEADERS && (flags & Flag.PRIORITY) !== 0) fixedBytes += 5;
    if (payloadBytes < fixedBytes) fail(Http2Code.FRAME_SIZE_ERROR, "a frame without its fields");
  }

  #checkSettings(): void {
    const { flags, payloadBytes } = this;
    const acknowledges = (flags & Flag.ACK) !== 0;
    if (payloadBytes % 6 !== 0 || (acknowledges && payloadBytes !== 0)) {
      fail(Http2Code.FRAME_SIZE_ERROR, `SETTINGS of ${payloadBytes} bytes`);
    }
  }
}

function onStream(streamId: number, wanted: boolean): void {
  if ((streamId !== 0) !== wanted) {
    fail(Http2Code.PROTOCOL_ERROR, wanted ? "a frame without its stream" : "a frame on a stream");
  }
}

function exactly(payloadBytes: number, wanted: number): void {
  if (payloadBytes !== wanted) {
    fail(Http2Code.FRAME_SIZE_ERROR, `a frame of ${payloadBytes} bytes, not ${wanted}`);
  }
}

function fail(code: Http2Code, message: string): never {
  throw new ConnectionError(code, message);
}

/** The big-endian 32-bit number at an index, its highest bit left out. */
export function readUint31(bytes: Uint8Array, at: number): number {
  return readUint32(bytes, at) & 0x7fff_ffff;
}

/** The big-endian 32-bit number at an index. */
export function readUint32(bytes: Uint8Array, at: number): number {
  return (
    ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0
  );
}
