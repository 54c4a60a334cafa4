import { StoreCorruptError } from "../types.js";
import { crc32 } from "./crc32.js";
import type { TableName } from "./store-format.js";

/** Bytes in front of every stored body. */
export const CHECKSUM_BYTES = 4;

/** Puts the checksum of row key and body (from byte 4 on) into the value's first four bytes. */
export function sealValue(row: Uint8Array, value: Buffer): void {
  value.writeUInt32LE(checksum(row, value), 0);
}

/** The body of a stored value: a view of the same memory. StoreCorruptError when it does not check out. */
export function openValue(table: TableName, row: Uint8Array, value: Uint8Array): Uint8Array {
  const stored =
    (value[0] ?? 0) | ((value[1] ?? 0) << 8) | ((value[2] ?? 0) << 16) | ((value[3] ?? 0) << 24);
  if (value.length < CHECKSUM_BYTES || stored >>> 0 !== checksum(row, value)) {
    throw damaged(table, row, "checksum mismatch");
  }
  return value.subarray(CHECKSUM_BYTES);
}

/** The error for a row that is missing or cannot be what was written; names table and row. */
export function damaged(table: TableName, row: Uint8Array, what: string): StoreCorruptError {
  const name = Buffer.from(row.buffer, row.byteOffset, Math.min(row.byteLength, 64)).toString(
    "hex",
  );
  return new StoreCorruptError(`store damaged: table ${table}, row ${name}: ${what}`);
}

function checksum(row: Uint8Array, value: Uint8Array): number {
  return crc32(value, CHECKSUM_BYTES, value.length, crc32(row, 0, row.length));
}
