// Hot file: one pass over the head of every envelope.
import { MalformedEnvelopeError } from "./fields.js";

/** Lists within lists: the envelope, its messages, their lists of numbers. */
const DEPTH_MAX = 3;

/** Bytes after the token of a number. */
const NUMBER_BYTES: ReadonlyMap<number, number> = new Map([
  [0xcb, 8],
  [0xcc, 1],
  [0xcd, 2],
  [0xce, 4],
  [0xcf, 8],
  [0xd3, 8],
]);

/**
 * Throws unless the bytes from `start` to `end` are one msgpack value made of lists, whole numbers and
 * booleans. What a decoder does beyond that (maps, texts, extensions that define records or classes, lists
 * longer than their bytes) nobody shall be able to make it do.
 */
export function checkPlain(bytes: Uint8Array, start: number, end: number): void {
  const left: number[] = [1];
  let offset = start;
  while (left.length > 0) {
    const depth = left.length - 1;
    const remaining = left[depth] ?? 0;
    if (remaining === 0) {
      left.pop();
      continue;
    }
    left[depth] = remaining - 1;
    if (offset >= end) throw new MalformedEnvelopeError("the head is cut off");
    const token = bytes[offset] ?? 0;
    offset += 1;
    const listBytes = listLengthBytes(token);
    if (listBytes === undefined) {
      offset += scalarBytes(token);
      continue;
    }
    const count = listBytes === 0 ? token & 0x0f : bigEndian(bytes, offset, listBytes);
    offset += listBytes;
    if (count > end - offset) throw new MalformedEnvelopeError("a list is longer than the head");
    if (left.length > DEPTH_MAX) throw new MalformedEnvelopeError("lists are nested too deep");
    left.push(count);
  }
  if (offset !== end) throw new MalformedEnvelopeError("the head does not end where it should");
}

/** How many bytes give the length of the list that begins with `token`; undefined: it begins none. */
function listLengthBytes(token: number): number | undefined {
  if (token >= 0x90 && token <= 0x9f) return 0;
  if (token === 0xdc) return 2;
  return token === 0xdd ? 4 : undefined;
}

function scalarBytes(token: number): number {
  if (token < 0x80 || token === 0xc2 || token === 0xc3) return 0;
  const count = NUMBER_BYTES.get(token);
  if (count === undefined) throw new MalformedEnvelopeError(`token ${token} is not used`);
  return count;
}

function bigEndian(bytes: Uint8Array, offset: number, count: number): number {
  let value = 0;
  for (let index = 0; index < count; index += 1) value = value * 256 + (bytes[offset + index] ?? 0);
  return value;
}
