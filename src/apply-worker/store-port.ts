import type { BaseSnapshot } from "../shared/mvcc/base/base-snapshot.js";
import type { StoreSizes } from "../shared/mvcc/base/lmdb-base-reader.js";
import type { StoreState } from "../shared/mvcc/base/store-state.js";
import type { CheckpointInput } from "./store/checkpoint.js";
import type { CompactionChunk } from "./store/compaction.js";
import type { RunState } from "./store/write-run.js";

/** A write transaction that the driver steps; see `WriteRun`. */
export interface StoreRun<T> {
  readonly state: RunState;
  readonly finished: Promise<T>;
  step(budgetMs: number): RunState;
  abort(reason: Error): void;
}

/** A snapshot of the base that is held over many turns. */
export type BasePin = Pick<
  BaseSnapshot,
  | "state"
  | "visitChanges"
  | "keyRecord"
  | "keyRevisionAt"
  | "visitLeases"
  | "visitMembers"
  | "visitAlarms"
  | "release"
>;

/** What the driver needs of the durable base. Production: `StoreWriter`. */
export interface StorePort {
  readonly state: StoreState;
  readonly isCompactionPending: boolean;
  /** The base that this thread reads; the driver's view refreshes it. */
  readonly reader: {
    sizes(): StoreSizes;
    /** The snapshot that it reads now. */
    pin(): BasePin;
  };
  startCheckpoint(input: CheckpointInput): StoreRun<StoreState>;
  startCompaction(): StoreRun<CompactionChunk>;
}
