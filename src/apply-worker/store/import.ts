import { openValue } from "../../shared/mvcc/base/checksum.js";
import { MetaRow, TABLE_NAMES } from "../../shared/mvcc/base/store-format.js";
import { decodeStoreState, type StoreState } from "../../shared/mvcc/base/store-state.js";
import { snapshotRows } from "../../shared/snapshot/snapshot-file.js";
import { SnapshotError, tableName } from "../../shared/snapshot/snapshot-format.js";
import type { RowWriter } from "./row-writer.js";

/** What takes the store's place. */
export interface ImportInput {
  /** A snapshot file (src/shared/snapshot). */
  readonly path: string;
  /** The cluster whose snapshot it must be. */
  readonly clusterId: bigint;
  /** Named values that are this member's own. */
  readonly values: readonly (readonly [name: string, value: Uint8Array])[];
}

/** Rows written between two looks at the clock; bytes count as rows, a page each. */
const STEP_UNITS = 64;
const UNIT_BYTES_SHIFT = 12;
const STATE_ROW = MetaRow.state.toString();

/**
 * The writes of an import in the open transaction, to be run step by step: everything that the store holds
 * goes, what the file holds comes, appended in key order. Only a file that is complete comes to its end; the
 * transaction of any other is given up. Gives the state that the store is then in.
 */
export function* writeImport(
  rows: RowWriter,
  input: ImportInput,
): Generator<void, StoreState, undefined> {
  yield* clearStore(rows);
  let state: StoreState | undefined;
  const frames = snapshotRows(input.path, input.clusterId);
  let next = frames.next();
  let units = 0;
  for (; !next.done; next = frames.next()) {
    for (const { table, rows: pairs } of next.value) {
      const name = tableName(table);
      for (let at = 0; at + 1 < pairs.length; at += 2) {
        const [key, value] = [pairs[at]!, pairs[at + 1]!];
        rows.putStored(name, key, value);
        if (name === "meta" && Buffer.from(key).toString() === STATE_ROW) {
          state = decodeStoreState(openValue(name, key, value));
        }
        units += 1 + (value.length >> UNIT_BYTES_SHIFT);
        if (units < STEP_UNITS) continue;
        units = 0;
        yield;
      }
    }
    yield;
  }
  if (state?.appliedIndex !== next.value.index) {
    throw new SnapshotError("the snapshot's state is not that of its header");
  }
  for (const [name, value] of input.values) {
    rows.put("meta", Buffer.from(MetaRow.value + name), value);
  }
  return state;
}

/** Of `meta`, the format row stays: it is there at any moment. */
function* clearStore(rows: RowWriter): Generator<void, void, undefined> {
  for (const name of TABLE_NAMES) {
    if (name !== "meta") rows.clear(name);
    yield;
  }
  const values = [...rows.reader.rows("meta", { start: Buffer.from(MetaRow.value) })];
  for (const { row } of values) rows.remove("meta", row);
}
