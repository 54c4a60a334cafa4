import { crc32 as nativeCrc32 } from "node:zlib";
import { makeCrcTables, updateCrc } from "./crc-tables.js";

const TABLES = makeCrcTables(0xedb8_8320);
/** From this many bytes on the call into zlib costs less than the loop in JavaScript. */
const NATIVE_BYTES_MIN = 512;

/** CRC-32 (IEEE 802.3) of bytes[start, end), continued from `previous` (0 to begin). */
export function crc32(bytes: Uint8Array, start: number, end: number, previous = 0): number {
  if (end - start < NATIVE_BYTES_MIN) return updateCrc(TABLES, bytes, { start, end, previous });
  return nativeCrc32(bytes.subarray(start, end), previous);
}
