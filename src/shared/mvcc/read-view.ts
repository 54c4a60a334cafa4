import { assert } from "../assert.js";
import { ErrorCode, type Outcome, refuse, succeed } from "../errors.js";
import type { Checkpointed, DeltaPosition, Published } from "../messages/apply-to-main.js";
import { DeltaIndex } from "./delta-index.js";
import { DELTA_START, type DeltaReader } from "./delta-reader.js";
import type { DeltaRecord } from "./delta-record.js";
import { keyString } from "./key-string.js";
import { KeyVersion } from "./key-version.js";
import {
  type ReadSources,
  type VersionVisitor,
  versionInBase,
  versionInDelta,
  visitMerged,
} from "./merged-visit.js";
import { boundsContain, type KeyBounds } from "./range-bounds.js";
import type { BaseReader, Change } from "./types.js";

/** What a view starts from. */
export interface ReadViewOptions {
  readonly base: BaseReader;
  readonly delta: DeltaReader;
  /** The state that `base` alone gives; everything newer comes by `publish`. */
  readonly revision: number;
  readonly compactRevision: number;
  readonly appliedIndex: number;
  /** First delta record that is indexed. Default: the beginning of the delta. */
  readonly position?: DeltaPosition;
  /** Index only these keys: for a pool thread that answers one request. `changes` is then not available. */
  readonly within?: KeyBounds;
}

/**
 * The store as one thread may see it: the durable base with the delta over it, at `revision`. A read takes
 * a key's newest change from the delta and what is not there from the base, so it does not matter where the
 * line between the two lies at the moment, nor whether the base has moved ahead of `revision`: newer changes
 * are passed over.
 *
 * Single-threaded and synchronous. All bytes it gives out are valid in the same turn only: they may lie in
 * delta memory, which is used again after the thread has released it.
 */
export class ReadView {
  readonly base: BaseReader;
  readonly delta: DeltaReader;
  readonly #index = new DeltaIndex();
  readonly #sources: ReadSources;
  readonly #within: KeyBounds | undefined;
  #revision: number;
  #latestRevision: number;
  #compactRevision: number;
  #appliedIndex: number;
  #end: DeltaPosition;

  constructor(options: ReadViewOptions) {
    this.base = options.base;
    this.delta = options.delta;
    this.#sources = { base: options.base, delta: options.delta, index: this.#index };
    this.#within = options.within;
    this.#revision = options.revision;
    this.#latestRevision = options.revision;
    this.#compactRevision = options.compactRevision;
    this.#appliedIndex = options.appliedIndex;
    this.#end = options.position ?? DELTA_START;
  }

  /** Newest complete revision. */
  get revision(): number {
    return this.#revision;
  }

  /** What "latest" reads: `revision`, or in a key space's open transaction the revision it writes. */
  get latestRevision(): number {
    return this.#latestRevision;
  }

  /** Reads below it are refused; -1 before the first compaction (M-10). */
  get compactRevision(): number {
    return this.#compactRevision;
  }

  get appliedIndex(): number {
    return this.#appliedIndex;
  }

  /** Behind the last delta record of this state. */
  get end(): DeltaPosition {
    return this.#end;
  }

  /**
   * Moves to a newer state: indexes the delta records up to its end. `onChange` sees each of them in revision
   * order (live watch events); the record is valid during the call. While it runs the view is half-way:
   * only reads at revisions below the record's own are right, as `keyValueBefore` does them.
   */
  publish(state: Published, onChange?: (change: DeltaRecord) => void): void {
    assert(state.revision >= this.#revision, "published revision goes back", { state });
    const from = this.#end;
    this.#end = state.end;
    this.#revision = state.revision;
    this.#latestRevision = state.revision;
    this.#compactRevision = state.compactRevision;
    this.#appliedIndex = state.appliedIndex;
    this.delta.forEach(from, state.end, (change) => {
      if (this.#within === undefined || boundsContain(this.#within, change.key)) {
        this.#index.insert(change.keyText, change.main, change.segment, change.offset);
      }
      onChange?.(change);
    });
  }

  /**
   * Moves to a newer base and lets go of the delta before the checkpoint's position. False: the base on this
   * thread does not show the checkpoint yet, nothing was dropped; call again later. After true no read
   * touches a record before the position any more: the owner may call `delta.dropBefore(position)` and
   * release it.
   */
  checkpointed(checkpoint: Checkpointed): boolean {
    this.base.refresh();
    if (this.base.revision < checkpoint.revision) return false;
    this.#index.dropBefore(checkpoint.position);
    return true;
  }

  /**
   * Moves to a state that a snapshot brought into the base: the delta before its end is void. False: the base
   * on this thread does not show it yet, nothing was changed; call again later. What watchers have not seen of
   * the revisions in between is in the base, as far as it is not compacted.
   */
  restored(state: Published): boolean {
    assert(state.appliedIndex >= this.#appliedIndex, "restored state goes back", { state });
    this.base.refresh();
    if (this.base.revision < state.revision) return false;
    this.#index.clear();
    this.#end = state.end;
    this.#revision = state.revision;
    this.#latestRevision = state.revision;
    this.#compactRevision = state.compactRevision;
    this.#appliedIndex = state.appliedIndex;
    return true;
  }

  /** The revision that a request's `revision` field means, or why it cannot be read. */
  readRevision(requested: bigint): Outcome<number> {
    if (requested <= 0n) return succeed(this.#latestRevision);
    if (requested > BigInt(this.#revision)) return refuse(ErrorCode.futureRevision);
    const revision = Number(requested);
    if (revision < this.#compactRevision) return refuse(ErrorCode.compacted);
    return succeed(revision);
  }

  /** The version of a key that is alive at a revision (default: latest), if any. */
  get(key: Uint8Array, atRevision: number = this.#latestRevision): KeyVersion | undefined {
    return this.find(key, this.#index.size === 0 ? "" : keyString(key), atRevision);
  }

  /** `get` for a caller that already has the key as `text` (`keyString`). */
  find(key: Uint8Array, text: string, atRevision: number): KeyVersion | undefined {
    // There is no empty key (M-08), and the base must not be asked for one.
    if (key.length === 0) return undefined;
    const at = Math.min(atRevision, this.#latestRevision);
    const version = new KeyVersion(this.base);
    if (this.#index.size > 0) {
      const change = this.#index.newest(text, at);
      if (change >= 0) return versionInDelta(this.#sources, version, change);
    }
    const record = this.base.keyRecord(key);
    return record === undefined
      ? undefined
      : versionInBase(this.base, version, { key, record, at });
  }

  /** The stored KeyValue of a key that is alive at a revision, if any. */
  keyValueAt(key: Uint8Array, atRevision: number): Uint8Array | undefined {
    return this.get(key, atRevision)?.keyValue;
  }

  /**
   * The key's state before the revision of a change, for an event's prev_kv (W-28); undefined when it did not
   * exist or is compacted. The state before the whole revision, also if it changed the key twice.
   */
  keyValueBefore(change: Change): Uint8Array | undefined {
    if (change.main - 1 < this.#compactRevision) return undefined;
    return this.keyValueAt(change.key, change.main - 1);
  }

  /**
   * Visits the keys of the bounds that are alive at a revision, ascending. The version is one object that
   * moves: valid during the call. The visitor returns false to stop, and must not write.
   */
  visit(bounds: KeyBounds, atRevision: number, visitor: VersionVisitor): void {
    if (bounds.single) {
      const version = this.get(bounds.start, atRevision);
      if (version !== undefined) visitor(version);
      return;
    }
    if (bounds.end !== undefined && Buffer.compare(bounds.start, bounds.end) >= 0) return;
    const at = Math.min(atRevision, this.#latestRevision);
    visitMerged(this.#sources, { bounds, at }, visitor);
  }

  /**
   * Visits every change with main >= `from` up to this view's revision, in (main, sub) order, without gap or
   * double: from the base what it has, from the delta the rest. Changes below the compact revision may be
   * missing: the caller checks. Changes are valid during the call. The visitor returns false to stop.
   */
  // biome-ignore lint/suspicious/noConfusingVoidType: most visitors have nothing to say.
  changes(from: number, visit: (change: Change) => boolean | void): void {
    assert(this.#within === undefined, "a bounded view has no history");
    const baseRevision = Math.min(this.base.revision, this.#revision);
    let stopped = false;
    if (from <= baseRevision) {
      this.base.visitChanges({ main: from, sub: 0 }, baseRevision, (change) => {
        stopped = visit(change) === false;
        return !stopped;
      });
    }
    const next = Math.max(from, baseRevision + 1);
    if (stopped || next > this.#revision) return;
    const number = this.#index.firstFrom(next);
    const found = number < this.#index.end ? this.#index.generationOf(number) : undefined;
    // Every main revision has a change (M-03): a missing one was lost between base and delta.
    assert(found?.mainOf(number) === next, "history has a gap between base and delta", {
      next,
      baseRevision,
    });
    const start = { segment: found.segmentOf(number), offset: found.offsetOf(number) };
    this.delta.forEach(start, this.#end, visit);
  }

  /** For the key space: a change was just appended behind `end`; latest reads see it at once. */
  append(key: string, main: number, position: DeltaPosition): void {
    this.#index.insert(key, main, position.segment, position.offset);
    this.#latestRevision = main;
  }

  /** For the key space: what was appended is complete. */
  complete(end: DeltaPosition): void {
    this.#end = end;
    this.#revision = this.#latestRevision;
  }

  /** For the thread that applies: reads below are refused from now on. */
  setCompactRevision(revision: number): void {
    this.#compactRevision = revision;
  }
}
