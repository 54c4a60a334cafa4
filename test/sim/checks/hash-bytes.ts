/** A hash that tells byte strings apart (FNV-1a, 32 bits). */
export function hashBytes(bytes: Uint8Array, start = 0x811c9dc5): number {
  let hash = start;
  for (let at = 0; at < bytes.length; at += 1) {
    hash = Math.imul(hash ^ bytes[at]!, 0x01000193);
  }
  return hash >>> 0;
}

/** Goes on with a hash over a number. */
export function hashNumber(value: number, start: number): number {
  let hash = Math.imul(start ^ (value | 0), 0x01000193);
  hash = Math.imul(hash ^ Math.floor(value / 0x1_0000_0000), 0x01000193);
  return hash >>> 0;
}
