import type { CheckpointInput } from "../../../src/apply-worker/store/checkpoint.js";
import type { CompactionChunk } from "../../../src/apply-worker/store/compaction.js";
import type { RunState } from "../../../src/apply-worker/store/write-run.js";
import type { BasePin, StorePort, StoreRun } from "../../../src/apply-worker/store-port.js";
import type { StoreState } from "../../../src/shared/mvcc/base/store-state.js";
import type { Change } from "../../../src/shared/mvcc/types.js";
import { copyChange } from "../../store/support/map-base.js";
import type { Random } from "../../support/random.js";
import type { World } from "../world/world.js";
import type { SnapshotShelf } from "./snapshot-shelf.js";
import { type SmallTables, StoreContent } from "./store-content.js";
import { SimBaseReader } from "./store-reader.js";

/** What of a member's store outlives its processes. */
export interface DurableStore {
  content: StoreContent;
}

/** How long a transaction takes, and whether it works. */
export interface StoreRules {
  commitMsMax: number;
  /** The error of the next commit, once. */
  failure: Error | undefined;
}

/**
 * A transaction of the store's twin: opened, written and committed by events, all or nothing. A crash
 * while it commits leaves the old content or the new one.
 */
class SimRun<T> implements StoreRun<T> {
  state: RunState = "opening";
  readonly finished: Promise<T>;
  readonly #work: () => { readonly content: StoreContent; readonly result: T };
  readonly #begin: () => void;
  #made: { readonly content: StoreContent; readonly result: T } | undefined;
  #resolve: (value: T) => void = () => {};
  #reject: (error: Error) => void = () => {};

  constructor(
    work: () => { readonly content: StoreContent; readonly result: T },
    begin: () => void,
  ) {
    this.#work = work;
    this.#begin = begin;
    this.finished = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.finished.catch(() => {});
  }

  /** What the commit leaves, once everything is written. */
  get committing(): StoreContent | undefined {
    return this.state === "committing" ? this.#made?.content : undefined;
  }

  step(): RunState {
    if (this.state === "writing") {
      this.#made = this.#work();
      this.state = "committing";
      this.#begin();
    }
    return this.state;
  }

  abort(reason: Error): void {
    this.fail(reason);
  }

  complete(): StoreContent | undefined {
    if (this.state !== "committing" || this.#made === undefined) return undefined;
    this.state = "done";
    this.#resolve(this.#made.result);
    return this.#made.content;
  }

  fail(reason: Error): void {
    if (this.state === "done" || this.state === "failed") return;
    this.state = "failed";
    this.#reject(reason);
  }
}

/** A run of any result. */
type CommittingRun = Pick<SimRun<unknown>, "committing" | "complete" | "fail">;

/** The store of one process, over what the member's disk holds. */
export class SimStore implements StorePort {
  readonly reader: SimBaseReader & { pin(): BasePin };
  readonly #durable: DurableStore;
  readonly #world: World;
  readonly #random: Random;
  readonly #rules: StoreRules;
  /** Runs what the process hears of its disk. */
  readonly #gate: (run: () => void) => void;
  readonly #shelf: SnapshotShelf;
  #run: CommittingRun | undefined;

  constructor(options: {
    readonly shelf: SnapshotShelf;
    readonly durable: DurableStore;
    readonly world: World;
    readonly random: Random;
    readonly rules: StoreRules;
    readonly gate: (run: () => void) => void;
  }) {
    this.#durable = options.durable;
    this.#world = options.world;
    this.#random = options.random;
    this.#rules = options.rules;
    this.#gate = options.gate;
    this.#shelf = options.shelf;
    // The twin's records have no stored form; nothing here looks for it.
    this.reader = this.newReader() as SimBaseReader & { pin(): BasePin };
  }

  get state(): StoreState {
    return this.#durable.content.state;
  }

  get isCompactionPending(): boolean {
    return this.state.compactRevision > this.state.finishedCompactRevision;
  }

  /** Everything that is on disk. */
  get content(): StoreContent {
    return this.#durable.content;
  }

  /** Puts a snapshot in the place of everything that is stored, in one transaction. */
  install(path: string, done: () => void): void {
    const content = this.#shelf.get(path)?.content;
    if (content === undefined) throw new Error(`there is no snapshot ${path}`);
    const run = new SimRun(
      () => ({ content, result: undefined }),
      () => {},
    );
    this.#run = run;
    run.state = "writing";
    run.step();
    this.#world.events.after(1 + this.#random.next() * 30, () =>
      this.#gate(() => {
        const { failure } = this.#rules;
        this.#finish(run);
        if (failure !== undefined) throw failure;
        done();
      }),
    );
  }

  /** A reader for another thread. */
  newReader(): SimBaseReader {
    return new SimBaseReader(() => this.#durable.content);
  }

  /** The process dies: what was about to be committed is there, or not. */
  crash(): void {
    const made = this.#run?.committing;
    this.#run = undefined;
    if (made !== undefined && this.#random.chance(0.5)) this.#durable.content = made;
  }

  startCheckpoint(input: CheckpointInput): StoreRun<StoreState> {
    return this.#start(() => {
      const { content } = this.#durable;
      const changes: Change[] = [...content.changes];
      input.forEachChange(input.from, input.to, (change) => {
        changes.push(copyChange(change));
        return true;
      });
      const state = stateAfter(content.state, input);
      return {
        content: new StoreContent(state, changes, tablesAfter(content.tables, input)),
        result: state,
      };
    });
  }

  startCompaction(): StoreRun<CompactionChunk> {
    return this.#start(() => {
      const before = this.#durable.content;
      const content = before.compacted();
      const removed = before.changes.length - content.changes.length;
      return { content, result: { state: content.state, progress: undefined, removed } };
    });
  }

  #start<T>(work: () => { readonly content: StoreContent; readonly result: T }): StoreRun<T> {
    const run: SimRun<T> = new SimRun(work, () => this.#commit(run));
    this.#run = run;
    this.#world.events.after(0.1 + this.#random.next(), () => {
      if (run.state === "opening") run.state = "writing";
    });
    return run;
  }

  #commit(run: CommittingRun): void {
    const delayMs = 0.5 + this.#random.next() * this.#rules.commitMsMax;
    this.#world.events.after(delayMs, () => this.#gate(() => this.#finish(run)));
  }

  #finish(run: CommittingRun): void {
    const { failure } = this.#rules;
    if (failure !== undefined) {
      this.#rules.failure = undefined;
      run.fail(failure);
      return;
    }
    const content = run.complete();
    if (content !== undefined) this.#durable.content = content;
  }
}

/** Everything in the input that is no table, delta or row is a field of the state. */
function stateAfter(state: StoreState, input: CheckpointInput): StoreState {
  const fields = Object.keys(state).filter((name) => name in input);
  const entries = fields.map((name) => [name, input[name as keyof CheckpointInput]]);
  return { ...state, ...Object.fromEntries(entries) };
}

function tablesAfter(tables: SmallTables, input: CheckpointInput): SmallTables {
  const alarms = new Map(tables.alarms);
  for (const { memberId, alarm, raised } of input.alarms) {
    const name = `${memberId} ${alarm}`;
    if (raised) alarms.set(name, [memberId, alarm]);
    else alarms.delete(name);
  }
  return {
    leases: rowsAfter(tables.leases, input.leases),
    members: rowsAfter(tables.members, input.members),
    removedMembers: rowsAfter(tables.removedMembers, input.removedMembers),
    alarms,
  };
}

function rowsAfter(
  rows: ReadonlyMap<bigint, Uint8Array>,
  changes: CheckpointInput["leases"],
): ReadonlyMap<bigint, Uint8Array> {
  const after = new Map(rows);
  for (const [id, row] of changes) {
    if (row === undefined) after.delete(id);
    else after.set(id, row);
  }
  return after;
}
