import { getUint53, putUint53 } from "../shared/messages/fields.js";

/** Version of the format that this program writes, and the newest that it reads. */
export const FORMAT_VERSION = 1;
/** Bytes of a segment's header. The first frame follows. */
export const SEGMENT_HEADER_BYTES = 64;

const MAGIC = "CAPSTWAL";
const CHECKSUM_OFFSET = 60;
const NAME = /^([0-9a-f]{16})\.wal$/;

/** CRC-32 (the polynomial of zlib) of `bytes`, continuing from `seed` (0 to begin). */
export type Crc32 = (bytes: Uint8Array, seed: number) => number;

/** What a segment says of itself. `salt` is drawn anew each time a file becomes a segment. */
export interface SegmentHeader {
  readonly sequence: number;
  readonly clusterId: bigint;
  readonly memberId: bigint;
  readonly salt: bigint;
}

/** What every frame of a segment repeats, so that older bytes in a reused file are not taken for it. */
export interface SegmentIdentity {
  /** Low 32 bits of the segment's sequence. */
  readonly sequence: number;
  /** Checksum of the segment's header, which covers the salt. */
  readonly tag: number;
}

/** What was found where a header should be. */
export type HeaderOutcome =
  | { readonly kind: "header"; readonly header: SegmentHeader; readonly identity: SegmentIdentity }
  | { readonly kind: "foreign" }
  | { readonly kind: "damaged" }
  | { readonly kind: "too-new"; readonly version: number };

/**
 * Encodes a segment's header. All little endian:
 *
 *      0               8         12        16
 *     +---------------+---------+---------+---------------+
 *     | "CAPSTWAL"    | version | 0       | sequence u64  |
 *     +---------------+---------+---------+---------------+ 32
 *     | cluster id u64          | member id u64           |
 *     +-------------------------+-------------------------+ 48
 *     | salt u64      | 0                       | crc32   |
 *     +-------------------------------------------------- + 64
 *
 * Magic, version and checksum keep their places in every version, so that a newer file is told from
 * a damaged one.
 */
export function encodeSegmentHeader(header: SegmentHeader, crc32: Crc32): Uint8Array {
  const bytes = new Uint8Array(SEGMENT_HEADER_BYTES);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < MAGIC.length; i++) bytes[i] = MAGIC.charCodeAt(i);
  view.setUint32(8, FORMAT_VERSION, true);
  putUint53(view, 16, header.sequence);
  view.setBigUint64(24, header.clusterId, true);
  view.setBigUint64(32, header.memberId, true);
  view.setBigUint64(40, header.salt, true);
  view.setUint32(CHECKSUM_OFFSET, crc32(bytes.subarray(0, CHECKSUM_OFFSET), 0), true);
  return bytes;
}

/** Reads a segment's header at the beginning of `bytes`. */
export function decodeSegmentHeader(bytes: Uint8Array, crc32: Crc32): HeaderOutcome {
  for (let i = 0; i < MAGIC.length; i++) {
    if (bytes[i] !== MAGIC.charCodeAt(i)) return { kind: "foreign" };
  }
  if (bytes.length < SEGMENT_HEADER_BYTES) return { kind: "damaged" };
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const tag = view.getUint32(CHECKSUM_OFFSET, true);
  if (crc32(bytes.subarray(0, CHECKSUM_OFFSET), 0) !== tag) return { kind: "damaged" };
  const version = view.getUint32(8, true);
  if (version > FORMAT_VERSION) return { kind: "too-new", version };
  const sequence = getUint53(view, 16);
  if (version === 0 || !Number.isSafeInteger(sequence)) return { kind: "damaged" };
  const header: SegmentHeader = {
    sequence,
    clusterId: view.getBigUint64(24, true),
    memberId: view.getBigUint64(32, true),
    salt: view.getBigUint64(40, true),
  };
  return { kind: "header", header, identity: { sequence: sequence >>> 0, tag } };
}

/** File name of a segment: its sequence in 16 hexadecimal digits, and `.wal`. */
export function segmentName(sequence: number): string {
  return `${sequence.toString(16).padStart(16, "0")}.wal`;
}

/** Sequence in a segment's file name; null for any other name. */
export function parseSegmentName(name: string): number | null {
  const digits = NAME.exec(name)?.[1];
  if (digits === undefined) return null;
  const sequence = Number.parseInt(digits, 16);
  return Number.isSafeInteger(sequence) && sequence > 0 ? sequence : null;
}
