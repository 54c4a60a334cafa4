/**
 * The seams of the MVCC store: the durable base (LMDB), the delta of changes since its last transaction,
 * and the view that reads both. The base and the delta know nothing of each other; `ReadView` joins them.
 */
import type { DeltaPosition } from "../messages/apply-to-main.js";

/** A place in the store's total order of changes (M-02). `sub` numbers the changes of one request. */
export interface Revision {
  readonly main: number;
  readonly sub: number;
}

/** One entry of a key's history. */
export interface KeyRevision extends Revision {
  /** The change deleted the key. */
  readonly tombstone: boolean;
}

/** What a key's current life looks like; exists only while the key does. */
export interface KeyState {
  readonly createRevision: number;
  readonly modRevision: number;
  readonly modSub: number;
  readonly version: number;
  /** Lease id, 0n for none. */
  readonly lease: bigint;
}

/**
 * A change as it is stored and as events are made of it. Objects of this shape may be reused by whoever
 * hands them out: they, and the byte arrays in them, are valid during the call only.
 */
export interface Change extends KeyRevision {
  readonly key: Uint8Array;
  /** The mvccpb.KeyValue as stored: full for a put, `{key}` alone for a tombstone (MT-35). */
  readonly keyValue: Uint8Array;
  /** 0 for a tombstone, as are version and lease. */
  readonly createRevision: number;
  readonly version: number;
  readonly lease: bigint;
}

/** What the base knows of one key: the tail of its history since compaction, and its newest state. */
export interface KeyRecord {
  /** Ascending, never empty; the newest ones. Older ones, if `spilled`, are in the history table. */
  readonly revisions: readonly KeyRevision[];
  readonly spilled: boolean;
  /** Of the newest revision; zeros when that is a tombstone. */
  readonly createRevision: number;
  readonly version: number;
  readonly lease: bigint;
}

/** Read access to one snapshot of the durable base. Production: LMDB; tests: a map. */
export interface BaseReader {
  /** Every change with main <= this is in the snapshot. */
  readonly revision: number;
  /** Moves to the newest committed snapshot. Iterators taken before are void. */
  refresh(): void;
  keyRecord(key: Uint8Array): KeyRecord | undefined;
  /** The newest revision of the key that is <= `atRevision`, reading spilled history when needed. */
  keyRevisionAt(key: Uint8Array, record: KeyRecord, atRevision: number): KeyRevision | undefined;
  /**
   * Visits key records with start <= key < end in ascending byte order; `end` undefined is no upper
   * bound. The visitor returns false to stop. Arrays it is given are valid during the call.
   */
  visitKeys(
    start: Uint8Array,
    end: Uint8Array | undefined,
    visit: (key: Uint8Array, record: KeyRecord) => boolean,
  ): void;
  /**
   * The stored KeyValue of a revision, checksum verified. Missing or damaged: throws StoreCorruptError.
   * The array is the caller's to keep.
   */
  keyValue(revision: Revision): Uint8Array;
  /**
   * Visits stored changes with from <= (main, sub) in ascending order, up to main <= toMain.
   * The visitor returns false to stop. Compacted changes may be missing.
   */
  visitChanges(from: Revision, toMain: number, visit: (change: Change) => boolean): void;
}

/** A delta record's place and contents. */
export interface DeltaChange extends Change {
  readonly position: DeltaPosition;
  /** The last change of its main revision: after it the revision is complete. */
  readonly lastOfRevision: boolean;
}

/** Stored bytes that do not check out: the process must stop rather than serve them. */
export class StoreCorruptError extends Error {
  override name = "StoreCorruptError";
}
