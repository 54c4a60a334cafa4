import { assert } from "../../assert.js";
import type { KeyRevision } from "../types.js";
import { damaged } from "./checksum.js";
import { decodeHistoryChunk, decodeKeyRecord, type StoredKeyRecord } from "./key-record.js";
import { findLongKey, isLongKey } from "./long-keys.js";
import { historyRow, historyRowThrough, longKeyRow } from "./row-keys.js";
import type { RowReader } from "./row-reader.js";

/** The record of a key that LMDB can have as a row key. */
export function readInlineRecord(reader: RowReader, key: Uint8Array): StoredKeyRecord | undefined {
  const body = reader.peek("keys", key);
  return body && decodeKeyRecord(body, "keys", key);
}

/** The record of a long key that is in a bucket. */
export function readLongRecord(reader: RowReader, id: number): StoredKeyRecord {
  const row = longKeyRow(id, 1);
  const body = reader.peek("longKeys", row);
  if (body === undefined) throw damaged("longKeys", row, "missing");
  return decodeKeyRecord(body, "longKeys", row);
}

/** The record of any key. */
export function readKeyRecord(reader: RowReader, key: Uint8Array): StoredKeyRecord | undefined {
  if (key.length === 0) return undefined;
  if (!isLongKey(key)) return readInlineRecord(reader, key);
  const { id } = findLongKey(reader, key);
  return id === undefined ? undefined : readLongRecord(reader, id);
}

/** The newest revision of a record's key that is <= `atRevision`, from the record or its history. */
export function findRevisionAt(
  reader: RowReader,
  record: StoredKeyRecord,
  atRevision: number,
): KeyRevision | undefined {
  const inRecord = lastAtMost(record.revisions, atRevision);
  if (inRecord || !record.spilled) return inRecord;
  const rows = reader.rows("history", {
    start: historyRowThrough(record.historyId, atRevision),
    end: historyRow(record.historyId, 0, 0),
    reverse: true,
    limit: 1,
  });
  for (const { row, body } of rows) return lastAtMost(decodeHistoryChunk(body, row), atRevision);
  return undefined;
}

/** The last of ascending revisions with main <= `atRevision`. */
export function lastAtMost(
  revisions: readonly KeyRevision[],
  atRevision: number,
): KeyRevision | undefined {
  for (let index = revisions.length - 1; index >= 0; index--) {
    const revision = revisions[index];
    assert(revision, "index in range");
    if (revision.main <= atRevision) return revision;
  }
  return undefined;
}
