// Hot file: makes the strings of header fields.

/** Characters of one call. */
const CHUNK_LENGTH = 64;

/**
 * Arguments of String.fromCharCode, one array for each length: a call with an array of numbers that is there makes
 * the string at once. One by one it takes two to three times as long, with a typed array ten times.
 */
const ARGUMENTS: readonly number[][] = Array.from({ length: CHUNK_LENGTH + 1 }, (_, length) =>
  new Array<number>(length).fill(0),
);

/** The string whose characters are the bytes from `start` to `end` (exclusive). */
export function latin1(bytes: Uint8Array, start: number, end: number): string {
  if (end - start <= CHUNK_LENGTH) return chunk(bytes, start, end);
  let text = "";
  for (let at = start; at < end; at += CHUNK_LENGTH) {
    text += chunk(bytes, at, Math.min(end, at + CHUNK_LENGTH));
  }
  return text;
}

function chunk(bytes: Uint8Array, start: number, end: number): string {
  const codes = ARGUMENTS[end - start]!;
  for (let at = start; at < end; at += 1) codes[at - start] = bytes[at]!;
  return String.fromCharCode(...codes);
}
