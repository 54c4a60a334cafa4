import { assert } from "../../../src/shared/assert.js";
import {
  type BaseReader,
  type Change,
  type KeyRecord,
  type KeyRevision,
  type Revision,
  StoreCorruptError,
} from "../../../src/shared/mvcc/types.js";

/** Options of the twin. */
export interface MapBaseOptions {
  /** Revisions that a key record holds before older ones count as spilled. */
  readonly tailMax?: number;
}

/**
 * The slow, obvious twin of the durable base: an array of changes, walked afresh for every question.
 * `append` is what a checkpoint does, and is seen after `refresh()`.
 */
export class MapBase implements BaseReader {
  readonly #tailMax: number;
  #changes: Change[] = [];
  /** What has been appended or compacted away since the last `refresh`. */
  #next: Change[] = [];
  #nextRevision = 1;
  revision = 1;

  constructor(options: MapBaseOptions = {}) {
    this.#tailMax = options.tailMax ?? 32;
  }

  /** Takes changes in revision order. The arrays in them are copied. */
  append(changes: Iterable<Change>): void {
    for (const change of changes) {
      const last = this.#next.at(-1);
      assert(!last || compareRevisions(last, change) < 0, "changes in revision order");
      this.#next.push(copyChange(change));
      this.#nextRevision = Math.max(this.#nextRevision, change.main);
    }
  }

  /** Removes what a compaction to `atRevision` removes (C-06, C-07). Seen after `refresh()`. */
  compact(atRevision: number): void {
    const newest = new Map<string, Change>();
    for (const change of this.#next) {
      if (change.main <= atRevision) newest.set(hex(change.key), change);
    }
    this.#next = this.#next.filter(
      (change) =>
        change.main > atRevision ||
        (newest.get(hex(change.key)) === change &&
          (!change.tombstone || change.main === atRevision)),
    );
  }

  refresh(): void {
    this.#changes = [...this.#next];
    this.revision = this.#nextRevision;
  }

  keyRecord(key: Uint8Array): KeyRecord | undefined {
    const history = this.#history(key);
    const newest = history.at(-1);
    if (!newest) return undefined;
    return {
      revisions: history.slice(-this.#tailMax).map(toKeyRevision),
      spilled: history.length > this.#tailMax,
      createRevision: newest.createRevision,
      version: newest.version,
      lease: newest.lease,
    };
  }

  keyRevisionAt(key: Uint8Array, _record: KeyRecord, atRevision: number): KeyRevision | undefined {
    const found = this.#history(key).findLast((change) => change.main <= atRevision);
    return found && toKeyRevision(found);
  }

  visitKeys(
    start: Uint8Array,
    end: Uint8Array | undefined,
    visit: (key: Uint8Array, record: KeyRecord) => boolean,
  ): void {
    const keys = new Map(this.#changes.map((change) => [hex(change.key), change.key]));
    for (const [, key] of [...keys].sort(([a], [b]) => (a < b ? -1 : 1))) {
      if (Buffer.compare(key, start) < 0) continue;
      if (end && Buffer.compare(key, end) >= 0) return;
      const record = this.keyRecord(key);
      assert(record, "a key with changes has a record");
      if (!visit(key, record)) return;
    }
  }

  keyValue(revision: Revision): Uint8Array {
    const found = this.#changes.find((change) => compareRevisions(change, revision) === 0);
    if (!found) throw new StoreCorruptError(`no change ${revision.main}.${revision.sub}`);
    return new Uint8Array(found.keyValue);
  }

  visitChanges(from: Revision, toMain: number, visit: (change: Change) => boolean): void {
    for (const change of this.#changes) {
      if (compareRevisions(change, from) < 0) continue;
      if (change.main > toMain || !visit(change)) return;
    }
  }

  #history(key: Uint8Array): Change[] {
    return this.#changes.filter((change) => Buffer.compare(change.key, key) === 0);
  }
}

/** Orders revisions by (main, sub). */
export function compareRevisions(left: Revision, right: Revision): number {
  return left.main - right.main || left.sub - right.sub;
}

/** A change that owns its bytes. */
export function copyChange(change: Change): Change {
  return {
    key: new Uint8Array(change.key),
    keyValue: new Uint8Array(change.keyValue),
    main: change.main,
    sub: change.sub,
    tombstone: change.tombstone,
    createRevision: change.createRevision,
    version: change.version,
    lease: change.lease,
  };
}

function toKeyRevision({ main, sub, tombstone }: KeyRevision): KeyRevision {
  return { main, sub, tombstone };
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
