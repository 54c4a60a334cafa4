// Hot file: frames are written straight into the connection's buffer.
import type { ByteSink } from "./byte-sink.js";
import type { Http2Code } from "./error-code.js";
import { Flag, FRAME_HEADER_BYTES, FrameType } from "./frame-format.js";

/** What stands in a frame's header, but for the length. */
export interface FrameHead {
  readonly type: number;
  readonly flags: number;
  readonly streamId: number;
}

/** Writes a frame's header for a payload that the caller appends. Room is made for both. */
export function writeFrameHead(into: ByteSink, head: FrameHead, payloadBytes: number): void {
  into.ensure(FRAME_HEADER_BYTES + payloadBytes);
  putHead(into, payloadBytes, head.type, head.flags);
  putUint32(into, head.streamId);
}

/** The header of a DATA frame; its payload is appended, or sent behind it from elsewhere. */
export function writeDataHead(
  into: ByteSink,
  streamId: number,
  payloadBytes: number,
  endStream: boolean,
): void {
  into.ensure(FRAME_HEADER_BYTES);
  putHead(into, payloadBytes, FrameType.DATA, endStream ? Flag.END_STREAM : 0);
  putUint32(into, streamId);
}

/** Which stream a header block is for, and what the peer takes. */
export interface HeadersTarget {
  readonly streamId: number;
  readonly endStream: boolean;
  /** The peer's SETTINGS_MAX_FRAME_SIZE. */
  readonly frameBytesMax: number;
}

/** A whole header block: HEADERS, and CONTINUATION for what does not fit (RFC 9113 section 6.10). */
export function writeHeaders(into: ByteSink, block: Uint8Array, target: HeadersTarget): void {
  const { streamId, frameBytesMax } = target;
  const endStream = target.endStream ? Flag.END_STREAM : 0;
  if (block.length <= frameBytesMax) {
    into.ensure(FRAME_HEADER_BYTES + block.length);
    putHead(into, block.length, FrameType.HEADERS, endStream | Flag.END_HEADERS);
    putUint32(into, streamId);
    into.append(block);
    return;
  }
  for (let at = 0; at < block.length; at += frameBytesMax) {
    const piece = block.subarray(at, at + frameBytesMax);
    const end = at + frameBytesMax >= block.length ? Flag.END_HEADERS : 0;
    const type = at === 0 ? FrameType.HEADERS : FrameType.CONTINUATION;
    const flags = at === 0 ? endStream | end : end;
    writeFrameHead(into, { type, flags, streamId }, piece.length);
    into.append(piece);
  }
}

/** RST_STREAM (RFC 9113 section 6.4). */
export function writeRstStream(into: ByteSink, streamId: number, code: Http2Code): void {
  writeFrameHead(into, { type: FrameType.RST_STREAM, flags: 0, streamId }, 4);
  putUint32(into, code);
}

/** WINDOW_UPDATE; stream 0 is the connection (RFC 9113 section 6.9). */
export function writeWindowUpdate(into: ByteSink, streamId: number, increment: number): void {
  writeFrameHead(into, { type: FrameType.WINDOW_UPDATE, flags: 0, streamId }, 4);
  putUint32(into, increment);
}

/** PING, or the answer to one with its eight bytes (RFC 9113 section 6.7). */
export function writePing(into: ByteSink, payload: Uint8Array, acknowledges: boolean): void {
  const flags = acknowledges ? Flag.ACK : 0;
  writeFrameHead(into, { type: FrameType.PING, flags, streamId: 0 }, 8);
  into.append(payload.subarray(0, 8));
}

/** SETTINGS with pairs of identifier and value (RFC 9113 section 6.5). */
export function writeSettings(into: ByteSink, settings: readonly (readonly [number, number])[]) {
  writeFrameHead(into, { type: FrameType.SETTINGS, flags: 0, streamId: 0 }, 6 * settings.length);
  for (const [identifier, value] of settings) {
    into.push(identifier >>> 8);
    into.push(identifier & 0xff);
    putUint32(into, value);
  }
}

/** The acknowledgement of the peer's SETTINGS. */
export function writeSettingsAck(into: ByteSink): void {
  writeFrameHead(into, { type: FrameType.SETTINGS, flags: Flag.ACK, streamId: 0 }, 0);
}

/** What a GOAWAY says. */
export interface GoawayReason {
  readonly lastStreamId: number;
  readonly code: Http2Code;
  /** Debug data, in ASCII. */
  readonly text: string;
}

/** GOAWAY (RFC 9113 section 6.8). */
export function writeGoaway(into: ByteSink, { lastStreamId, code, text }: GoawayReason): void {
  writeFrameHead(into, { type: FrameType.GOAWAY, flags: 0, streamId: 0 }, 8 + text.length);
  putUint32(into, lastStreamId);
  putUint32(into, code);
  for (let index = 0; index < text.length; index++) into.push(text.charCodeAt(index) & 0x7f);
}

function putHead(into: ByteSink, payloadBytes: number, type: number, flags: number): void {
  const { bytes, length } = into;
  bytes[length] = payloadBytes >>> 16;
  bytes[length + 1] = payloadBytes >>> 8;
  bytes[length + 2] = payloadBytes;
  bytes[length + 3] = type;
  bytes[length + 4] = flags;
  into.length = length + 5;
}

/** Appends a number in four bytes, big-endian. */
export function putUint32(into: ByteSink, value: number): void {
  into.ensure(4);
  const { bytes, length } = into;
  bytes[length] = value >>> 24;
  bytes[length + 1] = value >>> 16;
  bytes[length + 2] = value >>> 8;
  bytes[length + 3] = value;
  into.length = length + 4;
}
