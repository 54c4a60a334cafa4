import { getUint53 } from "../messages/fields.js";
import { type DeltaSegment, RecordField } from "./delta-record.js";
import { type KeyValueFields, storedFields, storedKeyOffset } from "./key-value.js";
import type { BaseReader, KeyRecord, KeyState, Revision } from "./types.js";

const NO_BYTES = new Uint8Array(0);

/**
 * One version of a key that was alive at the revision asked for, in the base or in the delta. What is not
 * asked for is not read. Valid in the turn in which the view returned it (base and delta may move on
 * afterwards); one handed to a visitor is valid during the call, its `copy()` in the turn.
 */
export class KeyVersion implements KeyState, Revision {
  #base: BaseReader;
  /** Undefined: the version is in the base. */
  #segment: DeltaSegment | undefined;
  #offset = 0;
  #main = 0;
  #sub = 0;
  #key: Uint8Array = NO_BYTES;
  #stored: Uint8Array | undefined;
  #state: KeyRecord | KeyValueFields | undefined;

  constructor(base: BaseReader) {
    this.#base = base;
  }

  /** Points at a delta record. */
  setDelta(segment: DeltaSegment, offset: number): this {
    this.#segment = segment;
    this.#offset = offset;
    this.#main = getUint53(segment.view, offset + RecordField.main);
    this.#sub = segment.view.getUint32(offset + RecordField.sub, true);
    this.#key = NO_BYTES;
    this.#stored = undefined;
    this.#state = undefined;
    return this;
  }

  /** Points at a revision in the base; `newest` is the key's record if the revision is its newest. */
  setBase(key: Uint8Array, revision: Revision, newest: KeyRecord | undefined): this {
    this.#segment = undefined;
    this.#main = revision.main;
    this.#sub = revision.sub;
    this.#key = key;
    this.#stored = undefined;
    this.#state = newest;
    return this;
  }

  /** A version of its own, for keeping more than one while a visit goes on. */
  copy(): KeyVersion {
    const copy = new KeyVersion(this.#base);
    copy.#segment = this.#segment;
    copy.#offset = this.#offset;
    copy.#main = this.#main;
    copy.#sub = this.#sub;
    copy.#key = this.#segment === undefined ? Uint8Array.from(this.#key) : this.#key;
    copy.#stored = this.#stored;
    copy.#state = this.#state;
    return copy;
  }

  get key(): Uint8Array {
    const segment = this.#segment;
    if (this.#key.length === 0 && segment !== undefined) {
      const length = segment.view.getUint32(this.#offset + RecordField.keyLength, true);
      const start = this.#offset + RecordField.keyValue + storedKeyOffset(length);
      this.#key = segment.bytes.subarray(start, start + length);
    }
    return this.#key;
  }

  get main(): number {
    return this.#main;
  }

  get sub(): number {
    return this.#sub;
  }

  get modRevision(): number {
    return this.#main;
  }

  get modSub(): number {
    return this.#sub;
  }

  get createRevision(): number {
    const segment = this.#segment;
    if (segment === undefined) return this.#fields().createRevision;
    return getUint53(segment.view, this.#offset + RecordField.createRevision);
  }

  get version(): number {
    const segment = this.#segment;
    if (segment === undefined) return this.#fields().version;
    return getUint53(segment.view, this.#offset + RecordField.version);
  }

  get lease(): bigint {
    const segment = this.#segment;
    if (segment === undefined) return this.#fields().lease;
    return segment.view.getBigInt64(this.#offset + RecordField.lease, true);
  }

  /** The stored KeyValue. In the base with a damaged or missing record: StoreCorruptError. */
  get keyValue(): Uint8Array {
    if (this.#stored !== undefined) return this.#stored;
    const segment = this.#segment;
    if (segment === undefined) {
      this.#stored = this.#base.keyValue(this);
    } else {
      const start = this.#offset + RecordField.keyValue;
      const length = segment.view.getUint32(this.#offset + RecordField.keyValueLength, true);
      this.#stored = segment.bytes.subarray(start, start + length);
    }
    return this.#stored;
  }

  /** The key record carries the state of the newest version only; of older ones it is in the KeyValue. */
  #fields(): KeyRecord | KeyValueFields {
    this.#state ??= storedFields(this.keyValue);
    return this.#state;
  }
}
