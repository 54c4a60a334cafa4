import type { StoreSizes } from "../../../src/shared/mvcc/base/lmdb-base-reader.js";
import type {
  BaseReader,
  Change,
  KeyRecord,
  KeyRevision,
  Revision,
} from "../../../src/shared/mvcc/types.js";
import { keyRecordOf, type StoreContent, toKeyRevision } from "./store-content.js";

/** One content of the store, read through the eyes of a base snapshot. */
export class ContentReader {
  readonly content: StoreContent;

  constructor(content: StoreContent) {
    this.content = content;
  }

  get state() {
    return this.content.state;
  }

  keyRecord(key: Uint8Array): KeyRecord | undefined {
    return keyRecordOf(this.content.history(key));
  }

  keyRevisionAt(key: Uint8Array, _record: KeyRecord, atRevision: number): KeyRevision | undefined {
    const found = this.content.history(key).findLast((change) => change.main <= atRevision);
    return found && toKeyRevision(found);
  }

  visitKeys(
    start: Uint8Array,
    end: Uint8Array | undefined,
    visit: (key: Uint8Array, record: KeyRecord) => boolean,
  ): void {
    for (const { key, changes } of this.content.keys()) {
      if (Buffer.compare(key, start) < 0) continue;
      if (end !== undefined && Buffer.compare(key, end) >= 0) return;
      const record = keyRecordOf(changes);
      if (record !== undefined && !visit(key, record)) return;
    }
  }

  keyValue(revision: Revision): Uint8Array {
    return this.content.keyValue(revision);
  }

  visitChanges(from: Revision, toMain: number, visit: (change: Change) => boolean): void {
    const { changes } = this.content;
    for (let at = this.content.firstFrom(from); at < changes.length; at += 1) {
      const change = changes[at]!;
      if (change.main > toMain || !visit(change)) return;
    }
  }

  visitLeases(visit: (id: bigint, row: Uint8Array) => void): void {
    for (const [id, row] of byId(this.content.tables.leases)) visit(id, row);
  }

  visitMembers(visit: (id: bigint, row: Uint8Array) => void): void {
    for (const [id, row] of byId(this.content.tables.members)) visit(id, row);
  }

  visitRemovedMembers(visit: (id: bigint) => void): void {
    for (const [id] of byId(this.content.tables.removedMembers)) visit(id);
  }

  visitAlarms(visit: (memberId: bigint, alarm: number) => void): void {
    for (const [memberId, alarm] of this.content.tables.alarms.values()) visit(memberId, alarm);
  }

  visitLeaseKeys(leaseId: bigint, visit: (leaseId: bigint, key: Uint8Array) => void): void {
    for (const { key, changes } of this.content.keys()) {
      if (changes.at(-1)?.lease === leaseId) visit(leaseId, key);
    }
  }

  release(): void {}
}

/** A reader of a store, as each thread has its own: stays on one content until it is refreshed. */
export class SimBaseReader implements BaseReader {
  readonly #newest: () => StoreContent;
  #reader: ContentReader;

  constructor(newest: () => StoreContent) {
    this.#newest = newest;
    this.#reader = new ContentReader(newest());
  }

  /** What `BaseReader` does not have. */
  get snapshot(): ContentReader {
    return this.#reader;
  }

  get revision(): number {
    return this.#reader.state.revision;
  }

  refresh(): void {
    const content = this.#newest();
    if (content !== this.#reader.content) this.#reader = new ContentReader(content);
  }

  pin(): ContentReader {
    return this.#reader;
  }

  sizes(): StoreSizes {
    const bytes = 4096 + 256 * this.#newest().changes.length;
    return { bytes, bytesInUse: bytes };
  }

  keyRecord(key: Uint8Array): KeyRecord | undefined {
    return this.#reader.keyRecord(key);
  }

  keyRevisionAt(key: Uint8Array, record: KeyRecord, atRevision: number): KeyRevision | undefined {
    return this.#reader.keyRevisionAt(key, record, atRevision);
  }

  visitKeys(
    start: Uint8Array,
    end: Uint8Array | undefined,
    visit: (key: Uint8Array, record: KeyRecord) => boolean,
  ): void {
    this.#reader.visitKeys(start, end, visit);
  }

  keyValue(revision: Revision): Uint8Array {
    return this.#reader.keyValue(revision);
  }

  visitChanges(from: Revision, toMain: number, visit: (change: Change) => boolean): void {
    this.#reader.visitChanges(from, toMain, visit);
  }
}

function byId<T>(rows: ReadonlyMap<bigint, T>): [bigint, T][] {
  return [...rows].sort(([a], [b]) => (a < b ? -1 : 1));
}
