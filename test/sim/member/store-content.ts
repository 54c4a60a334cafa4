import { EMPTY_STATE, type StoreState } from "../../../src/shared/mvcc/base/store-state.js";
import { keyString } from "../../../src/shared/mvcc/key-string.js";
import type { Change, KeyRecord, KeyRevision, Revision } from "../../../src/shared/mvcc/types.js";
import { StoreCorruptError } from "../../../src/shared/mvcc/types.js";

/** The small tables, by id. */
export interface SmallTables {
  readonly leases: ReadonlyMap<bigint, Uint8Array>;
  readonly members: ReadonlyMap<bigint, Uint8Array>;
  readonly removedMembers: ReadonlyMap<bigint, Uint8Array>;
  readonly alarms: ReadonlyMap<string, readonly [bigint, number]>;
}

const NO_TABLES: SmallTables = {
  leases: new Map(),
  members: new Map(),
  removedMembers: new Map(),
  alarms: new Map(),
};

/** A key with its changes, ascending. */
interface KeyHistory {
  readonly key: Uint8Array;
  readonly changes: Change[];
}

/** Everything that a durable store holds at one moment. Never changed: a transaction makes a new one. */
export class StoreContent {
  static readonly empty = new StoreContent(EMPTY_STATE, [], NO_TABLES);

  readonly state: StoreState;
  readonly changes: readonly Change[];
  readonly tables: SmallTables;
  #keys: KeyHistory[] | undefined;
  #byKey: Map<string, KeyHistory> | undefined;

  constructor(state: StoreState, changes: readonly Change[], tables: SmallTables) {
    this.state = state;
    this.changes = changes;
    this.tables = tables;
  }

  /** History of one key. */
  history(key: Uint8Array): readonly Change[] {
    this.#index();
    return this.#byKey?.get(keyString(key))?.changes ?? [];
  }

  /** All keys, ascending. */
  keys(): readonly KeyHistory[] {
    this.#index();
    return this.#keys ?? [];
  }

  /** The same store without what a compaction removes (C-06, C-07). */
  compacted(): StoreContent {
    const { compactRevision } = this.state;
    const newest = new Map<string, Change>();
    for (const change of this.changes) {
      if (change.main <= compactRevision) newest.set(keyString(change.key), change);
    }
    const kept = this.changes.filter(
      (change) =>
        change.main > compactRevision ||
        (newest.get(keyString(change.key)) === change &&
          (!change.tombstone || change.main === compactRevision)),
    );
    const state = { ...this.state, finishedCompactRevision: compactRevision };
    return new StoreContent(state, kept, this.tables);
  }

  /** Position of the first change at or after a revision. */
  firstFrom(from: Revision): number {
    let low = 0;
    let high = this.changes.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (compare(this.changes[middle]!, from) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** The stored bytes of a change. */
  keyValue(revision: Revision): Uint8Array {
    const found = this.changes[this.firstFrom(revision)];
    if (found === undefined || compare(found, revision) !== 0) {
      throw new StoreCorruptError(`no change ${revision.main}.${revision.sub}`);
    }
    return new Uint8Array(found.keyValue);
  }

  #index(): void {
    if (this.#keys !== undefined) return;
    const byKey = new Map<string, KeyHistory>();
    for (const change of this.changes) {
      const text = keyString(change.key);
      const known = byKey.get(text);
      if (known === undefined) byKey.set(text, { key: change.key, changes: [change] });
      else known.changes.push(change);
    }
    this.#byKey = byKey;
    this.#keys = [...byKey.values()].sort((a, b) => Buffer.compare(a.key, b.key));
  }
}

/** What the base tells of a key with this history. */
export function keyRecordOf(history: readonly Change[]): KeyRecord | undefined {
  const newest = history.at(-1);
  if (newest === undefined) return undefined;
  const { createRevision, version, lease } = newest;
  const revisions = history.map(toKeyRevision);
  return { revisions, spilled: false, createRevision, version, lease };
}

/** A change as an entry of a key's history. */
export function toKeyRevision({ main, sub, tombstone }: KeyRevision): KeyRevision {
  return { main, sub, tombstone };
}

function compare(a: Revision, b: Revision): number {
  return a.main - b.main || a.sub - b.sub;
}
