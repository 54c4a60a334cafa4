/**
 * One change in a delta segment. Little endian, 8-aligned, written once by the apply worker:
 *
 *      0  u32  size of the record, padding included; 0 where a record could start = end of the segment
 *      4  u32  flags: 1 tombstone, 2 last change of its main revision
 *      8  u64  main
 *     16  u32  sub
 *     20  u32  key length
 *     24  u64  create revision (0 for a tombstone, as are version and lease)
 *     32  u64  version
 *     40  i64  lease
 *     48  u64  main of the version of the key that was alive before this change, 0 for none
 *     56  u32  its sub
 *     60  u32  length of the stored KeyValue
 *     64  the stored mvccpb.KeyValue, then padding to a multiple of 8
 *
 * A record is complete before the state it belongs to is published, and never changes afterwards.
 */
import type { DeltaPosition } from "../messages/apply-to-main.js";
import { getUint53 } from "../messages/fields.js";
import { storedKeyOffset } from "./key-value.js";
import type { DeltaChange } from "./types.js";

/** Offsets of the fields; see the drawing above. */
export const RecordField = {
  size: 0,
  flags: 4,
  main: 8,
  sub: 16,
  keyLength: 20,
  createRevision: 24,
  version: 32,
  lease: 40,
  previousMain: 48,
  previousSub: 56,
  keyValueLength: 60,
  keyValue: 64,
} as const;

/** Bits of the flags word. */
export const RecordFlag = { tombstone: 1, lastOfRevision: 2 } as const;

/** One segment of the delta as a thread sees it: the shared memory through two views. */
export class DeltaSegment {
  readonly number: number;
  readonly buffer: SharedArrayBuffer;
  readonly bytes: Buffer;
  readonly view: DataView;

  constructor(number: number, buffer: SharedArrayBuffer) {
    this.number = number;
    this.buffer = buffer;
    this.bytes = Buffer.from(buffer);
    this.view = new DataView(buffer);
  }
}

/**
 * A change read in place. One object is moved from record to record; fields are decoded when asked for.
 * The byte arrays are views of the segment: valid until the reader releases the record's position.
 */
export class DeltaRecord implements DeltaChange {
  #segment: DeltaSegment;
  #offset: number;

  constructor(segment: DeltaSegment, offset: number) {
    this.#segment = segment;
    this.#offset = offset;
  }

  /** Moves to another record. */
  moveTo(segment: DeltaSegment, offset: number): void {
    this.#segment = segment;
    this.#offset = offset;
  }

  get segment(): number {
    return this.#segment.number;
  }

  get offset(): number {
    return this.#offset;
  }

  get position(): DeltaPosition {
    return { segment: this.#segment.number, offset: this.#offset };
  }

  /** The memory that the record lies in, at `offset`. */
  get view(): DataView {
    return this.#segment.view;
  }

  get main(): number {
    return getUint53(this.#segment.view, this.#offset + RecordField.main);
  }

  get sub(): number {
    return this.#u32(RecordField.sub);
  }

  get tombstone(): boolean {
    return (this.#u32(RecordField.flags) & RecordFlag.tombstone) !== 0;
  }

  get lastOfRevision(): boolean {
    return (this.#u32(RecordField.flags) & RecordFlag.lastOfRevision) !== 0;
  }

  get createRevision(): number {
    return getUint53(this.#segment.view, this.#offset + RecordField.createRevision);
  }

  get version(): number {
    return getUint53(this.#segment.view, this.#offset + RecordField.version);
  }

  get lease(): bigint {
    const { view } = this.#segment;
    const at = this.#offset + RecordField.lease;
    // Most keys have none: spares the bigint.
    if (view.getUint32(at, true) === 0 && view.getUint32(at + 4, true) === 0) return 0n;
    return view.getBigInt64(at, true);
  }

  /** Main revision of the version alive before this change; 0 when the key did not exist. */
  get previousMain(): number {
    return getUint53(this.#segment.view, this.#offset + RecordField.previousMain);
  }

  get previousSub(): number {
    return this.#u32(RecordField.previousSub);
  }

  get key(): Uint8Array {
    const length = this.#u32(RecordField.keyLength);
    const start = this.#keyValueStart + storedKeyOffset(length);
    return this.#segment.bytes.subarray(start, start + length);
  }

  get keyValue(): Uint8Array {
    const start = this.#keyValueStart;
    return this.#segment.bytes.subarray(start, start + this.#u32(RecordField.keyValueLength));
  }

  /** The key as a latin1 string: see `keyString`. */
  get keyText(): string {
    const length = this.#u32(RecordField.keyLength);
    const start = this.#keyValueStart + storedKeyOffset(length);
    return this.#segment.bytes.toString("latin1", start, start + length);
  }

  get #keyValueStart(): number {
    return this.#offset + RecordField.keyValue;
  }

  #u32(field: number): number {
    return this.#segment.view.getUint32(this.#offset + field, true);
  }
}
