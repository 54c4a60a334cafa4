// Hot file: a message that fits into the ring allocates nothing.
import { assert } from "../assert.js";
import type { RingBells } from "./bell.js";
import { RingPeerGoneError } from "./death.js";
import {
  FIRST_PREFIX_BYTES,
  MESSAGE_BYTES_MAX,
  MESSAGE_TYPE_MAX,
  RECORD_HEADER_BYTES,
  RecordKind,
  RING_HEADER_BYTES,
  RingWord,
  recordBytes,
  recordBytesMax,
  ringCapacityBytes,
  SideState,
} from "./layout.js";

/** A message that waits on the heap for room in the ring. `moved`: its bytes already there. */
interface Waiting {
  readonly type: number;
  readonly bytes: Buffer;
  moved: number;
}

/**
 * The writing side of a ring; one per ring, used by one thread.
 *
 * A message is `begin`, bytes, `end`; a turn's messages are followed by one `flush`. Neither `begin` nor
 * `end` ever waits or fails for lack of space: what does not fit goes to a backlog on the heap, in order,
 * and `blocked` becomes true. The owner's part of the bargain: while blocked it takes no new work whose
 * output goes here, so the backlog never holds more than the output of one input message.
 */
export class RingWriter {
  readonly #control: Int32Array<SharedArrayBuffer>;
  /** The message bytes as words, for record headers. */
  readonly #words: Int32Array<SharedArrayBuffer>;
  readonly #ringBytes: Buffer;
  readonly #ringView: DataView;
  readonly #bells: RingBells;
  readonly #capacity: number;
  readonly #payloadMax: number;

  /** End of what is published, modulo 2^32 as an int32; always a multiple of 8. */
  #writeIndex: number;
  /** The reader's index when last looked at: never ahead of the truth, so free space is never overstated. */
  #readIndex: number;
  /** End of the record begun in the ring; published by `end`. */
  #recordEnd = 0;
  #begun: "no" | "ring" | "heap" = "no";
  #begunType = 0;

  #bytes: Buffer;
  #view: DataView;
  readonly #backlog: Waiting[] = [];
  #backlogBytes = 0;
  #unannounced = false;
  #closing = false;

  /** Takes the writing side of a ring that `createRing` made, at the index where it stands. */
  constructor(ring: SharedArrayBuffer, bells: RingBells) {
    this.#capacity = ringCapacityBytes(ring);
    this.#payloadMax = recordBytesMax(this.#capacity) - RECORD_HEADER_BYTES;
    this.#control = new Int32Array(ring, 0, RING_HEADER_BYTES / 4);
    this.#words = new Int32Array(ring, RING_HEADER_BYTES);
    this.#ringBytes = Buffer.from(ring, RING_HEADER_BYTES, this.#capacity);
    this.#ringView = new DataView(ring, RING_HEADER_BYTES, this.#capacity);
    this.#bells = bells;
    this.#writeIndex = Atomics.load(this.#control, RingWord.writeIndex);
    this.#readIndex = Atomics.load(this.#control, RingWord.readIndex);
    this.#bytes = this.#ringBytes;
    this.#view = this.#ringView;
  }

  /** Where the begun message's bytes go, at the offset that `begin` gave. Read it after each `begin`. */
  get bytes(): Buffer {
    return this.#bytes;
  }

  /** The same memory as `bytes`, as a view. Read it after each `begin`. */
  get view(): DataView {
    return this.#view;
  }

  /** Whether messages wait on the heap for room. */
  get blocked(): boolean {
    return this.#backlog.length > 0;
  }

  /** Message bytes that wait on the heap. */
  get backlogBytes(): number {
    return this.#backlogBytes;
  }

  /** Whether the reader abandoned the ring or died. */
  get readerGone(): boolean {
    return Atomics.load(this.#control, RingWord.readerState) !== SideState.open;
  }

  /**
   * Begins a message of `size` bytes and gives the offset of its first byte in `bytes` and `view`,
   * 8-aligned. Every byte must be written before `end`: the memory holds old messages.
   * Throws RingPeerGoneError when there is nobody to read it.
   */
  begin(type: number, size: number): number {
    assert(this.#begun === "no" && !this.#closing, "begin inside a message or after close");
    // No fields: they would be an object per message.
    assert(type >= 0 && type <= MESSAGE_TYPE_MAX, "message type out of range");
    assert(size >= 0 && size <= MESSAGE_BYTES_MAX, "message size out of range");
    if (this.readerGone) throw new RingPeerGoneError();
    if (this.#backlog.length === 0 && size <= this.#payloadMax) {
      const offset = this.#reserve(type, size, RecordKind.whole);
      if (offset >= 0) {
        this.#begun = "ring";
        this.#bytes = this.#ringBytes;
        this.#view = this.#ringView;
        return offset;
      }
    }
    this.#begun = "heap";
    this.#begunType = type;
    this.#bytes = Buffer.allocUnsafeSlow(size);
    this.#view = new DataView(this.#bytes.buffer);
    return 0;
  }

  /** Completes the message: the reader may see it from now on, and is woken by the next `flush`. */
  end(): void {
    if (this.#begun === "ring") {
      this.#publish();
    } else {
      assert(this.#begun === "heap", "end without begin");
      this.#backlog.push({ type: this.#begunType, bytes: this.#bytes, moved: 0 });
      this.#backlogBytes += this.#bytes.length;
      this.#bytes = this.#ringBytes;
      this.#view = this.#ringView;
      // A message of many fragments often fits at once: only a full ring makes the writer blocked.
      this.#moveBacklog();
    }
    this.#begun = "no";
  }

  /**
   * Moves waiting messages into the ring, and wakes the reader once if anything new is there. False while
   * messages still wait: the producer's bell rings when half of the ring is free, and the owner flushes
   * again. Throws RingPeerGoneError when messages wait and there is nobody to make room.
   */
  flush(): boolean {
    if (this.#backlog.length > 0) {
      if (this.readerGone) throw new RingPeerGoneError();
      this.#moveBacklog();
      if (this.#backlog.length > 0) this.#wantSpace();
    }
    if (this.#unannounced) {
      this.#unannounced = false;
      this.#bells.consumer.ring();
    }
    if (this.#backlog.length > 0) return false;
    if (this.#closing) this.#finish();
    return true;
  }

  /**
   * Ends the ring in order: no message may begin from now on, and the reader is `closed` when it has
   * drained what there is. While `blocked`, go on flushing until `flush` gives true: the end comes last.
   */
  close(): void {
    assert(this.#begun === "no", "close inside a message");
    this.#closing = true;
    if (this.readerGone) {
      this.#backlog.length = 0;
      this.#backlogBytes = 0;
    }
    this.flush();
  }

  /** Finds room for a record, writes its header, gives its payload's offset; -1 when there is none. */
  #reserve(type: number, length: number, kind: RecordKind): number {
    const total = recordBytes(length);
    let position = this.#writeIndex & (this.#capacity - 1);
    const untilEnd = this.#capacity - position;
    const skip = total > untilEnd ? untilEnd : 0;
    if (this.#free() < skip + total) {
      this.#readIndex = Atomics.load(this.#control, RingWord.readIndex);
      if (this.#free() < skip + total) return -1;
    }
    if (skip > 0) {
      this.#putHeader(position, skip - RECORD_HEADER_BYTES, RecordKind.skip << 16);
      position = 0;
    }
    this.#putHeader(position, length, (kind << 16) | type);
    this.#recordEnd = (this.#writeIndex + skip + total) | 0;
    return position + RECORD_HEADER_BYTES;
  }

  #free(): number {
    return this.#capacity - ((this.#writeIndex - this.#readIndex) | 0);
  }

  #putHeader(position: number, length: number, kindAndType: number): void {
    this.#words[position >> 2] = length;
    this.#words[(position >> 2) + 1] = kindAndType;
  }

  /** Bytes first, index second: the store releases every plain write before it to the reader. */
  #publish(): void {
    this.#writeIndex = this.#recordEnd;
    Atomics.store(this.#control, RingWord.writeIndex, this.#recordEnd);
    this.#unannounced = true;
  }

  #moveBacklog(): void {
    let done = 0;
    for (const waiting of this.#backlog) {
      if (!this.#move(waiting)) break;
      done += 1;
    }
    if (done > 0) this.#backlog.splice(0, done);
  }

  /** Moves what there is room for; true when the whole message is in the ring. */
  #move(waiting: Waiting): boolean {
    const { type, bytes } = waiting;
    if (bytes.length <= this.#payloadMax) {
      const offset = this.#reserve(type, bytes.length, RecordKind.whole);
      if (offset < 0) return false;
      this.#moveBytes(waiting, offset, bytes.length);
      return true;
    }
    while (waiting.moved < bytes.length) {
      const isFirst = waiting.moved === 0;
      const prefix = isFirst ? FIRST_PREFIX_BYTES : 0;
      const length = Math.min(bytes.length - waiting.moved, this.#payloadMax - prefix);
      const kind = isFirst ? RecordKind.first : RecordKind.next;
      const offset = this.#reserve(type, prefix + length, kind);
      if (offset < 0) return false;
      if (isFirst) {
        this.#words[offset >> 2] = bytes.length;
        this.#words[(offset >> 2) + 1] = 0;
      }
      this.#moveBytes(waiting, offset + prefix, length);
    }
    return true;
  }

  #moveBytes(waiting: Waiting, offset: number, length: number): void {
    waiting.bytes.copy(this.#ringBytes, offset, waiting.moved, waiting.moved + length);
    waiting.moved += length;
    this.#backlogBytes -= length;
    this.#publish();
  }

  /**
   * Says that the writer waits, then looks once more: the reader gives space back first and looks for a
   * waiting writer second, so one of the two sees the other (README.md, "A full ring").
   */
  #wantSpace(): void {
    Atomics.store(this.#control, RingWord.spaceWanted, this.#capacity / 2);
    this.#moveBacklog();
    if (this.#backlog.length === 0) Atomics.store(this.#control, RingWord.spaceWanted, 0);
  }

  /** The state goes out after the last index: a reader that sees it sees every message. */
  #finish(): void {
    if (Atomics.load(this.#control, RingWord.writerState) !== SideState.open) return;
    Atomics.store(this.#control, RingWord.writerState, SideState.closed);
    this.#bells.consumer.ring();
  }
}
