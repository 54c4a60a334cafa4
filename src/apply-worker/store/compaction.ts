import type { BaseSnapshot } from "../../shared/mvcc/base/base-snapshot.js";
import { damaged } from "../../shared/mvcc/base/checksum.js";
import { findRevisionAt } from "../../shared/mvcc/base/key-lookup.js";
import {
  decodeHistoryChunk,
  encodeHistoryChunk,
  StoredKeyRecord,
} from "../../shared/mvcc/base/key-record.js";
import { historyRow, readHistoryRow, revisionRow } from "../../shared/mvcc/base/row-keys.js";
import { MetaRow } from "../../shared/mvcc/base/store-format.js";
import { encodeStoreState, type StoreState } from "../../shared/mvcc/base/store-state.js";
import { keyString } from "../../shared/mvcc/key-string.js";
import type { KeyRevision, Revision } from "../../shared/mvcc/types.js";
import { KeyWriter, type StoredKey } from "./key-writer.js";
import type { RowWriter } from "./row-writer.js";
import { SortedCollector } from "./sorted-collector.js";

/** How far the running compaction is. Lost in a crash: then it starts over, and finds less to do. */
export interface CompactionProgress {
  /** The compacted revision. */
  readonly target: number;
  /** Everything before it is done. */
  readonly from: Revision;
}

/** What one chunk did. `progress` is undefined when the compaction is finished. */
export interface CompactionChunk {
  readonly state: StoreState;
  readonly progress: CompactionProgress | undefined;
  /** Revisions removed. */
  readonly removed: number;
}

const STEP_UNITS = 64;

/** The compaction that the stored state asks for, from its start. */
export function pendingCompaction(state: StoreState): CompactionProgress | undefined {
  const { compactRevision, finishedCompactRevision } = state;
  if (compactRevision <= finishedCompactRevision) return undefined;
  // From the last target itself on: a tombstone that was kept there goes now (C-07).
  return { target: compactRevision, from: { main: Math.max(finishedCompactRevision, 0), sub: 0 } };
}

/**
 * A compaction in progress whose target moves. It goes on from its place: whatever the new target makes
 * superfluous before that belongs to a key that has a revision behind it. But not from within the old target's
 * own revision: a tombstone that was kept there goes now (C-07), and may have nothing behind it.
 */
export function movedTarget(progress: CompactionProgress, target: number): CompactionProgress {
  const oldTarget = { main: progress.target, sub: 0 };
  return { target, from: compare(progress.from, oldTarget) < 0 ? progress.from : oldTarget };
}

/**
 * One transaction's worth of compaction, to be run step by step: looks at the next `revisionsMax` stored
 * revisions and removes, of the keys that they belong to, what C-06 and C-07 do not keep. Any prefix of a
 * compaction is a valid store, because nothing below the target is read any more.
 * `snapshot` is the store as the transaction found it.
 */
export function* compactChunk(
  rows: RowWriter,
  snapshot: BaseSnapshot,
  options: { readonly progress: CompactionProgress; readonly revisionsMax: number },
): Generator<void, CompactionChunk, undefined> {
  const { target, from } = options.progress;
  const keys = new SortedCollector<true>();
  const scan = yield* collectKeys(snapshot, { from, target, keys, max: options.revisionsMax });
  const trim = new KeyTrim(rows, snapshot, { target, through: scan.through });
  let units = 0;
  for (const key of yield* keys.sortedKeys()) {
    const before = trim.removed;
    yield* trim.run(Buffer.from(key, "latin1"));
    units += 1 + trim.removed - before;
    if (units < STEP_UNITS) continue;
    units = 0;
    yield;
  }
  const state: StoreState = scan.atEnd
    ? { ...snapshot.state, finishedCompactRevision: target }
    : snapshot.state;
  rows.put("meta", MetaRow.state, encodeStoreState(state));
  return {
    state,
    progress: scan.atEnd ? undefined : { target, from: after(scan.through) },
    removed: trim.removed,
  };
}

function* collectKeys(
  snapshot: BaseSnapshot,
  scan: {
    readonly from: Revision;
    readonly target: number;
    readonly keys: SortedCollector<true>;
    readonly max: number;
  },
): Generator<void, { through: Revision; atEnd: boolean }, undefined> {
  let { from } = scan;
  let count = 0;
  for (;;) {
    let units = 0;
    snapshot.visitChanges(from, scan.target, (change) => {
      scan.keys.at(keyString(change.key), () => true);
      from = after(change);
      units += 1 + (change.keyValue.length >> 12);
      count += 1;
      return units < STEP_UNITS && count < scan.max;
    });
    if (units < STEP_UNITS && count < scan.max) {
      return { through: { main: scan.target, sub: Number.MAX_SAFE_INTEGER }, atEnd: true };
    }
    // `from` is one behind the last one seen, and sub only ever grew by one.
    if (count >= scan.max) {
      return { through: { main: from.main, sub: from.sub - 1 }, atEnd: false };
    }
    yield;
  }
}

/** Removes what a compaction does not keep from one key at a time, up to a revision. */
class KeyTrim {
  removed = 0;
  readonly #rows: RowWriter;
  readonly #keys: KeyWriter;
  readonly #snapshot: BaseSnapshot;
  readonly #target: number;
  readonly #through: Revision;

  constructor(
    rows: RowWriter,
    snapshot: BaseSnapshot,
    options: { readonly target: number; readonly through: Revision },
  ) {
    this.#rows = rows;
    // Trimming makes no ids.
    this.#keys = new KeyWriter(rows, { nextId: 0 });
    this.#snapshot = snapshot;
    this.#target = options.target;
    this.#through = options.through;
  }

  *run(key: Uint8Array): Generator<void, void, undefined> {
    const stored = this.#keys.find(key);
    const { record } = stored;
    if (!record) throw damaged("keys", key, "missing, but the key has revisions");
    // Ranges are read from the snapshot: a key is trimmed once per transaction, so they are as they were.
    const newest = findRevisionAt(this.#snapshot.rows, record, this.#target);
    const kept = newest && (!newest.tombstone || newest.main === this.#target) ? newest : undefined;
    const isSpilled = record.spilled && (yield* this.#trimHistory(record.historyId, kept));
    const revisions = record.revisions.filter((revision) => !this.#drops(revision, kept));
    for (const revision of record.revisions) {
      if (this.#drops(revision, kept)) this.#removeRevision(revision);
    }
    this.#store(stored, record, { revisions, historyId: isSpilled ? record.historyId : 0 });
  }

  #store(
    stored: StoredKey,
    record: StoredKeyRecord,
    next: { readonly revisions: readonly KeyRevision[]; readonly historyId: number },
  ): void {
    if (next.revisions.length === 0) {
      this.#keys.remove(stored);
      return;
    }
    const isSame =
      next.revisions.length === record.revisions.length && next.historyId === record.historyId;
    if (isSame) return;
    const { createRevision, version, lease } = record;
    this.#keys.replace(stored, new StoredKeyRecord({ ...next, createRevision, version, lease }));
  }

  /** Trims the chunks from the oldest on; true while any is left. */
  *#trimHistory(
    historyId: number,
    kept: KeyRevision | undefined,
  ): Generator<void, boolean, undefined> {
    const range = { start: historyRow(historyId, 0, 0), end: historyRow(historyId + 1, 0, 0) };
    let isAnyLeft = false;
    for (const { row, body } of this.#snapshot.rows.rows("history", range)) {
      if (compare(readHistoryRow(row), this.#through) > 0) return true;
      const chunk = decodeHistoryChunk(body, row);
      const rest = chunk.filter((revision) => !this.#drops(revision, kept));
      for (const revision of chunk) {
        if (this.#drops(revision, kept)) this.#removeRevision(revision);
      }
      // The row key stays though the first revision may go: it still is <= every one that is left.
      if (rest.length === 0) this.#rows.remove("history", row);
      else if (rest.length < chunk.length) this.#rows.put("history", row, encodeHistoryChunk(rest));
      isAnyLeft ||= rest.length > 0;
      yield;
    }
    return isAnyLeft;
  }

  #drops(revision: KeyRevision, kept: KeyRevision | undefined): boolean {
    if (compare(revision, this.#through) > 0) return false;
    return !(kept && compare(revision, kept) === 0);
  }

  #removeRevision(revision: Revision): void {
    this.#rows.remove("revisions", revisionRow(revision));
    this.removed += 1;
  }
}

function compare(left: Revision, right: Revision): number {
  return left.main - right.main || left.sub - right.sub;
}

function after({ main, sub }: Revision): Revision {
  return { main, sub: sub + 1 };
}
