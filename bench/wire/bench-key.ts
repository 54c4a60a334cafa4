/** Shortest key: a prefix and ten digits. */
export const KEY_BYTES_MIN = 16;
/** Bytes of a prefix: each kind of load has its own, so that they do not disturb one another. */
export const PREFIX_BYTES = 6;

const ZERO = 0x30;

/** The key with this number: the prefix, then the number in decimal with zeros in front. */
export function benchKey(prefix: string, number: number, keyBytes: number): Buffer {
  return Buffer.from(prefix + String(number).padStart(keyBytes - PREFIX_BYTES, "0"), "latin1");
}

/**
 * Writes the digits of a number, least significant last, so that they end before `end`. What is
 * before them must be zeros.
 */
export function writeDigits(bytes: Buffer, end: number, number: number): void {
  let rest = number;
  for (let offset = end - 1; rest > 0; offset -= 1) {
    const next = Math.floor(rest / 10);
    bytes[offset] = ZERO + rest - next * 10;
    rest = next;
  }
}

/** The end of the range of all keys with this prefix. */
export function prefixEnd(prefix: string): Buffer {
  const end = Buffer.from(prefix, "latin1");
  end[end.length - 1] = (end[end.length - 1] ?? 0) + 1;
  return end;
}
