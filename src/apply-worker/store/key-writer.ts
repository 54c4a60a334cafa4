import { assert } from "../../shared/assert.js";
import { readInlineRecord, readLongRecord } from "../../shared/mvcc/base/key-lookup.js";
import {
  CHUNK_MAX,
  encodeHistoryChunk,
  encodeKeyRecord,
  StoredKeyRecord,
  TAIL_KEEP,
  TAIL_MAX,
} from "../../shared/mvcc/base/key-record.js";
import { encodeBucket, findLongKey, isLongKey } from "../../shared/mvcc/base/long-keys.js";
import { historyRow, leaseKeyRow, longKeyRow } from "../../shared/mvcc/base/row-keys.js";
import type { KeyRevision } from "../../shared/mvcc/types.js";
import type { RowWriter } from "./row-writer.js";

const NO_BODY = new Uint8Array(0);

/** Gives out ids for long keys and histories; the caller stores how far it got. */
export interface IdSource {
  nextId: number;
}

/** A key in the open transaction: what is stored of it, and where. */
export interface StoredKey {
  readonly key: Uint8Array;
  readonly record: StoredKeyRecord | undefined;
  /** Of a long key that is stored. */
  readonly longId: number | undefined;
}

/** What a checkpoint knows of a key: its new revisions, ascending, and its state after the last one. */
export interface KeyChanges {
  readonly revisions: readonly KeyRevision[];
  readonly createRevision: number;
  readonly version: number;
  readonly lease: bigint;
}

/** Writes key records with all that hangs on them: buckets of long keys, history chunks, lease rows. */
export class KeyWriter {
  readonly #rows: RowWriter;
  readonly #ids: IdSource;

  constructor(rows: RowWriter, ids: IdSource) {
    this.#rows = rows;
    this.#ids = ids;
  }

  /** Looks a key up as the transaction sees it. */
  find(key: Uint8Array): StoredKey {
    const { reader } = this.#rows;
    if (!isLongKey(key)) return { key, record: readInlineRecord(reader, key), longId: undefined };
    const { id } = findLongKey(reader, key);
    return { key, record: id === undefined ? undefined : readLongRecord(reader, id), longId: id };
  }

  /** Adds a checkpoint's changes to a key. */
  merge(key: Uint8Array, changes: KeyChanges): void {
    const stored = this.find(key);
    const { record } = stored;
    const longId = isLongKey(key) ? (stored.longId ?? this.#addLongKey(key)) : undefined;
    const { tail, historyId } = this.#spill(
      record ? [...record.revisions, ...changes.revisions] : changes.revisions,
      record?.historyId ?? 0,
    );
    const { createRevision, version, lease } = changes;
    const next = new StoredKeyRecord({
      revisions: tail,
      historyId,
      createRevision,
      version,
      lease,
    });
    this.#moveLease(record?.lease ?? 0n, lease, { key, longId });
    this.#putRecord(key, longId, next);
  }

  /** Replaces the record of a stored key. */
  replace(stored: StoredKey, record: StoredKeyRecord): void {
    this.#putRecord(stored.key, stored.longId, record);
  }

  /** Removes a stored key that has no revisions left. Its newest one was a tombstone, so it has no lease. */
  remove(stored: StoredKey): void {
    if (stored.longId === undefined) {
      this.#rows.remove("keys", stored.key);
      return;
    }
    const place = findLongKey(this.#rows.reader, stored.key);
    assert(place.id === stored.longId, "long key is in its bucket");
    const ids = place.ids.toSpliced(place.index, 1);
    if (ids.length === 0) this.#rows.remove("keys", place.bucketRow);
    else this.#rows.put("keys", place.bucketRow, encodeBucket(ids));
    this.#rows.remove("longKeys", longKeyRow(stored.longId, 0));
    this.#rows.remove("longKeys", longKeyRow(stored.longId, 1));
  }

  #putRecord(key: Uint8Array, longId: number | undefined, record: StoredKeyRecord): void {
    const body = encodeKeyRecord(record);
    if (longId === undefined) this.#rows.put("keys", key, body);
    else this.#rows.put("longKeys", longKeyRow(longId, 1), body);
  }

  #addLongKey(key: Uint8Array): number {
    const place = findLongKey(this.#rows.reader, key);
    const id = this.#ids.nextId++;
    this.#rows.put("keys", place.bucketRow, encodeBucket(place.ids.toSpliced(place.index, 0, id)));
    this.#rows.put("longKeys", longKeyRow(id, 0), key);
    return id;
  }

  /** Moves revisions that a record has no room for to history chunks. */
  #spill(
    revisions: readonly KeyRevision[],
    historyId: number,
  ): { tail: readonly KeyRevision[]; historyId: number } {
    if (revisions.length <= TAIL_MAX) return { tail: revisions, historyId };
    const id = historyId === 0 ? this.#ids.nextId++ : historyId;
    const spilledCount = revisions.length - TAIL_KEEP;
    for (let start = 0; start < spilledCount; start += CHUNK_MAX) {
      const chunk = revisions.slice(start, Math.min(start + CHUNK_MAX, spilledCount));
      const first = chunk[0];
      assert(first, "a chunk has a revision");
      this.#rows.put("history", historyRow(id, first.main, first.sub), encodeHistoryChunk(chunk));
    }
    return { tail: revisions.slice(spilledCount), historyId: id };
  }

  #moveLease(
    before: bigint,
    after: bigint,
    owner: { readonly key: Uint8Array; readonly longId: number | undefined },
  ): void {
    if (before === after) return;
    const { key, longId } = owner;
    if (before !== 0n) this.#rows.remove("leaseKeys", leaseKeyRow(before, key, longId));
    if (after !== 0n) this.#rows.put("leaseKeys", leaseKeyRow(after, key, longId), NO_BODY);
  }
}
