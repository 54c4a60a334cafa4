// Hot file: a message that travels in one piece allocates nothing.
import { assert } from "../assert.js";
import type { RingBells } from "./bell.js";
import {
  FIRST_PREFIX_BYTES,
  MESSAGE_BYTES_MAX,
  RECORD_HEADER_BYTES,
  RecordKind,
  RING_HEADER_BYTES,
  RingWord,
  recordBytes,
  ringCapacityBytes,
  SideState,
} from "./layout.js";

/**
 * Takes one message: `length` bytes at `offset` of `bytes`, and of `view`, which is the same memory; the
 * offset is 8-aligned. Valid until it returns: the memory is the ring's own and will be written again.
 * Returning false stops the drain after this message.
 */
export type MessageHandler = (
  type: number,
  bytes: Buffer,
  view: DataView,
  offset: number,
  length: number,
  // biome-ignore lint/suspicious/noConfusingVoidType: a handler that never stops need not return.
) => boolean | void;

/** A message on its way in fragments. */
interface Partial {
  readonly type: number;
  readonly bytes: Buffer;
  received: number;
}

/** The reading side of a ring; one per ring, used by one thread. */
export class RingReader {
  readonly #control: Int32Array<SharedArrayBuffer>;
  readonly #words: Int32Array<SharedArrayBuffer>;
  readonly #bytes: Buffer;
  readonly #view: DataView;
  readonly #bells: RingBells;
  readonly #capacity: number;
  readonly #releaseBytes: number;

  /** Next record, modulo 2^32 as an int32. */
  #readIndex: number;
  /** What the writer was last told of `#readIndex`. */
  #released: number;
  #partial: Partial | undefined;
  #draining = false;
  #gone = false;

  /** Takes the reading side of a ring that `createRing` made, at the index where it stands. */
  constructor(ring: SharedArrayBuffer, bells: RingBells) {
    this.#capacity = ringCapacityBytes(ring);
    // Often enough that a writer never waits for a long drain to end, seldom enough that the index's
    // cache line is not fought over for each message.
    this.#releaseBytes = this.#capacity / 8;
    this.#control = new Int32Array(ring, 0, RING_HEADER_BYTES / 4);
    this.#words = new Int32Array(ring, RING_HEADER_BYTES);
    this.#bytes = Buffer.from(ring, RING_HEADER_BYTES, this.#capacity);
    this.#view = new DataView(ring, RING_HEADER_BYTES, this.#capacity);
    this.#bells = bells;
    this.#readIndex = Atomics.load(this.#control, RingWord.readIndex);
    this.#released = this.#readIndex;
  }

  /** Whether the writer closed or died and every complete message has been handled. */
  get closed(): boolean {
    // State before index: the writer's last index was stored before its state.
    if (Atomics.load(this.#control, RingWord.writerState) === SideState.open) return false;
    return Atomics.load(this.#control, RingWord.writeIndex) === this.#readIndex;
  }

  /**
   * Hands the handler the messages that were there when the drain began, `max` at most, and gives their
   * number. Stops early after the message whose handler returned false. What the writer adds meanwhile
   * is left for the next drain, so that a fast writer cannot hold the reader for ever.
   *
   * A message counts as handled when its handler is called: one whose handler throws is not delivered
   * again (it would throw again), the space of all before it is given back, and the error goes up.
   */
  drain(handler: MessageHandler, max = Number.POSITIVE_INFINITY): number {
    assert(!this.#draining, "drain inside a drain of the same ring");
    if (this.#gone || max <= 0) return 0;
    const end = Atomics.load(this.#control, RingWord.writeIndex);
    if (end === this.#readIndex) return 0;
    this.#draining = true;
    try {
      return this.#drainTo(end, handler, max);
    } finally {
      this.#draining = false;
      this.#release();
    }
  }

  /** The reader goes away: from now on it reads nothing, and the writer gets RingPeerGoneError. */
  abandon(): void {
    this.#gone = true;
    this.#partial = undefined;
    const { open, closed } = SideState;
    Atomics.compareExchange(this.#control, RingWord.readerState, open, closed);
    this.#bells.producer.ring();
  }

  #drainTo(end: number, handler: MessageHandler, max: number): number {
    let handled = 0;
    while (this.#readIndex !== end && !this.#gone) {
      const position = this.#readIndex & (this.#capacity - 1);
      const length = this.#words[position >> 2]!;
      const kindAndType = this.#words[(position >> 2) + 1]!;
      const next = (this.#readIndex + recordBytes(length)) | 0;
      assert(length >= 0 && ((end - next) | 0) >= 0, "record beyond the index");
      const offset = position + RECORD_HEADER_BYTES;
      // The message is consumed before its handler runs, so that one that throws is not seen again; its
      // space is given back after.
      this.#readIndex = next;
      const kind = kindAndType >>> 16;
      let stop = false;
      if (kind === RecordKind.whole) {
        handled += 1;
        const type = kindAndType & 0xffff;
        stop = handler(type, this.#bytes, this.#view, offset, length) === false;
      } else if (kind !== RecordKind.skip) {
        const message = this.#assemble(kind, kindAndType & 0xffff, offset, length);
        if (message !== undefined) {
          handled += 1;
          stop = handAssembled(message, handler) === false;
        }
      }
      if (stop || handled >= max) break;
      if (((this.#readIndex - this.#released) | 0) >= this.#releaseBytes) this.#release();
    }
    return handled;
  }

  /** Adds a fragment to the message on its way, and gives the message when it is complete. */
  #assemble(kind: number, type: number, offset: number, length: number): Partial | undefined {
    let start = offset;
    if (kind === RecordKind.first) {
      const size = this.#words[offset >> 2]!;
      assert(this.#partial === undefined, "a message begins inside another", { type });
      assert(size > length && size <= MESSAGE_BYTES_MAX, "announced size out of range", { size });
      this.#partial = { type, bytes: Buffer.allocUnsafeSlow(size), received: 0 };
      start += FIRST_PREFIX_BYTES;
    }
    const partial = this.#partial;
    assert(partial !== undefined, "a fragment without a first", { type });
    const end = offset + length;
    const received = partial.received + (end - start);
    assert(received <= partial.bytes.length, "more bytes than announced", { received });
    this.#bytes.copy(partial.bytes, partial.received, start, end);
    partial.received = received;
    if (received < partial.bytes.length) return undefined;
    this.#partial = undefined;
    return partial;
  }

  /** Gives space back, then wakes the writer if it waits for as much as is free now. */
  #release(): void {
    if (this.#released === this.#readIndex) return;
    this.#released = this.#readIndex;
    Atomics.store(this.#control, RingWord.readIndex, this.#readIndex);
    const wanted = Atomics.load(this.#control, RingWord.spaceWanted);
    if (wanted === 0) return;
    const writeIndex = Atomics.load(this.#control, RingWord.writeIndex);
    if (this.#capacity - ((writeIndex - this.#readIndex) | 0) < wanted) return;
    Atomics.store(this.#control, RingWord.spaceWanted, 0);
    this.#bells.producer.ring();
  }
}

function handAssembled(message: Partial, handler: MessageHandler): ReturnType<MessageHandler> {
  const { type, bytes } = message;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return handler(type, bytes, view, 0, bytes.length);
}
