/**
 * The stored form of a key record, and of the chunks that hold its older revisions. Varints throughout,
 * because records are what random puts rewrite: a young key's takes a dozen bytes.
 *
 *     record   flags u8 (1 history, 2 lease) | [history id] | [lease u64 LE]
 *              | entries, newest first | [newest main - create revision | version]
 *     chunk    entries, newest first
 *     entries  count | main of the newest | per entry: delta * 4 + 2 (sub follows) + 1 (tombstone) | [sub]
 *
 * `delta` is how far main is below that of the entry before. The last part of a record is missing when
 * the newest revision is a tombstone.
 */
import { assert } from "../../assert.js";
import type { KeyRecord, KeyRevision } from "../types.js";
import { uvarintSize, VarintReader, writeUvarint } from "../varint.js";
import { damaged } from "./checksum.js";
import type { TableName } from "./store-format.js";

/** Revisions that a record holds at most; one more, and all but `TAIL_KEEP` move to history chunks. */
export const TAIL_MAX = 32;
/** Revisions that stay in a record when older ones move out. */
export const TAIL_KEEP = 16;
/** Revisions in one history chunk at most. */
export const CHUNK_MAX = 256;

const HAS_HISTORY = 1;
const HAS_LEASE = 2;
const ENTRY_BYTES_MAX = 16;

/** A key record with where its spilled revisions are. */
export class StoredKeyRecord implements KeyRecord {
  readonly revisions: readonly KeyRevision[];
  /** Row prefix of its chunks in `history`; 0 for none. */
  readonly historyId: number;
  readonly createRevision: number;
  readonly version: number;
  readonly lease: bigint;

  constructor(fields: Omit<StoredKeyRecord, "spilled" | "newest">) {
    this.revisions = fields.revisions;
    this.historyId = fields.historyId;
    this.createRevision = fields.createRevision;
    this.version = fields.version;
    this.lease = fields.lease;
  }

  get spilled(): boolean {
    return this.historyId !== 0;
  }

  /** The last of its revisions. */
  get newest(): KeyRevision {
    const newest = this.revisions[this.revisions.length - 1];
    assert(newest, "a key record has a revision");
    return newest;
  }
}

/** The stored form of a record, in a buffer of its own. */
export function encodeKeyRecord(record: StoredKeyRecord): Buffer {
  const { newest } = record;
  const target = Buffer.allocUnsafe(40 + record.revisions.length * ENTRY_BYTES_MAX);
  target[0] = (record.historyId === 0 ? 0 : HAS_HISTORY) | (record.lease === 0n ? 0 : HAS_LEASE);
  let offset = 1;
  if (record.historyId !== 0) offset = writeUvarint(target, offset, record.historyId);
  if (record.lease !== 0n) {
    offset = target.writeBigUInt64LE(BigInt.asUintN(64, record.lease), offset);
  }
  offset = writeEntries(target, offset, record.revisions);
  if (!newest.tombstone) {
    assert(record.createRevision <= newest.main, "created after its newest revision");
    offset = writeUvarint(target, offset, newest.main - record.createRevision);
    offset = writeUvarint(target, offset, record.version);
  }
  return target.subarray(0, offset);
}

// One for the thread: decoding never calls back.
const varints = new VarintReader();

/** Decodes a record's body, whose checksum was right. `row` names it in errors. */
export function decodeKeyRecord(
  body: Uint8Array,
  table: TableName,
  row: Uint8Array,
): StoredKeyRecord {
  const flags = body[0] ?? 0;
  varints.reset(1, body.length);
  const historyId = flags & HAS_HISTORY ? varints.read(body) : 0;
  let lease = 0n;
  if (flags & HAS_LEASE && varints.offset + 8 <= body.length) {
    lease = new DataView(body.buffer, body.byteOffset).getBigInt64(varints.offset, true);
    varints.offset += 8;
  }
  const revisions = readEntries(body);
  const newest = revisions[revisions.length - 1];
  const isAlive = newest !== undefined && !newest.tombstone;
  const createRevision = isAlive ? newest.main - varints.read(body) : 0;
  const version = isAlive ? varints.read(body) : 0;
  if (newest === undefined || !varints.ok || varints.offset !== body.length) {
    throw damaged(table, row, "key record cannot be decoded");
  }
  return new StoredKeyRecord({ revisions, historyId, createRevision, version, lease });
}

/** The stored form of a history chunk: 1 to CHUNK_MAX revisions, ascending. */
export function encodeHistoryChunk(revisions: readonly KeyRevision[]): Buffer {
  const target = Buffer.allocUnsafe(20 + revisions.length * ENTRY_BYTES_MAX);
  return target.subarray(0, writeEntries(target, 0, revisions));
}

/** The revisions of a history chunk, ascending. */
export function decodeHistoryChunk(body: Uint8Array, row: Uint8Array): KeyRevision[] {
  varints.reset(0, body.length);
  const revisions = readEntries(body);
  if (revisions.length === 0 || !varints.ok || varints.offset !== body.length) {
    throw damaged("history", row, "history chunk cannot be decoded");
  }
  return revisions;
}

function writeEntries(target: Buffer, start: number, revisions: readonly KeyRevision[]): number {
  let offset = writeUvarint(target, start, revisions.length);
  let above = revisions[revisions.length - 1]?.main ?? 0;
  offset = writeUvarint(target, offset, above);
  for (let index = revisions.length - 1; index >= 0; index--) {
    const { main, sub, tombstone } = revisions[index]!;
    assert(main <= above, "revisions ascend", { main, above });
    const bits = (above - main) * 4 + (sub > 0 ? 2 : 0) + (tombstone ? 1 : 0);
    assert(uvarintSize(bits) <= 8, "revision delta fits", { main, above });
    offset = writeUvarint(target, offset, bits);
    if (sub > 0) offset = writeUvarint(target, offset, sub);
    above = main;
  }
  return offset;
}

function readEntries(body: Uint8Array): KeyRevision[] {
  const count = varints.read(body);
  let main = varints.read(body);
  // An entry takes a byte at least: a count beyond the body must not become an allocation.
  if (!varints.ok || count > body.length - varints.offset) return [];
  const revisions = new Array<KeyRevision>(count);
  for (let index = count - 1; index >= 0; index--) {
    const bits = varints.read(body);
    main -= Math.floor(bits / 4);
    const sub = bits & 2 ? varints.read(body) : 0;
    revisions[index] = { main, sub, tombstone: (bits & 1) === 1 };
  }
  return revisions;
}
