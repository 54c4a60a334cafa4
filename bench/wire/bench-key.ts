/** Keys of at least so many bytes begin with a prefix that says which load wrote them. */
const PREFIXED_KEY_BYTES_MIN = 16;

const ZERO = 0x30;

/**
 * What keys of a load begin with: each kind of load has six letters of its own, so that they do not
 * disturb one another; short keys have no room for it.
 */
export function prefixFor(prefix: string, keyBytes: number): string {
  return keyBytes >= PREFIXED_KEY_BYTES_MIN ? prefix : "";
}

/** How many different keys of this size there can be. */
export function keySpaceMax(keyBytes: number): number {
  return 10 ** Math.min(keyBytes, 10);
}

/** The key with this number: the prefix, then the number in decimal with zeros in front. */
export function benchKey(prefix: string, number: number, keyBytes: number): Buffer {
  return Buffer.from(prefix + String(number).padStart(keyBytes - prefix.length, "0"), "latin1");
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
