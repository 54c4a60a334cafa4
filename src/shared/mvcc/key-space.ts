import { assert } from "../assert.js";
import type { DeltaWriter } from "./delta-writer.js";
import { keyString } from "./key-string.js";
import type { KeyValueFields } from "./key-value.js";
import type { KeyVersion } from "./key-version.js";
import type { KeyBounds } from "./range-bounds.js";
import { ReadView } from "./read-view.js";
import type { BaseReader } from "./types.js";

const NO_VALUE = new Uint8Array(0);

/** What a key space starts from: the state of the base. */
export interface KeySpaceOptions {
  readonly base: BaseReader;
  readonly writer: DeltaWriter;
  readonly revision: number;
  readonly compactRevision: number;
  readonly appliedIndex: number;
}

/**
 * The writing side of MVCC, in the apply worker: gives changes their revisions (M-02 to M-07) and appends
 * them to the delta. A transaction is `begin`, changes, `end`; reads of `view` in between see its changes.
 * There is no way back: whatever may refuse a request is checked before `begin` (P-10, T-15). Readers on
 * other threads see nothing of it until the worker publishes.
 */
export class KeySpace {
  readonly view: ReadView;
  readonly #writer: DeltaWriter;
  #main = 0;
  #changes = 0;

  constructor(options: KeySpaceOptions) {
    const { writer, ...state } = options;
    this.#writer = writer;
    this.view = new ReadView({ ...state, delta: writer.reader, position: writer.end });
  }

  /** Begins the transaction that will write revision `main`, the one after the view's. */
  begin(main: number): void {
    assert(this.#main === 0, "transaction begun in a transaction", { main });
    assert(main === this.view.revision + 1, "main revision does not follow", { main });
    this.#main = main;
    this.#changes = 0;
  }

  /** Changes of the open transaction so far: from the first on, answers carry the new revision (H-20 to H-22). */
  get changes(): number {
    return this.#changes;
  }

  /**
   * Writes a key and returns the version before, if it existed. Bytes are copied. The returned version is
   * valid in this turn.
   */
  put(key: Uint8Array, value: Uint8Array, lease: bigint): KeyVersion | undefined {
    const text = keyString(key);
    const previous = this.view.find(key, text, this.view.latestRevision);
    const keyValue = {
      key,
      createRevision: previous === undefined ? this.#main : previous.createRevision,
      modRevision: this.#main,
      version: previous === undefined ? 1 : previous.version + 1,
      value,
      lease,
    };
    this.#append(text, keyValue, previous);
    return previous;
  }

  /** Deletes a key and returns the version that it had; undefined, and no change, if it did not exist. */
  delete(key: Uint8Array): KeyVersion | undefined {
    const text = keyString(key);
    const previous = this.view.find(key, text, this.view.latestRevision);
    if (previous !== undefined) this.#append(text, tombstone(key), previous);
    return previous;
  }

  /** Deletes all keys of the bounds in ascending order (D-03) and returns the versions that they had. */
  deleteRange(bounds: KeyBounds): KeyVersion[] {
    const deleted: KeyVersion[] = [];
    // Collected first: a visit does not survive writes.
    this.view.visit(bounds, this.view.latestRevision, (version) => {
      deleted.push(version.copy());
      return true;
    });
    for (const previous of deleted) {
      this.#append(keyString(previous.key), tombstone(previous.key), previous);
    }
    return deleted;
  }

  /** Completes the transaction; returns how many changes it made. With 0 the revision stays (M-04). */
  end(): number {
    assert(this.#main !== 0, "transaction ended outside of one");
    this.#main = 0;
    if (this.#changes > 0) {
      this.#writer.endRevision();
      this.view.complete(this.#writer.end);
    }
    return this.#changes;
  }

  #append(text: string, keyValue: KeyValueFields, previous: KeyVersion | undefined): void {
    const main = this.#main;
    assert(main !== 0, "write outside of a transaction");
    assert(text !== "", "write of the empty key");
    const change = {
      main,
      sub: this.#changes,
      tombstone: keyValue.modRevision === 0,
      previous,
      keyValue,
    };
    const position = this.#writer.append(change);
    this.#changes += 1;
    this.view.append(text, main, position);
  }
}

/** What is stored of a deletion: the key alone (MT-35). */
function tombstone(key: Uint8Array): KeyValueFields {
  return { key, createRevision: 0, modRevision: 0, version: 0, value: NO_VALUE, lease: 0n };
}
