import type { Configuration } from "../../../src/raft-worker/core/configuration.js";
import type { PersistEffect, SendEffect } from "../../../src/raft-worker/core/effects.js";
import type {
  Entry,
  HardState,
  LogPosition,
  MemberId,
} from "../../../src/raft-worker/core/entry.js";
import type { Raft } from "../../../src/raft-worker/core/raft.js";
import { assert } from "../../../src/shared/assert.js";
import { applyConfChange } from "./conf-change.js";

/** The content of a store, as far as it matters here. */
export interface StoreState extends LogPosition {
  readonly configuration: Configuration;
}

/** A log on disk. */
export interface DiskLog {
  hardState: HardState;
  base: LogPosition;
  entries: Entry[];
}

/**
 * One member with a simulated disk and store. Writes of the log wait in order until they are finished,
 * and a crash keeps some first part of them; the store applies when it is told to, and a crash takes it
 * back to its last flush.
 */
export class TestMember {
  readonly id: MemberId;
  /** What a crash cannot take. */
  readonly disk: DiskLog = {
    hardState: { term: 0, vote: 0n, commit: 0 },
    base: { index: 0, term: 0 },
    entries: [],
  };
  flushed: StoreState;
  /** Snapshots received and not installed. */
  files: StoreState[] = [];
  /** Writes under way, oldest first. */
  writes: PersistEffect[] = [];
  /** Messages that wait for a write. */
  held: SendEffect[] = [];
  /** Undefined while crashed. */
  raft: Raft | undefined;
  commitUpTo = 0;
  /** Handed over to the store, and not applied. */
  inbox: Entry[] = [];
  store: StoreState;
  /** Members that the core wants a snapshot for. */
  readonly snapshotsWanted = new Set<MemberId>();
  #finishedSequence = 0;
  /** Every state since the beginning, by ascending index within a life. */
  readonly #history: StoreState[];
  #snapshotIndex = 0;

  constructor(id: MemberId, configuration: Configuration) {
    this.id = id;
    this.store = { index: 0, term: 0, configuration };
    this.flushed = this.store;
    this.#history = [this.store];
  }

  /** Begins a log with one committed entry per voter of a new cluster. */
  bootstrap(voters: readonly MemberId[]): void {
    this.disk.hardState = { term: 1, vote: 0n, commit: voters.length };
    this.disk.entries = voters.map((id, position) => ({
      index: position + 1,
      term: 1,
      payload: Buffer.from(`conf +${id}`),
    }));
  }

  /** The store's content as it was at `index`, at which a test starts the member. */
  storeAt(index: number): StoreState {
    const state = this.#history.findLast((known) => known.index <= index);
    assert(state !== undefined, "a store was there once", { index });
    const term = this.termOnDisk(index);
    assert(term !== undefined, "the log reaches the store", { index });
    return { index, term, configuration: state.configuration };
  }

  /** Term of an entry on disk, or of the one before the first. */
  termOnDisk(index: number): number | undefined {
    const { base } = this.disk;
    return index === base.index ? base.term : this.entryOnDisk(index)?.term;
  }

  /** An entry on disk. */
  entryOnDisk(index: number): Entry | undefined {
    return this.disk.entries[index - this.disk.base.index - 1];
  }

  /** Whether it has nothing to do but wait for messages. */
  get isAtRest(): boolean {
    const todo = this.writes.length + this.inbox.length + this.files.length;
    return todo + this.snapshotsWanted.size === 0 && this.commitUpTo === this.store.index;
  }

  /** Puts the first `count` writes on disk and returns the newest one's number. */
  finishWrites(count: number): number {
    const { disk } = this;
    for (const write of this.writes.splice(0, count)) {
      if (write.snapshot !== undefined) this.#restartLog(write.snapshot);
      const first = write.entries[0];
      if (first !== undefined) disk.entries.length = first.index - disk.base.index - 1;
      disk.entries.push(...write.entries);
      disk.hardState = write.hardState;
      this.#finishedSequence = write.sequence;
    }
    return this.#finishedSequence;
  }

  /** Messages that need not wait any more. */
  takeReleased(): SendEffect[] {
    const released = this.held.filter((send) => send.after <= this.#finishedSequence);
    this.held = this.held.filter((send) => send.after > this.#finishedSequence);
    return released;
  }

  /** Copies what is committed to the store's inbox; the index up to which it did. */
  handOver(): number {
    const { raft } = this;
    assert(raft !== undefined, "a crashed member hands nothing over");
    let index = this.inbox.at(-1)?.index ?? this.store.index;
    while (index < this.commitUpTo) {
      index += 1;
      this.inbox.push(raft.entryAt(index));
    }
    return index;
  }

  /** Applies the next entry; what the store holds then, when it was a change of the configuration. */
  applyNext(): StoreState | undefined {
    const entry = this.inbox.shift();
    if (entry === undefined) return undefined;
    const changed = applyConfChange(this.store.configuration, entry.payload);
    const configuration = changed ?? this.store.configuration;
    this.#setStore({ index: entry.index, term: entry.term, configuration });
    return changed === undefined ? undefined : this.store;
  }

  /** Puts the store on disk; the log may lose what it holds. */
  flush(truncatesLog: boolean): number {
    this.flushed = this.store;
    const { disk, store } = this;
    const term = this.termOnDisk(store.index);
    if (truncatesLog && term !== undefined && store.index > disk.base.index) {
      disk.entries.splice(0, store.index - disk.base.index);
      disk.base = { index: store.index, term };
    }
    return store.index;
  }

  /** Installs the oldest snapshot received, unless the store is newer; true when it did. */
  installSnapshot(): boolean {
    const snapshot = this.files.shift();
    if (snapshot === undefined || snapshot.index <= this.store.index) return false;
    this.inbox = this.inbox.filter(({ index }) => index > snapshot.index);
    this.#setStore(snapshot);
    this.#snapshotIndex = snapshot.index;
    this.flushed = snapshot;
    this.commitUpTo = Math.max(this.commitUpTo, snapshot.index);
    return true;
  }

  /** Loses everything but the disk and the first `keptWrites` writes under way. */
  crash(keptWrites: number): void {
    this.finishWrites(keptWrites);
    this.writes = [];
    this.held = [];
    this.inbox = [];
    this.raft = undefined;
    this.store = this.flushed;
    this.snapshotsWanted.clear();
    this.#finishedSequence = 0;
  }

  /**
   * Makes store and log fit together, as a start must: a snapshot that was received is installed, and
   * one that the log does not reach begins it anew. `store` is where the store stands.
   */
  recover(store: StoreState): void {
    this.store = store;
    this.flushed = store;
    while (this.files.length > 0) this.installSnapshot();
    const { index, term } = this.store;
    if (this.termOnDisk(index) !== term) {
      assert(index === this.#snapshotIndex, "only a snapshot gets ahead of the log", { index });
      this.#restartLog({ index, term });
    }
    const { hardState } = this.disk;
    // A snapshot may come before any message of its term.
    const isNewTerm = hardState.term < term;
    const commit = Math.max(hardState.commit, index);
    this.disk.hardState = isNewTerm ? { term, vote: 0n, commit } : { ...hardState, commit };
    this.commitUpTo = index;
  }

  #restartLog(base: LogPosition): void {
    this.disk.base = base;
    this.disk.entries = [];
  }

  #setStore(state: StoreState): void {
    this.store = state;
    this.#history.push(state);
  }
}
