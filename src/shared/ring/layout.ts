import { assert } from "../assert.js";

/**
 * Where things lie in a ring's SharedArrayBuffer. Drawn in README.md. Each word that one side writes and
 * the other reads has a line of its own: 128 bytes, because processors fetch cache lines in pairs.
 */
const LINE_WORDS = 32;

/** Index of each control word, for an Int32Array over the whole buffer. */
export const RingWord = {
  /** Bytes ever published by the writer, modulo 2^32. Written by the writer only. */
  writeIndex: 0,
  /** Bytes ever given back by the reader, modulo 2^32. Written by the reader only. */
  readIndex: LINE_WORDS,
  /** A `SideState`: written by the writer, or by the supervisor once the writer's thread is gone. */
  writerState: 2 * LINE_WORDS,
  /** A `SideState`: written by the reader, or by the supervisor once the reader's thread is gone. */
  readerState: 3 * LINE_WORDS,
  /** Free bytes that the blocked writer waits for; 0: it does not wait. Set by the writer, cleared by both. */
  spaceWanted: 4 * LINE_WORDS,
} as const;

/** Bytes of the control words: the message bytes begin here. */
export const RING_HEADER_BYTES = 5 * LINE_WORDS * 4;

/** What one side of a ring is. */
export const SideState = {
  open: 0,
  /** Left in order: a closed writer, a reader that abandoned the ring. */
  closed: 1,
  /** Its thread died; only the supervisor says so. */
  dead: 2,
} as const;
export type SideState = (typeof SideState)[keyof typeof SideState];

/** Kind of a record. A message is one `whole`, or one `first` and as many `next` as it takes. */
export const RecordKind = {
  whole: 0,
  /** Begins with the size of the whole message: {u32, 0 u32}, then its first bytes. */
  first: 1,
  next: 2,
  /** Nothing: fills the end of the ring, where the next record does not fit in one piece. */
  skip: 3,
} as const;
export type RecordKind = (typeof RecordKind)[keyof typeof RecordKind];

/** Bytes before a record's payload: {payload length u32, type u16, kind u16}. Records are 8-aligned. */
export const RECORD_HEADER_BYTES = 8;

/** Bytes before the message's own in a `first` record's payload. */
export const FIRST_PREFIX_BYTES = 8;

/** Largest message: what gRPC can frame in an int32. A larger one is our bug: `begin` asserts. */
export const MESSAGE_BYTES_MAX = 0x7fff_ffff;

/** Largest message type. */
export const MESSAGE_TYPE_MAX = 0xffff;

const CAPACITY_BYTES_MIN = 128;
/** Keeps the difference of two indexes within an int32. */
const CAPACITY_BYTES_MAX = 2 ** 30;

/**
 * Makes an empty ring of `capacityBytes` message bytes: a power of two, 128 bytes to 1 GiB.
 * Whoever makes it hands the same buffer to exactly one RingWriter and one RingReader.
 */
export function createRing(capacityBytes: number): SharedArrayBuffer {
  assert(isCapacity(capacityBytes), "ring capacity is no power of two in range", { capacityBytes });
  return new SharedArrayBuffer(RING_HEADER_BYTES + capacityBytes);
}

/** Message bytes of a ring that `createRing` made. */
export function ringCapacityBytes(ring: SharedArrayBuffer): number {
  const capacityBytes = ring.byteLength - RING_HEADER_BYTES;
  assert(isCapacity(capacityBytes), "buffer is no ring", { byteLength: ring.byteLength });
  return capacityBytes;
}

/**
 * Largest record, header included: a quarter of the ring. With a skip before it, which is shorter than
 * the record, any record fits into half a ring: a writer that waits for half a ring always gets on.
 */
export function recordBytesMax(capacityBytes: number): number {
  return capacityBytes / 4;
}

/** Bytes that a record takes in the ring, header and padding included. */
export function recordBytes(payloadLength: number): number {
  return (RECORD_HEADER_BYTES + payloadLength + 7) & ~7;
}

function isCapacity(bytes: number): boolean {
  return (
    bytes >= CAPACITY_BYTES_MIN && bytes <= CAPACITY_BYTES_MAX && Number.isInteger(Math.log2(bytes))
  );
}
