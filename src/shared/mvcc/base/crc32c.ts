import { makeCrcTables, updateCrc } from "./crc-tables.js";

const TABLES = makeCrcTables(0x82f6_3b78);

/** CRC-32C (Castagnoli, RFC 3720 appendix B.4) of bytes, continued from `previous` (0 to begin). */
export function crc32c(bytes: Uint8Array, previous = 0): number {
  return updateCrc(TABLES, bytes, { start: 0, end: bytes.length, previous });
}
