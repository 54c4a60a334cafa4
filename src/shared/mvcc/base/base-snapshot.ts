import type { Transaction } from "lmdb";
import { assert } from "../../assert.js";
import { storedFields } from "../key-value.js";
import {
  type Change,
  type KeyRecord,
  type KeyRevision,
  type Revision,
  StoreCorruptError,
} from "../types.js";
import { damaged } from "./checksum.js";
import { findRevisionAt, readKeyRecord, readLongRecord } from "./key-lookup.js";
import { decodeKeyRecord, StoredKeyRecord } from "./key-record.js";
import { bucketRow, decodeBucket, isBucketRow, isLongKey, peekLongKey } from "./long-keys.js";
import { asView, idRow, readIdRow, readRevisionRow, readUint53, revisionRow } from "./row-keys.js";
import { RowReader } from "./row-reader.js";
import { MetaRow, type Tables } from "./store-format.js";
import { decodeStoreState, type StoreState } from "./store-state.js";

/** Flags in front of a stored change. */
export const ChangeFlag = { tombstone: 1 } as const;

const FLAGS_BYTES = 1;
const EMPTY = new Uint8Array(0);

/**
 * One snapshot of the base: everything read through it is of the same transaction, however long it is
 * held. While it is, LMDB cannot reuse the pages that were freed after it.
 */
export class BaseSnapshot {
  readonly state: StoreState;
  readonly rows: RowReader;
  readonly #tables: Tables;
  #transaction: Transaction | undefined;

  /** Takes over one use of the transaction, which `release` gives back. */
  constructor(tables: Tables, transaction: Transaction) {
    this.#tables = tables;
    this.#transaction = transaction;
    this.rows = new RowReader(tables, transaction);
    const state = this.rows.peek("meta", MetaRow.state);
    if (!state) throw damaged("meta", MetaRow.state, "missing");
    this.state = decodeStoreState(state);
  }

  /** See `BaseReader.revision`. */
  get revision(): number {
    return this.state.revision;
  }

  /** The same snapshot once more, to be released on its own. */
  share(): BaseSnapshot {
    assert(this.#transaction, "snapshot shared after its release");
    // lmdb-js counts uses; its types do not show that they can be added.
    const transaction: Transaction & { use?: () => void } = this.#transaction;
    transaction.use?.();
    return new BaseSnapshot(this.#tables, transaction);
  }

  /** Ends the snapshot. Nothing may be read through it afterwards. */
  release(): void {
    assert(this.#transaction, "snapshot released twice");
    this.#transaction.done();
    this.#transaction = undefined;
  }

  /** See `BaseReader.keyRecord`. */
  keyRecord(key: Uint8Array): StoredKeyRecord | undefined {
    return readKeyRecord(this.rows, key);
  }

  /** See `BaseReader.keyRevisionAt`. */
  keyRevisionAt(key: Uint8Array, record: KeyRecord, atRevision: number): KeyRevision | undefined {
    const stored = record instanceof StoredKeyRecord ? record : this.keyRecord(key);
    return stored && findRevisionAt(this.rows, stored, atRevision);
  }

  /** See `BaseReader.visitKeys`. */
  visitKeys(
    start: Uint8Array,
    end: Uint8Array | undefined,
    visit: (key: Uint8Array, record: StoredKeyRecord) => boolean,
  ): void {
    if (end && Buffer.compare(start, end) >= 0) return;
    const range = {
      start: isLongKey(start) ? bucketRow(start) : start,
      // A bound inside a bucket: the bucket is the last row, and is cut below.
      end: end && (isLongKey(end) ? Buffer.concat([bucketRow(end), Buffer.of(0)]) : end),
    };
    for (const { row, body } of this.rows.rows("keys", range)) {
      const isMore = isBucketRow(row)
        ? this.#visitBucket(decodeBucket(body, row), { start, end, visit })
        : visit(row, decodeKeyRecord(body, "keys", row));
      if (!isMore) return;
    }
  }

  /** See `BaseReader.keyValue`. */
  keyValue(revision: Revision): Uint8Array {
    const row = revisionRow(revision);
    const keyValue = this.rows.get("revisions", row, FLAGS_BYTES);
    if (!keyValue) {
      throw new StoreCorruptError(
        `store damaged: table revisions, revision ${revision.main}.${revision.sub}: missing`,
      );
    }
    return keyValue;
  }

  /** See `BaseReader.visitChanges`. */
  visitChanges(from: Revision, toMain: number, visit: (change: Change) => boolean): void {
    const range = { start: revisionRow(from), end: revisionRow({ main: toMain + 1, sub: 0 }) };
    for (const { row, body } of this.rows.rows("revisions", range)) {
      if (!visit(decodeChange(row, body))) return;
    }
  }

  /** Visits leases by id: leasepb.Lease bytes. */
  visitLeases(visit: (id: bigint, lease: Uint8Array) => void): void {
    for (const { row, body } of this.rows.rows("leases", { start: EMPTY })) {
      visit(readIdRow(row), body);
    }
  }

  /** Visits the keys attached to one lease, or to all (in lease order): no walk over all keys. */
  visitLeaseKeys(lease: bigint | undefined, visit: (lease: bigint, key: Uint8Array) => void): void {
    const start = lease === undefined ? EMPTY : idRow(lease);
    const end = lease === undefined ? undefined : leaseRangeEnd(lease);
    for (const { row } of this.rows.rows("leaseKeys", { start, end })) {
      const isInline = row[8] === 0;
      const key = isInline
        ? row.subarray(9)
        : new Uint8Array(peekLongKey(this.rows, readUint53(asView(row), 9)));
      visit(readIdRow(row), key);
    }
  }

  /** Visits members by id: etcdserverpb.Member bytes. */
  visitMembers(visit: (id: bigint, member: Uint8Array) => void): void {
    for (const { row, body } of this.rows.rows("members", { start: EMPTY })) {
      visit(readIdRow(row), body);
    }
  }

  /** Visits the ids that were members once. */
  visitRemovedMembers(visit: (id: bigint) => void): void {
    for (const { row } of this.rows.rows("removedMembers", { start: EMPTY })) {
      visit(asView(row).getBigUint64(0));
    }
  }

  /** Visits raised alarms: member id and etcdserverpb.AlarmType. */
  visitAlarms(visit: (memberId: bigint, alarm: number) => void): void {
    for (const { row } of this.rows.rows("alarms", { start: EMPTY })) {
      visit(asView(row).getBigUint64(0), asView(row).getUint32(8));
    }
  }

  /** A named value (ids, configuration of the Raft group), or undefined. */
  namedValue(name: string): Uint8Array | undefined {
    return this.rows.get("meta", Buffer.from(MetaRow.value + name));
  }

  #visitBucket(
    ids: readonly number[],
    range: {
      readonly start: Uint8Array;
      readonly end: Uint8Array | undefined;
      readonly visit: (key: Uint8Array, record: StoredKeyRecord) => boolean;
    },
  ): boolean {
    for (const id of ids) {
      const key = new Uint8Array(peekLongKey(this.rows, id));
      if (Buffer.compare(key, range.start) < 0) continue;
      if (range.end && Buffer.compare(key, range.end) >= 0) return false;
      if (!range.visit(key, readLongRecord(this.rows, id))) return false;
    }
    return true;
  }
}

function decodeChange(row: Uint8Array, body: Uint8Array): Change {
  const { main, sub } = readRevisionRow(row);
  const keyValue = body.subarray(FLAGS_BYTES);
  const { key, createRevision, version, lease } = storedFields(keyValue);
  return {
    key,
    keyValue,
    main,
    sub,
    tombstone: ((body[0] ?? 0) & ChangeFlag.tombstone) !== 0,
    createRevision,
    version,
    lease,
  };
}

/** The first row behind a lease's own: the byte after its id is 0 or 1. */
function leaseRangeEnd(lease: bigint): Buffer {
  return Buffer.concat([idRow(lease), Buffer.of(2)]);
}
