/**
 * Keys longer than INLINE_KEY_BYTES_MAX, which LMDB cannot have as row keys. All of them that share their
 * first INLINE_KEY_BYTES_MAX bytes are in one bucket of the `keys` table: a list of ids, ordered by full
 * key. The bucket's row key is those shared bytes and one more, which makes it longer than any inline key:
 * it sorts behind the inline key that is exactly the shared bytes and before every greater one, so a walk
 * over `keys` that opens buckets on its way sees all keys in byte order.
 *
 *     bucket = id u64 BE, ...
 */
import { INLINE_KEY_BYTES_MAX } from "../../limits.js";
import { damaged } from "./checksum.js";
import { asView, longKeyRow, readUint53, writeUint53 } from "./row-keys.js";
import type { RowReader } from "./row-reader.js";

const MARKER = 0xff;
const ID_BYTES = 8;

/** Where a long key is, or belongs, in its bucket. */
export interface LongKeyPlace {
  readonly bucketRow: Uint8Array;
  /** The bucket's ids, ordered by key. */
  readonly ids: readonly number[];
  /** Index of the first id whose key is >= the one looked for. */
  readonly index: number;
  /** The key's id, if it is there. */
  readonly id: number | undefined;
}

/** Whether the key needs a bucket. */
export function isLongKey(key: Uint8Array): boolean {
  return key.length > INLINE_KEY_BYTES_MAX;
}

/** Whether a row key in `keys` is a bucket's. */
export function isBucketRow(row: Uint8Array): boolean {
  return row.length > INLINE_KEY_BYTES_MAX;
}

/** Row key of the bucket that a long key belongs to. */
export function bucketRow(key: Uint8Array): Buffer {
  const row = Buffer.allocUnsafe(INLINE_KEY_BYTES_MAX + 1);
  row.set(key.subarray(0, INLINE_KEY_BYTES_MAX));
  row[INLINE_KEY_BYTES_MAX] = MARKER;
  return row;
}

/** The ids in a bucket's body. */
export function decodeBucket(body: Uint8Array, row: Uint8Array): number[] {
  if (body.length === 0 || body.length % ID_BYTES !== 0) {
    throw damaged("keys", row, "overflow bucket has a wrong size");
  }
  const view = asView(body);
  const ids = new Array<number>(body.length / ID_BYTES);
  for (let index = 0; index < ids.length; index++) ids[index] = readUint53(view, index * ID_BYTES);
  return ids;
}

/** The body of a bucket. */
export function encodeBucket(ids: readonly number[]): Buffer {
  const body = Buffer.allocUnsafe(ids.length * ID_BYTES);
  for (const [index, id] of ids.entries()) writeUint53(body, index * ID_BYTES, id);
  return body;
}

/** The full key of an id, valid until the next read. */
export function peekLongKey(reader: RowReader, id: number): Uint8Array {
  const row = longKeyRow(id, 0);
  const key = reader.peek("longKeys", row);
  if (key === undefined) throw damaged("longKeys", row, "missing");
  return key;
}

/** Finds a long key in its bucket. */
export function findLongKey(reader: RowReader, key: Uint8Array): LongKeyPlace {
  const row = bucketRow(key);
  const body = reader.peek("keys", row);
  const ids = body === undefined ? [] : decodeBucket(body, row);
  const index = lowerBound(reader, ids, key);
  const id = ids[index];
  const isFound = id !== undefined && Buffer.compare(peekLongKey(reader, id), key) === 0;
  return { bucketRow: row, ids, index, id: isFound ? id : undefined };
}

/** Index of the first id whose key is >= `key`. */
export function lowerBound(reader: RowReader, ids: readonly number[], key: Uint8Array): number {
  let low = 0;
  let high = ids.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (Buffer.compare(peekLongKey(reader, ids[middle]!), key) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}
