import { checkFrame, type Frame, findFrame, hex } from "./frame.js";
import type { Crc32, SegmentIdentity } from "./segment-format.js";

/** A segment's bytes and where to begin among its frames. */
export interface ScanSource {
  readonly bytes: Uint8Array;
  readonly identity: SegmentIdentity;
  readonly crc32: Crc32;
  /** Position of the first frame to read, and the checksum that it must name as its previous. */
  readonly from: number;
  readonly previous: number;
  /** Where the next segment says that this one ends; null in the last segment. */
  readonly until: { readonly end: number; readonly checksum: number } | null;
}

/** How a scan ended: at the end of what counts, or at damage. */
export type ScanEnd =
  | {
      readonly kind: "end";
      readonly offset: number;
      /** Checksum of the last frame, for the next one to name. */
      readonly checksum: number;
      /** Bytes after the end that are recognizably of this segment: a write that a crash tore. */
      readonly tornBytes: number;
    }
  | { readonly kind: "damage"; readonly offset: number; readonly expected: string };

/**
 * Reads a segment's frames in order, and tells a torn tail from damage.
 *
 * A frame names the position below which everything was on stable storage before it was written. So
 * a bad place is damage when any whole frame behind it vouches for it, or when the next segment's
 * start does; otherwise nothing there was ever acknowledged before something later, and it is where
 * the log ends. Source: the room's README, "Torn tail or damage".
 */
export function scanSegment(source: ScanSource, onFrame: (frame: Frame) => void): ScanEnd {
  const { bytes, until } = source;
  let offset = source.from;
  let checksum = source.previous;
  let missed = { ours: false, expected: "" };
  while (until === null || offset < until.end) {
    const check = checkFrame(bytes, offset, source);
    if (!check.ok) {
      missed = check;
      break;
    }
    const { frame } = check;
    if (frame.previous !== checksum) {
      const expected = `a frame that follows checksum ${hex(checksum)}`;
      return { kind: "damage", offset, expected };
    }
    onFrame(frame);
    offset = frame.end;
    checksum = frame.checksum;
  }
  if (until !== null) {
    if (offset === until.end && checksum === until.checksum) {
      return { kind: "end", offset, checksum, tornBytes: 0 };
    }
    const expected = missed.expected || `the segment to end at ${until.end}`;
    return { kind: "damage", offset, expected };
  }
  return tornOrDamaged(source, { offset, checksum, ...missed });
}

function tornOrDamaged(
  source: ScanSource,
  stop: { offset: number; checksum: number; ours: boolean; expected: string },
): ScanEnd {
  const { offset, checksum, expected } = stop;
  const later = laterFrames(source, offset);
  if (later.vouched) return { kind: "damage", offset, expected };
  const ownEnd = stop.ours ? tornEnd(source.bytes, offset) : offset;
  return { kind: "end", offset, checksum, tornBytes: Math.max(ownEnd, later.end) - offset };
}

function laterFrames(source: ScanSource, offset: number): { vouched: boolean; end: number } {
  let end = offset;
  let frame = findFrame(source.bytes, offset + 8, source);
  while (frame !== null) {
    if (frame.syncedThrough > offset) return { vouched: true, end: frame.end };
    end = frame.end;
    frame = findFrame(source.bytes, frame.end, source);
  }
  return { vouched: false, end };
}

/** Where the torn frame at `offset` would have ended, as far as the file goes. */
function tornEnd(bytes: Uint8Array, offset: number): number {
  const bodyBytes = new DataView(bytes.buffer, bytes.byteOffset + offset, 32).getUint32(20, true);
  return Math.min(bytes.length, offset + 32 + bodyBytes);
}
