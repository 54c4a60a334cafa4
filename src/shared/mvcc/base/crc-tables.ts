const SLICES = 8;

/**
 * Continues a checksum over bytes[start, end), eight at a time: the tables say what each byte does to the
 * checksum that far on.
 */
export function updateCrc(
  tables: Int32Array,
  bytes: Uint8Array,
  range: { readonly start: number; readonly end: number; readonly previous: number },
): number {
  const { start, end } = range;
  let crc = ~range.previous;
  let offset = start;
  const wholeEnd = end - ((end - start) % SLICES);
  for (; offset < wholeEnd; offset += SLICES) {
    const low =
      crc ^
      (bytes[offset]! |
        (bytes[offset + 1]! << 8) |
        (bytes[offset + 2]! << 16) |
        (bytes[offset + 3]! << 24));
    crc =
      tables[7 * 256 + (low & 0xff)]! ^
      tables[6 * 256 + ((low >>> 8) & 0xff)]! ^
      tables[5 * 256 + ((low >>> 16) & 0xff)]! ^
      tables[4 * 256 + (low >>> 24)]! ^
      tables[3 * 256 + bytes[offset + 4]!]! ^
      tables[2 * 256 + bytes[offset + 5]!]! ^
      tables[1 * 256 + bytes[offset + 6]!]! ^
      tables[bytes[offset + 7]!]!;
  }
  for (; offset < end; offset++) {
    crc = (crc >>> 8) ^ tables[(crc ^ bytes[offset]!) & 0xff]!;
  }
  return ~crc >>> 0;
}

/** The tables of a reflected polynomial. Entry [k * 256 + b]: the checksum of byte b followed by k zero bytes. */
export function makeCrcTables(polynomial: number): Int32Array {
  const tables = new Int32Array(SLICES * 256);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ polynomial : crc >>> 1;
    tables[byte] = crc;
  }
  for (let index = 256; index < tables.length; index++) {
    const shorter = tables[index - 256]!;
    tables[index] = (shorter >>> 8) ^ tables[shorter & 0xff]!;
  }
  return tables;
}
