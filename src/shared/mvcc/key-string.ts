/**
 * The latin1 string of a byte range: one character per byte, so that comparing two such strings with `<`
 * orders them as unsigned bytes (M-08) and a `Map` can hash them. The string is a copy.
 */
export function keyString(bytes: Uint8Array, start = 0, end: number = bytes.length): string {
  const buffer = Buffer.isBuffer(bytes) ? bytes : asBuffer(bytes);
  return buffer.toString("latin1", start, end);
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes)
    ? bytes
    : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
