import type { Revision } from "../types.js";

/** Bytes of a row key in `revisions`. */
export const REVISION_ROW_BYTES = 12;
const HISTORY_ROW_BYTES = 20;
const SUB_MAX = 0xffff_ffff;

/** Row key of a revision: main u64, sub u32. */
export function revisionRow(revision: Revision): Buffer {
  const row = Buffer.allocUnsafe(REVISION_ROW_BYTES);
  writeRevisionRow(row, 0, revision.main, revision.sub);
  return row;
}

/** Writes a revision's row key at `offset`. */
export function writeRevisionRow(target: Buffer, offset: number, main: number, sub: number): void {
  writeUint53(target, offset, main);
  target.writeUInt32BE(sub, offset + 8);
}

/** The revision of a row key in `revisions`. */
export function readRevisionRow(row: Uint8Array): Revision {
  const bytes = asView(row);
  return { main: readUint53(bytes, 0), sub: bytes.getUint32(8) };
}

/** Row key of the history chunk whose first entry is (or was) this revision. */
export function historyRow(historyId: number, main: number, sub: number): Buffer {
  const row = Buffer.allocUnsafe(HISTORY_ROW_BYTES);
  writeUint53(row, 0, historyId);
  writeRevisionRow(row, 8, main, sub);
  return row;
}

/** Row key that no chunk of the key with first main <= `atMain` sorts behind. */
export function historyRowThrough(historyId: number, atMain: number): Buffer {
  return historyRow(historyId, atMain, SUB_MAX);
}

/** First revision in a history row key. */
export function readHistoryRow(row: Uint8Array): Revision {
  return readRevisionRow(row.subarray(8));
}

/** Row key that is a 64-bit id (lease, member). Negative ids sort behind positive ones. */
export function idRow(id: bigint): Buffer {
  const row = Buffer.allocUnsafe(8);
  row.writeBigUInt64BE(BigInt.asUintN(64, id));
  return row;
}

/** The signed id of an id row. */
export function readIdRow(row: Uint8Array): bigint {
  return asView(row).getBigInt64(0);
}

/** Row of a key's lease attachment; `longId` when the key has no row key of its own. */
export function leaseKeyRow(lease: bigint, key: Uint8Array, longId: number | undefined): Buffer {
  const tail = longId === undefined ? key : longKeyId(longId);
  const row = Buffer.allocUnsafe(9 + tail.length);
  row.writeBigUInt64BE(BigInt.asUintN(64, lease));
  row[8] = longId === undefined ? 0 : 1;
  row.set(tail, 9);
  return row;
}

/** Row key of a raised alarm. */
export function alarmRow(memberId: bigint, alarm: number): Buffer {
  const row = Buffer.allocUnsafe(12);
  row.writeBigUInt64BE(BigInt.asUintN(64, memberId));
  row.writeUInt32BE(alarm, 8);
  return row;
}

/** Row key of a long key's own bytes (`part` 0) or record (`part` 1). */
export function longKeyRow(id: number, part: 0 | 1): Buffer {
  const row = Buffer.allocUnsafe(9);
  writeUint53(row, 0, id);
  row[8] = part;
  return row;
}

/** Writes a safe integer as u64 big endian. */
export function writeUint53(target: Buffer, offset: number, value: number): void {
  target.writeUInt32BE(Math.floor(value / 0x1_0000_0000), offset);
  target.writeUInt32BE(value >>> 0, offset + 4);
}

/** Reads a u64 big endian that a `writeUint53` wrote. */
export function readUint53(view: DataView, offset: number): number {
  return view.getUint32(offset) * 0x1_0000_0000 + view.getUint32(offset + 4);
}

/** A DataView of the same bytes. */
export function asView(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function longKeyId(id: number): Buffer {
  const bytes = Buffer.allocUnsafe(8);
  writeUint53(bytes, 0, id);
  return bytes;
}
