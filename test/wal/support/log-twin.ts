import { nativeCrc32 } from "../../../src/wal/crc32.js";
import type { HardState, LogEntry, LogPosition, WalBatch } from "../../../src/wal/types.js";

/** What a log must hold: the slow, obvious way, a whole copy for every batch. */
export interface TwinState {
  readonly hardState: HardState;
  readonly snapshot: LogPosition;
  readonly last: LogPosition;
  /** All entries ever kept, by index; those at or below the snapshot too. */
  readonly entries: ReadonlyMap<number, LogEntry>;
}

/** The state of a new log. */
export const EMPTY_TWIN: TwinState = {
  hardState: { term: 0, vote: 0n, commit: 0 },
  snapshot: { index: 0, term: 0 },
  last: { index: 0, term: 0 },
  entries: new Map(),
};

/** The state after one more batch. */
export function applyToTwin(state: TwinState, batch: WalBatch): TwinState {
  let entries = new Map(state.entries);
  let { snapshot, last } = state;
  if (batch.snapshot !== undefined) {
    snapshot = batch.snapshot;
    const there = entries.get(snapshot.index);
    if (snapshot.index > last.index || (there !== undefined && there.term !== snapshot.term)) {
      entries = new Map();
      last = snapshot;
    }
  }
  for (const entry of batch.entries) {
    for (let index = entry.index; index <= last.index; index++) entries.delete(index);
    entries.set(entry.index, { ...entry, payload: entry.payload.slice() });
    last = { index: entry.index, term: entry.term };
  }
  return { hardState: batch.hardState ?? state.hardState, snapshot, last, entries };
}

/** The state as plain values, to be compared with `assert.deepEqual`: entries after the snapshot. */
export function plainTwin(state: TwinState): unknown {
  const kept = [...state.entries.values()].filter((entry) => entry.index > state.snapshot.index);
  return plainLog({ ...state, entries: kept.sort((a, b) => a.index - b.index) });
}

/** A recovered log as plain values. */
export function plainLog(log: {
  readonly hardState: HardState;
  readonly snapshot: LogPosition;
  readonly last: LogPosition;
  readonly entries: readonly LogEntry[];
}): unknown {
  const { hardState, snapshot, last } = log;
  return {
    hardState: `term ${hardState.term} vote ${hardState.vote} commit ${hardState.commit}`,
    snapshot: `${snapshot.index} of ${snapshot.term}`,
    last: `${last.index} of ${last.term}`,
    entries: log.entries.map(({ index, term, payload }) => {
      return `${index} of ${term}: ${payload.length} bytes, ${nativeCrc32(payload, 0)}`;
    }),
  };
}
