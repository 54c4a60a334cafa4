import { assert } from "../../shared/assert.js";
import type { DeltaPosition } from "../../shared/messages/apply-to-main.js";
import { ChangeFlag } from "../../shared/mvcc/base/base-snapshot.js";
import {
  alarmRow,
  idRow,
  REVISION_ROW_BYTES,
  writeRevisionRow,
} from "../../shared/mvcc/base/row-keys.js";
import { MetaRow } from "../../shared/mvcc/base/store-format.js";
import { encodeStoreState, type StoreState } from "../../shared/mvcc/base/store-state.js";
import { keyString } from "../../shared/mvcc/key-string.js";
import type { DeltaChange, KeyRevision } from "../../shared/mvcc/types.js";
import { type IdSource, KeyWriter } from "./key-writer.js";
import type { RowWriter } from "./row-writer.js";
import { SortedCollector } from "./sorted-collector.js";

/** An id with its new row, or undefined when the row goes. */
export type IdChange = readonly [id: bigint, row: Uint8Array | undefined];

/** What a checkpoint brings into LMDB. Arrays must stay as they are until the run is done. */
export interface CheckpointInput {
  /** Visits delta changes in revision order, from <= position < to. A visitor that returns false stops. */
  forEachChange(
    from: DeltaPosition,
    to: DeltaPosition,
    visit: (change: DeltaChange) => boolean,
  ): void;
  readonly from: DeltaPosition;
  readonly to: DeltaPosition;
  /** The state at `to`. */
  readonly appliedIndex: number;
  readonly appliedTerm: number;
  readonly revision: number;
  readonly compactRevision: number;
  readonly stateHash: bigint;
  /** leasepb.Lease and etcdserverpb.Member rows that changed since the last checkpoint. */
  readonly leases: readonly IdChange[];
  readonly members: readonly IdChange[];
  /** Ids that were members once. */
  readonly removedMembers: readonly IdChange[];
  readonly alarms: readonly {
    readonly memberId: bigint;
    readonly alarm: number;
    readonly raised: boolean;
  }[];
  /** Named values to store beside the state. */
  readonly values: readonly (readonly [name: string, value: Uint8Array])[];
}

/** Changes or keys between two looks at the clock; bytes count as changes, a page each. */
const STEP_UNITS = 32;
const UNIT_BYTES_SHIFT = 12;

/** A key's part of a checkpoint while it is collected. */
interface PendingKey {
  readonly revisions: KeyRevision[];
  createRevision: number;
  version: number;
  lease: bigint;
}

/**
 * The writes of a checkpoint in the open transaction, to be run step by step: values are appended in
 * revision order, then the keys are written in key order, each once, so that a page is touched once
 * however many of its keys changed. Gives the state that it stored.
 */
export function* writeCheckpoint(
  rows: RowWriter,
  before: StoreState,
  input: CheckpointInput,
): Generator<void, StoreState, undefined> {
  assert(input.revision >= before.revision, "checkpoint goes back", { ...before });
  const pending = new SortedCollector<PendingKey>();
  yield* appendChanges(rows, input, pending);
  const ids: IdSource = { nextId: before.nextId };
  const keys = new KeyWriter(rows, ids);
  let units = 0;
  for (const key of yield* pending.sortedKeys()) {
    const changes = pending.get(key);
    keys.merge(Buffer.from(key, "latin1"), changes);
    units += 1 + (changes.revisions.length >> 2) + (key.length >> UNIT_BYTES_SHIFT);
    if (units < STEP_UNITS) continue;
    units = 0;
    yield;
  }
  yield* writeSmallTables(rows, input);
  const state: StoreState = {
    appliedIndex: input.appliedIndex,
    appliedTerm: input.appliedTerm,
    revision: input.revision,
    compactRevision: input.compactRevision,
    finishedCompactRevision: before.finishedCompactRevision,
    nextId: ids.nextId,
    stateHash: input.stateHash,
  };
  rows.put("meta", MetaRow.state, encodeStoreState(state));
  return state;
}

function* appendChanges(
  rows: RowWriter,
  input: CheckpointInput,
  pending: SortedCollector<PendingKey>,
): Generator<void, void, undefined> {
  const row = Buffer.alloc(REVISION_ROW_BYTES);
  const flags = Buffer.alloc(1);
  let from: DeltaPosition | undefined = input.from;
  while (from) {
    let units = 0;
    const stop: { at: DeltaPosition | undefined } = { at: undefined };
    input.forEachChange(from, input.to, (change) => {
      if (units >= STEP_UNITS) {
        // Copied: the visited object may be reused.
        stop.at = { segment: change.position.segment, offset: change.position.offset };
        return false;
      }
      units += 1 + (change.keyValue.length >> UNIT_BYTES_SHIFT);
      writeRevisionRow(row, 0, change.main, change.sub);
      flags[0] = change.tombstone ? ChangeFlag.tombstone : 0;
      const isAppended = rows.append("revisions", row, flags, change.keyValue);
      assert(isAppended, "change is not newer than the store", { main: change.main });
      collect(pending, change);
      return true;
    });
    from = stop.at;
    yield;
  }
}

function collect(pending: SortedCollector<PendingKey>, change: DeltaChange): void {
  const entry = pending.at(keyString(change.key), makePendingKey);
  entry.revisions.push({ main: change.main, sub: change.sub, tombstone: change.tombstone });
  entry.createRevision = change.createRevision;
  entry.version = change.version;
  entry.lease = change.lease;
}

function makePendingKey(): PendingKey {
  return { revisions: [], createRevision: 0, version: 0, lease: 0n };
}

function* writeSmallTables(
  rows: RowWriter,
  input: CheckpointInput,
): Generator<void, void, undefined> {
  let units = 0;
  for (const table of ["leases", "members", "removedMembers"] as const) {
    for (const [id, body] of input[table]) {
      if (body) rows.put(table, idRow(id), body);
      else rows.remove(table, idRow(id));
      if (++units % STEP_UNITS === 0) yield;
    }
  }
  for (const { memberId, alarm, raised } of input.alarms) {
    if (raised) rows.put("alarms", alarmRow(memberId, alarm), Buffer.alloc(0));
    else rows.remove("alarms", alarmRow(memberId, alarm));
  }
  for (const [name, value] of input.values) {
    rows.put("meta", Buffer.from(MetaRow.value + name), value);
  }
}
