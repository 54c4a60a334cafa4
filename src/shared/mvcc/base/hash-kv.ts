import type { Change, KeyRevision, Revision } from "../types.js";
import { crc32c } from "./crc32c.js";

/** A fixed state to hash: a pinned base, or one with delta changes on top. */
export interface HashSource {
  /** As `BaseReader.visitChanges`, delta changes included. */
  visitChanges(from: Revision, toMain: number, visit: (change: Change) => boolean): void;
  /** The newest revision of a key that is <= `atRevision`. */
  revisionAt(key: Uint8Array, atRevision: number): KeyRevision | undefined;
}

/** What is hashed. */
export interface HashTarget {
  /** Everything up to this revision. */
  readonly revision: number;
  /** The compacted revision (-1 for none) as of the same state; at most `revision`. */
  readonly compactRevision: number;
}

/** Changes hashed between two yields, bytes counted in pages. */
const STEP_UNITS = 64;
const TABLE_NAME = Buffer.from("key");
const KEY_BYTES = 17;
const TOMBSTONE_MARK = 0x74; // t
const SEPARATOR = 0x5f; // _

/**
 * HashKV's number at a revision, in steps (MT-33, MT-35): equal to etcd's for the same history, and the
 * same however far a compaction has got with its removals.
 */
export function* hashKeyValues(
  source: HashSource,
  target: HashTarget,
): Generator<void, number, undefined> {
  const { revision, compactRevision } = target;
  const keptAt = (yield* isAnyKeyAlive(source, revision)) ? revision : compactRevision;
  const row = Buffer.alloc(KEY_BYTES + 1, TOMBSTONE_MARK);
  row[8] = SEPARATOR;
  let crc = crc32c(TABLE_NAME);
  yield* forEachChange(source, revision, (change) => {
    if (change.main <= compactRevision && !isKept(source, change, keptAt)) return true;
    // Tombstones at the compacted revision are left out, as releases before 3.5.16 removed them.
    if (change.main === compactRevision && change.tombstone) return true;
    row.writeBigUInt64BE(BigInt(change.main), 0);
    row.writeBigUInt64BE(BigInt(change.sub), KEY_BYTES - 8);
    crc = crc32c(row.subarray(0, change.tombstone ? KEY_BYTES + 1 : KEY_BYTES), crc);
    crc = crc32c(change.keyValue, crc);
    return true;
  });
  return crc;
}

/**
 * Whether a compaction at `atRevision` would keep the change. etcd leaves out what a compaction at the
 * hashed revision would not keep, but only if it would keep anything at all; if not, what a compaction at
 * the compacted revision keeps is still in its store, and counts.
 */
function isKept(source: HashSource, change: Change, atRevision: number): boolean {
  if (change.tombstone) return false;
  const newest = source.revisionAt(change.key, atRevision);
  return newest?.main === change.main && newest.sub === change.sub;
}

function* isAnyKeyAlive(source: HashSource, revision: number): Generator<void, boolean, undefined> {
  let isAlive = false;
  yield* forEachChange(source, revision, (change) => {
    isAlive = isKept(source, change, revision);
    return !isAlive;
  });
  return isAlive;
}

function* forEachChange(
  source: HashSource,
  toMain: number,
  visit: (change: Change) => boolean,
): Generator<void, void, undefined> {
  let from: Revision = { main: 0, sub: 0 };
  for (;;) {
    let units = 0;
    let isStopped = false;
    source.visitChanges(from, toMain, (change) => {
      from = { main: change.main, sub: change.sub + 1 };
      units += 1 + (change.keyValue.length >> 12);
      isStopped = !visit(change);
      return !isStopped && units < STEP_UNITS;
    });
    if (isStopped || units < STEP_UNITS) return;
    yield;
  }
}
