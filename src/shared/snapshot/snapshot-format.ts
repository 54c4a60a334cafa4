import { assert } from "../assert.js";
import { getUint53, putUint53 } from "../messages/fields.js";
import { crc32 } from "../mvcc/base/crc32.js";
import { STORE_FORMAT_VERSION, TABLE_NAMES, type TableName } from "../mvcc/base/store-format.js";

/** Version of the layout in this folder's README. A snapshot of a newer one is refused. */
export const SNAPSHOT_FORMAT_VERSION = 1;

/** Kinds of frames. */
export const FrameKind = { header: 1, rows: 2, end: 3 } as const;
export type FrameKind = (typeof FrameKind)[keyof typeof FrameKind];

/** Bytes of a frame before its body. */
export const FRAME_HEADER_BYTES = 16;
/** Largest body that is believed: a row may be as large as the largest request that anyone configures. */
export const FRAME_BODY_BYTES_MAX = 512 * 1024 * 1024;
/** Bytes of a row before its key. */
export const ROW_HEADER_BYTES = 8;
/** Body of the end frame. */
export const END_BODY_BYTES = 40;

const MAGIC = Buffer.from("capsnap\0");
const HEADER_BODY_BYTES = 40;

/** What a snapshot is of. */
export interface SnapshotHeader {
  readonly clusterId: bigint;
  /** The last Raft entry in it. */
  readonly index: number;
  readonly term: number;
}

/** The fields in front of a frame's body. */
export interface FrameHeader {
  readonly bodyBytes: number;
  readonly kind: number;
  readonly table: number;
  readonly number: number;
  readonly checksum: number;
}

/** The bytes are no snapshot, or not what was sent: nothing of it may be used. */
export class SnapshotError extends Error {
  override name = "SnapshotError";
}

/** One frame, ready to be sent. */
export function encodeFrame(
  frame: { readonly kind: FrameKind; readonly table: number; readonly number: number },
  body: readonly Uint8Array[],
): Buffer {
  const size = body.reduce((sum, part) => sum + part.length, 0);
  const bytes = Buffer.allocUnsafe(FRAME_HEADER_BYTES + size);
  bytes.writeUInt32LE(size, 0);
  bytes[4] = frame.kind;
  bytes[5] = frame.table;
  bytes.writeUInt16LE(0, 6);
  bytes.writeUInt32LE(frame.number, 8);
  let offset = FRAME_HEADER_BYTES;
  for (const part of body) {
    bytes.set(part, offset);
    offset += part.length;
  }
  bytes.writeUInt32LE(frameChecksum(bytes), 12);
  return bytes;
}

/** Reads the fields in front of a body. */
export function readFrameHeader(bytes: Buffer): FrameHeader {
  return {
    bodyBytes: bytes.readUInt32LE(0),
    kind: bytes.readUInt8(4),
    table: bytes.readUInt8(5),
    number: bytes.readUInt32LE(8),
    checksum: bytes.readUInt32LE(12),
  };
}

/** Checksum of a whole frame, its own field left out. */
export function frameChecksum(frame: Uint8Array): number {
  return crc32(frame, FRAME_HEADER_BYTES, frame.length, crc32(frame, 0, 12));
}

/** Body of the header frame. */
export function encodeSnapshotHeader(header: SnapshotHeader): Buffer {
  const body = Buffer.alloc(HEADER_BODY_BYTES);
  const view = new DataView(body.buffer, body.byteOffset, body.length);
  MAGIC.copy(body);
  body.writeUInt32LE(SNAPSHOT_FORMAT_VERSION, 8);
  body.writeUInt32LE(STORE_FORMAT_VERSION, 12);
  body.writeBigUInt64LE(header.clusterId, 16);
  putUint53(view, 24, header.index);
  putUint53(view, 32, header.term);
  return body;
}

/** Reads the body of the header frame: SnapshotError when it is none, or newer than this program. */
export function decodeSnapshotHeader(body: Buffer): SnapshotHeader {
  if (body.length !== HEADER_BODY_BYTES || !body.subarray(0, MAGIC.length).equals(MAGIC)) {
    throw new SnapshotError("not a snapshot of a store");
  }
  const version = body.readUInt32LE(8);
  const storeVersion = body.readUInt32LE(12);
  if (version > SNAPSHOT_FORMAT_VERSION || storeVersion > STORE_FORMAT_VERSION) {
    throw new SnapshotError(
      `snapshot of format ${version} with a store of format ${storeVersion}: this program knows ` +
        `${SNAPSHOT_FORMAT_VERSION} and ${STORE_FORMAT_VERSION}`,
    );
  }
  const view = new DataView(body.buffer, body.byteOffset, body.length);
  return {
    clusterId: body.readBigUInt64LE(16),
    index: getUint53(view, 24),
    term: getUint53(view, 32),
  };
}

/** Number of a table in a frame. */
export function tableNumber(name: TableName): number {
  return TABLE_NAMES.indexOf(name);
}

/** Table of a number that was checked. */
export function tableName(number: number): TableName {
  const name = TABLE_NAMES[number];
  assert(name !== undefined, "frame of an unknown table", { number });
  return name;
}
