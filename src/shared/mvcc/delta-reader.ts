import { assert, InvariantError } from "../assert.js";
import type { DeltaPosition } from "../messages/apply-to-main.js";
import { DeltaRecord, DeltaSegment, RecordField } from "./delta-record.js";

/** Where the delta of a fresh process begins. */
export const DELTA_START: DeltaPosition = { segment: 0, offset: 0 };

/** Negative when `a` comes before `b`, 0 when equal. */
export function compareDeltaPositions(a: DeltaPosition, b: DeltaPosition): number {
  return a.segment - b.segment || a.offset - b.offset;
}

/**
 * Reads the delta in place. A segment must be added before a state that lies in it is published to this
 * thread (the worker posts it first, and the thread pulls its port before it handles `published`), and is
 * forgotten when its position is released.
 */
export class DeltaReader {
  readonly #segments = new Map<number, DeltaSegment>();

  /** Makes a segment known. Adding the same one again changes nothing. */
  addSegment(segment: number, buffer: SharedArrayBuffer): void {
    const known = this.#segments.get(segment);
    assert(known === undefined || known.buffer === buffer, "delta segment number used twice", {
      segment,
    });
    if (known === undefined) this.#segments.set(segment, new DeltaSegment(segment, buffer));
  }

  /** Forgets the segments that lie wholly before a position. */
  dropBefore(position: DeltaPosition): void {
    for (const segment of this.#segments.keys()) {
      if (segment < position.segment) this.#segments.delete(segment);
    }
  }

  /** A segment by number. Asking for one that was never announced or was dropped is a bug. */
  segment(number: number): DeltaSegment {
    const segment = this.#segments.get(number);
    if (segment === undefined) {
      throw new InvariantError("delta segment is not known to this thread", { number });
    }
    return segment;
  }

  /** The segments known here, ascending: what another reader (a pool thread) needs to start. */
  segments(): DeltaSegment[] {
    return [...this.#segments.values()].sort((a, b) => a.number - b.number);
  }

  /** The record at a position, as an object of its own. */
  at(position: DeltaPosition): DeltaRecord {
    return new DeltaRecord(this.segment(position.segment), position.offset);
  }

  /**
   * Visits the records in [from, to) in revision order. The record is one object that moves: it is valid
   * during the call only. The visitor returns false to stop.
   */
  forEach(
    from: DeltaPosition,
    to: DeltaPosition,
    // biome-ignore lint/suspicious/noConfusingVoidType: most visitors have nothing to say.
    visit: (change: DeltaRecord) => boolean | void,
  ): void {
    if (compareDeltaPositions(from, to) >= 0) return;
    let segment = this.segment(from.segment);
    let offset = from.offset;
    const record = new DeltaRecord(segment, offset);
    while (segment.number < to.segment || offset < to.offset) {
      const size = recordSize(segment, offset);
      if (size === 0) {
        assert(segment.number < to.segment, "delta ends before the published position", { ...to });
        segment = this.segment(segment.number + 1);
        offset = 0;
        continue;
      }
      record.moveTo(segment, offset);
      if (visit(record) === false) return;
      offset += size;
    }
    assert(offset === to.offset, "published position is not the end of a delta record", { ...to });
  }
}

/** 0 at the end of a segment, by the marker or because nothing more fits. */
function recordSize(segment: DeltaSegment, offset: number): number {
  if (offset + RecordField.keyValue > segment.bytes.length) return 0;
  return segment.view.getUint32(offset + RecordField.size, true);
}
