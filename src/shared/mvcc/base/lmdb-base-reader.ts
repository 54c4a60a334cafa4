import { assert } from "../../assert.js";
import type { BaseReader, Change, KeyRecord, KeyRevision, Revision } from "../types.js";
import { BaseSnapshot } from "./base-snapshot.js";
import {
  openEnvironment,
  type StoreEnvironment,
  type StoreSizes,
  storeSizes,
} from "./store-format.js";
import type { StoreState } from "./store-state.js";

export type { StoreSizes } from "./store-format.js";

/** A snapshot held over several turns. Whoever pins it releases it, once. */
export type PinnedBase = BaseSnapshot;

/**
 * The durable base in LMDB, read by any thread of the process. It stays on one snapshot until `refresh`:
 * calls in between, in one turn or in many, see the same state.
 */
export class LmdbBaseReader implements BaseReader {
  readonly #environment: StoreEnvironment;
  #held: BaseSnapshot | undefined;

  private constructor(environment: StoreEnvironment) {
    this.#environment = environment;
    this.#held = takeSnapshot(environment);
  }

  /**
   * Opens the store of a directory for reading. A `StoreWriter` of this process must have opened it
   * before and outlive the reader. Damage: StoreCorruptError.
   */
  static open(directory: string): LmdbBaseReader {
    return new LmdbBaseReader(openEnvironment(directory, "read"));
  }

  get revision(): number {
    return this.#snapshot.revision;
  }

  /** Where the store stood in this snapshot. */
  get state(): StoreState {
    return this.#snapshot.state;
  }

  /** The current snapshot, for what `BaseReader` does not have. Valid until `refresh`. */
  get snapshot(): BaseSnapshot {
    return this.#snapshot;
  }

  refresh(): void {
    const stale = this.#held;
    this.#held = takeSnapshot(this.#environment);
    stale?.release();
  }

  /** Holds no snapshot, and so no page from being used again, until the next `refresh`. */
  rest(): void {
    this.#held?.release();
    this.#held = undefined;
  }

  get #snapshot(): BaseSnapshot {
    assert(this.#held, "the base is read while it rests");
    return this.#held;
  }

  /** The current snapshot, to be read after later refreshes too. */
  pin(): PinnedBase {
    return this.#snapshot.share();
  }

  /** A snapshot of the newest commit, wherever the reader is. To be released. */
  pinNewest(): PinnedBase {
    return takeSnapshot(this.#environment);
  }

  keyRecord(key: Uint8Array): KeyRecord | undefined {
    return this.#snapshot.keyRecord(key);
  }

  keyRevisionAt(key: Uint8Array, record: KeyRecord, atRevision: number): KeyRevision | undefined {
    return this.#snapshot.keyRevisionAt(key, record, atRevision);
  }

  visitKeys(
    start: Uint8Array,
    end: Uint8Array | undefined,
    visit: (key: Uint8Array, record: KeyRecord) => boolean,
  ): void {
    this.#snapshot.visitKeys(start, end, visit);
  }

  keyValue(revision: Revision): Uint8Array {
    return this.#snapshot.keyValue(revision);
  }

  visitChanges(from: Revision, toMain: number, visit: (change: Change) => boolean): void {
    this.#snapshot.visitChanges(from, toMain, visit);
  }

  /** File sizes as of the newest commit. */
  sizes(): StoreSizes {
    return storeSizes(this.#environment);
  }

  /** Keys that have a record, deleted ones that are not compacted included. */
  keyCount(): number {
    const { root, tables } = this.#environment;
    const { entryCount } = tables.keys.getStats() as { readonly entryCount: number };
    root.resetReadTxn();
    return entryCount;
  }

  /** Snapshots that are open in the whole process. */
  openReads(): number {
    const { root } = this.#environment;
    const { numReaders } = root.getStats() as { readonly numReaders: number };
    root.resetReadTxn();
    return numReaders;
  }

  /** Gives the snapshot and the handle back. Pins must have been released. */
  async close(): Promise<void> {
    this.rest();
    await this.#environment.root.close();
  }
}

function takeSnapshot({ root, tables }: StoreEnvironment): BaseSnapshot {
  const transaction = root.useReadTransaction();
  // lmdb-js would hand this transaction out as its shared one until the next turn, and park cursors on
  // it. Taken off it, the snapshot has one owner: us.
  root.resetReadTxn();
  return new BaseSnapshot(tables, transaction);
}
