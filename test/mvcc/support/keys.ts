import fc from "fast-check";

/** Bytes of a latin1 literal: "\xff" is one byte. */
export function bytes(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text, "latin1"));
}

/** The latin1 literal of some bytes. */
export function text(source: Uint8Array): string {
  return Buffer.from(source).toString("latin1");
}

/** Few keys, so that they collide: with the edges of the byte order among them, and one long one. */
export const KEYS = [
  "\0",
  "\0\0",
  "a",
  "a\0",
  "aa",
  "ab",
  "b",
  "b\xff",
  "c",
  "\x7f",
  "\x80",
  "\xff",
  "\xff\0",
  "\xff\xff",
  "long".repeat(600),
];

export const anyKey = fc.constantFrom(...KEYS);

/** `range_end`: none, all above, a key, or a key's prefix end. */
export const anyRangeEnd = fc.oneof(
  fc.constant(""),
  fc.constant("\0"),
  anyKey,
  fc.constantFrom("b", "b\0", "c", "\xff\xff\xff"),
);

export const anyLease = fc.constantFrom(0n, 1n, -7n, 0x7fff_ffff_ffff_fffen);
