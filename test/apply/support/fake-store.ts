import type { LeaseKeyBase } from "../../../src/apply-worker/core/lease-keys.js";
import type { CheckpointInput } from "../../../src/apply-worker/store/checkpoint.js";
import type { CompactionChunk } from "../../../src/apply-worker/store/compaction.js";
import type { RunState } from "../../../src/apply-worker/store/write-run.js";
import type { BasePin, StorePort, StoreRun } from "../../../src/apply-worker/store-port.js";
import type { StoredKeyRecord } from "../../../src/shared/mvcc/base/key-record.js";
import { EMPTY_STATE, type StoreState } from "../../../src/shared/mvcc/base/store-state.js";
import type { Change } from "../../../src/shared/mvcc/types.js";
import { copyChange, MapBase } from "../../store/support/map-base.js";

/** A run that the test moves from state to state. */
export class FakeRun<T> implements StoreRun<T> {
  state: RunState = "opening";
  readonly finished: Promise<T>;
  steps = 0;
  readonly #work: () => T;
  #resolve: (value: T) => void = () => {};
  #reject: (error: Error) => void = () => {};

  constructor(work: () => T) {
    this.#work = work;
    this.finished = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.finished.catch(() => {});
  }

  step(): RunState {
    this.steps += 1;
    if (this.state === "writing") this.state = "committing";
    return this.state;
  }

  abort(reason: Error): void {
    this.fail(reason);
  }

  /** The transaction is committed and on disk. */
  complete(): void {
    const value = this.#work();
    this.state = "done";
    this.#resolve(value);
  }

  /** The transaction failed. */
  fail(reason: Error): void {
    this.state = "failed";
    this.#reject(reason);
  }
}

/** A durable base of maps, whose transactions end when the test says so. */
export class FakeStore implements StorePort, LeaseKeyBase {
  readonly base = new MapBase();
  state: StoreState = EMPTY_STATE;
  run: Pick<FakeRun<unknown>, "state" | "finished" | "complete" | "fail"> | undefined;
  readonly checkpoints: CheckpointInput[] = [];
  bytesInUse = 0;
  readonly reader = {
    sizes: () => ({ bytes: this.bytesInUse, bytesInUse: this.bytesInUse }),
    pin: () => this.#pin(),
  };
  /** Snapshots taken and not released. */
  pins = 0;

  get isCompactionPending(): boolean {
    return this.state.compactRevision > this.state.finishedCompactRevision;
  }

  visitLeaseKeys(): void {}

  startCheckpoint(input: CheckpointInput): StoreRun<StoreState> {
    this.checkpoints.push(input);
    const changes: Change[] = [];
    input.forEachChange(input.from, input.to, (change) => {
      changes.push(copyChange(change));
      return true;
    });
    return this.#start(() => {
      this.base.append(changes);
      const { appliedIndex, appliedTerm, revision, compactRevision } = input;
      this.state = { ...this.state, appliedIndex, appliedTerm, revision, compactRevision };
      return this.state;
    });
  }

  startCompaction(): StoreRun<CompactionChunk> {
    return this.#start(() => {
      const { compactRevision } = this.state;
      this.base.compact(compactRevision);
      this.state = { ...this.state, finishedCompactRevision: compactRevision };
      return { state: this.state, progress: undefined, removed: 1 };
    });
  }

  /** A snapshot of the newest state, without small tables. */
  #pin(): BasePin {
    this.pins += 1;
    const { state } = this;
    const changes: Change[] = [];
    this.base.visitChanges({ main: 0, sub: 0 }, Number.MAX_SAFE_INTEGER, (change) => {
      changes.push(copyChange(change));
      return true;
    });
    const base = new MapBase();
    base.append(changes);
    base.refresh();
    return {
      state,
      visitChanges: base.visitChanges.bind(base),
      // The twin's records have no stored form; nothing here looks for it.
      keyRecord: (key) => base.keyRecord(key) as StoredKeyRecord | undefined,
      keyRevisionAt: base.keyRevisionAt.bind(base),
      visitLeases: () => {},
      visitMembers: () => {},
      visitAlarms: () => {},
      release: () => {
        this.pins -= 1;
      },
    };
  }

  #start<T>(work: () => T): FakeRun<T> {
    const run = new FakeRun(work);
    this.run = run;
    return run;
  }
}
