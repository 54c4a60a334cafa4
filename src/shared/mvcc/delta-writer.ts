import { assert } from "../assert.js";
import { CHECKPOINT_DELTA_BYTES, DELTA_SEGMENT_BYTES } from "../limits.js";
import type { DeltaPosition } from "../messages/apply-to-main.js";
import { putUint53 } from "../messages/fields.js";
import { compareDeltaPositions, DELTA_START, DeltaReader } from "./delta-reader.js";
import { type DeltaSegment, RecordField, RecordFlag } from "./delta-record.js";
import { type KeyValueFields, keyValueSize, writeKeyValue } from "./key-value.js";
import type { Revision } from "./types.js";

/** Buffers kept for reuse: what one checkpoint normally gives back. */
const FREE_SEGMENTS_MAX = Math.ceil(CHECKPOINT_DELTA_BYTES / DELTA_SEGMENT_BYTES);

/** A change to append. For a tombstone: an empty value, zeros for all KeyValue numbers. */
export interface NewChange {
  readonly main: number;
  readonly sub: number;
  readonly tombstone: boolean;
  /** The version alive before this change, undefined when the key did not exist. */
  readonly previous: Revision | undefined;
  /** What is stored; its `modRevision` is `main`, or 0 for a tombstone (MT-35). */
  readonly keyValue: KeyValueFields;
}

/** What the delta needs from the thread that owns it. */
export interface DeltaWriterOptions {
  /**
   * Called when a segment number gets its memory, before anything is appended to it. The worker posts
   * (segment, buffer) to every other thread that reads the delta.
   */
  readonly onSegment: (segment: number, buffer: SharedArrayBuffer) => void;
  /** Size of a normal segment; a multiple of 8. Default DELTA_SEGMENT_BYTES. */
  readonly segmentBytes?: number;
}

/** One live segment: its memory and how many record bytes were appended before it. */
interface LiveSegment {
  readonly segment: DeltaSegment;
  readonly bytesBefore: number;
}

/**
 * The writing side of the delta: appends changes, hands out memory, takes it back when every reader has
 * released it. One per process, in the apply worker.
 */
export class DeltaWriter {
  /** Reads what was appended; has every live segment. */
  readonly reader = new DeltaReader();
  readonly #options: DeltaWriterOptions;
  readonly #segmentBytes: number;
  readonly #live = new Map<number, LiveSegment>();
  readonly #free: SharedArrayBuffer[] = [];
  #current: DeltaSegment | undefined;
  #end: DeltaPosition = DELTA_START;
  #last: DeltaPosition | undefined;
  #released: DeltaPosition = DELTA_START;
  #appendedBytes = 0;
  #releasedBytes = 0;

  constructor(options: DeltaWriterOptions) {
    this.#options = options;
    this.#segmentBytes = options.segmentBytes ?? DELTA_SEGMENT_BYTES;
    assert(this.#segmentBytes % 8 === 0, "delta segment size is not a multiple of 8");
  }

  /** Behind the last record. */
  get end(): DeltaPosition {
    return this.#end;
  }

  /** Record bytes that were appended and not yet released. */
  get bytes(): number {
    return this.#appendedBytes - this.#releasedBytes;
  }

  /** Appends a record and returns its place. Key and value are copied. */
  append(change: NewChange): DeltaPosition {
    const keyValueLength = keyValueSize(change.keyValue);
    const size = (RecordField.keyValue + keyValueLength + 7) & ~7;
    const segment = this.#room(size);
    const position = { segment: segment.number, offset: this.#end.offset };
    writeRecord(segment, position.offset, change, size, keyValueLength);
    this.#appendedBytes += size;
    this.#end = { segment: segment.number, offset: position.offset + size };
    this.#last = position;
    return position;
  }

  /** Marks the last record as the last change of its main revision. Before it is published, of course. */
  endRevision(): void {
    assert(this.#last !== undefined, "no delta record to end a revision with");
    const { view } = this.reader.segment(this.#last.segment);
    const at = this.#last.offset + RecordField.flags;
    view.setUint32(at, view.getUint32(at, true) | RecordFlag.lastOfRevision, true);
  }

  /** Every reader has let go of what lies before `position`: its memory is used again. */
  release(position: DeltaPosition): void {
    if (compareDeltaPositions(position, this.#released) <= 0) return;
    assert(compareDeltaPositions(position, this.#end) <= 0, "delta released beyond its end", {
      position,
    });
    const live = this.#live.get(position.segment);
    assert(live !== undefined, "delta released at a segment that is gone", { position });
    this.#releasedBytes = live.bytesBefore + position.offset;
    this.#released = position;
    this.reader.dropBefore(position);
    for (const [number, { segment }] of this.#live) {
      if (number < position.segment) {
        this.#live.delete(number);
        this.#recycle(segment.buffer);
      }
    }
  }

  #room(size: number): DeltaSegment {
    const current = this.#current;
    if (current !== undefined && this.#end.offset + size <= current.bytes.length) return current;
    if (current !== undefined) sealSegment(current, this.#end.offset);
    const number = current === undefined ? DELTA_START.segment : current.number + 1;
    const buffer =
      size > this.#segmentBytes
        ? new SharedArrayBuffer(size)
        : (this.#free.pop() ?? new SharedArrayBuffer(this.#segmentBytes));
    this.reader.addSegment(number, buffer);
    const segment = this.reader.segment(number);
    this.#live.set(number, { segment, bytesBefore: this.#appendedBytes });
    this.#current = segment;
    this.#end = { segment: number, offset: 0 };
    this.#options.onSegment(number, buffer);
    return segment;
  }

  #recycle(buffer: SharedArrayBuffer): void {
    const normal = buffer.byteLength === this.#segmentBytes;
    if (normal && this.#free.length < FREE_SEGMENTS_MAX) this.#free.push(buffer);
  }
}

/** Reused memory holds old records behind the last new one: the marker keeps readers out of them. */
function sealSegment(segment: DeltaSegment, offset: number): void {
  if (offset < segment.bytes.length) segment.view.setUint32(offset + RecordField.size, 0, true);
}

function writeRecord(
  segment: DeltaSegment,
  offset: number,
  change: NewChange,
  size: number,
  keyValueLength: number,
): void {
  const { view } = segment;
  const { keyValue, previous } = change;
  view.setUint32(offset + RecordField.size, size, true);
  view.setUint32(offset + RecordField.flags, change.tombstone ? RecordFlag.tombstone : 0, true);
  putUint53(view, offset + RecordField.main, change.main);
  view.setUint32(offset + RecordField.sub, change.sub, true);
  view.setUint32(offset + RecordField.keyLength, keyValue.key.length, true);
  putUint53(view, offset + RecordField.createRevision, keyValue.createRevision);
  putUint53(view, offset + RecordField.version, keyValue.version);
  if (keyValue.lease === 0n) {
    view.setUint32(offset + RecordField.lease, 0, true);
    view.setUint32(offset + RecordField.lease + 4, 0, true);
  } else {
    view.setBigInt64(offset + RecordField.lease, keyValue.lease, true);
  }
  putUint53(view, offset + RecordField.previousMain, previous === undefined ? 0 : previous.main);
  view.setUint32(offset + RecordField.previousSub, previous === undefined ? 0 : previous.sub, true);
  view.setUint32(offset + RecordField.keyValueLength, keyValueLength, true);
  writeKeyValue(segment.bytes, offset + RecordField.keyValue, keyValue);
}
