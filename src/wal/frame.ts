import { assert } from "../shared/assert.js";
import { getUint53, putUint53 } from "../shared/messages/fields.js";
import type { Crc32, SegmentIdentity } from "./segment-format.js";

/** Bytes of a frame's header; its body of whole records follows, a multiple of 8 long. */
export const FRAME_HEADER_BYTES = 32;

const MAGIC = 0x4d_52_46_c7;

/** Where a frame stands: what its header says besides its length and checksum. */
export interface FramePlace {
  readonly identity: SegmentIdentity;
  /** Position of the frame in its segment. */
  readonly offset: number;
  /** Position below which the segment was on stable storage before this frame was written. */
  readonly syncedThrough: number;
  /** Checksum of the frame before it, across segments; 0 for the very first of a log. */
  readonly previous: number;
}

/** A frame whose checksum held. `body` is a view of the bytes that were read. */
export interface Frame extends Omit<FramePlace, "identity"> {
  readonly checksum: number;
  readonly body: Uint8Array;
  /** Position after the frame. */
  readonly end: number;
}

/** A frame, or what was missed: `ours` when the place says that this segment's frame begins there. */
export type FrameCheck =
  | { readonly ok: true; readonly frame: Frame }
  | { readonly ok: false; readonly ours: boolean; readonly expected: string };

/**
 * Writes a frame's header over the first 32 bytes of `bytes`, whose rest is the body. All u32, little
 * endian; the checksum is of everything after itself:
 *
 *      0          4         8        12         16       20           24               28
 *     +----------+---------+--------+----------+--------+------------+----------------+----------+
 *     | checksum | "\xc7FRM" | tag | sequence | offset | body bytes | synced through | previous |
 *     +----------+---------+--------+----------+--------+------------+----------------+----------+
 *
 * Returns the checksum, which the next frame must name as `previous`.
 */
export function sealFrame(bytes: Uint8Array, place: FramePlace, crc32: Crc32): number {
  assert(bytes.length % 8 === 0 && place.offset % 8 === 0, "frame is not aligned", {
    bytes: bytes.length,
    offset: place.offset,
  });
  const view = new DataView(bytes.buffer, bytes.byteOffset, FRAME_HEADER_BYTES);
  view.setUint32(4, MAGIC, true);
  view.setUint32(8, place.identity.tag, true);
  view.setUint32(12, place.identity.sequence, true);
  view.setUint32(16, place.offset, true);
  view.setUint32(20, bytes.length - FRAME_HEADER_BYTES, true);
  view.setUint32(24, place.syncedThrough, true);
  view.setUint32(28, place.previous, true);
  const checksum = crc32(bytes.subarray(4), 0);
  view.setUint32(0, checksum, true);
  return checksum;
}

/** Looks for a whole frame of the segment at `offset` of its `bytes`. Reads nothing outside them. */
export function checkFrame(
  bytes: Uint8Array,
  offset: number,
  context: { readonly identity: SegmentIdentity; readonly crc32: Crc32 },
): FrameCheck {
  const room = bytes.length - offset;
  if (room < FRAME_HEADER_BYTES) return missed(false, "a frame header");
  const view = new DataView(bytes.buffer, bytes.byteOffset + offset, FRAME_HEADER_BYTES);
  const { identity, crc32 } = context;
  const ours =
    view.getUint32(4, true) === MAGIC &&
    view.getUint32(8, true) === identity.tag &&
    view.getUint32(12, true) === identity.sequence &&
    view.getUint32(16, true) === offset;
  if (!ours) return missed(false, "a frame header of this segment");
  const bodyBytes = view.getUint32(20, true);
  const end = offset + FRAME_HEADER_BYTES + bodyBytes;
  if (bodyBytes % 8 !== 0 || end > bytes.length) return missed(true, "a whole frame");
  const checksum = view.getUint32(0, true);
  const found = crc32(bytes.subarray(offset + 4, end), 0);
  if (found !== checksum) return missed(true, `a frame with checksum ${hex(checksum)}`);
  const frame: Frame = {
    offset,
    syncedThrough: view.getUint32(24, true),
    previous: view.getUint32(28, true),
    checksum,
    body: bytes.subarray(offset + FRAME_HEADER_BYTES, end),
    end,
  };
  return { ok: true, frame };
}

/**
 * The first place at or after `from` (a multiple of 8) where a whole frame of the segment stands,
 * whatever came before it; null when there is none. Cheap over zeros and over older bytes.
 */
export function findFrame(
  bytes: Uint8Array,
  from: number,
  context: { readonly identity: SegmentIdentity; readonly crc32: Crc32 },
): Frame | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const last = bytes.length - FRAME_HEADER_BYTES;
  for (let offset = from; offset <= last; offset += 8) {
    if (view.getUint32(offset + 4, true) !== MAGIC) continue;
    const check = checkFrame(bytes, offset, context);
    if (check.ok) return check.frame;
  }
  return null;
}

/** A checksum as people compare it. */
export function hex(checksum: number): string {
  return checksum.toString(16).padStart(8, "0");
}

/** Reads a u64 that must be a safe integer; null when it is not. */
export function readIndex(view: DataView, offset: number): number | null {
  const value = getUint53(view, offset);
  return Number.isSafeInteger(value) ? value : null;
}

/** Writes an index or a term. */
export function writeIndex(view: DataView, offset: number, value: number): void {
  putUint53(view, offset, value);
}

function missed(ours: boolean, expected: string): FrameCheck {
  return { ok: false, ours, expected };
}
