import { readUint32 } from "../frame-reader.js";

/** Compressed flag (1) and length (4): gRPC over HTTP/2, Length-Prefixed-Message. */
export const MESSAGE_PREFIX_BYTES = 5;

const EMPTY = new Uint8Array(0);
/** Smallest memory for what has to be kept. */
const KEPT_CAPACITY_BYTES = 256;

/**
 * Takes messages off the data of one stream, however they are cut: `feed` data, call `next` until it says false
 * (or stop before, to go on later), then `keep`. Messages that lie whole in what was fed are views of it; the
 * others are put together in memory of their own, which grows with what has come and not with what was
 * announced.
 */
export class MessageReader {
  readonly #bytesMax: number;
  #bytes: Uint8Array = EMPTY;
  #start = 0;
  #end = 0;
  #isOwn = false;

  /** The message that `next` has read, still compressed when `flag` is 1. */
  message: Uint8Array = EMPTY;
  flag = 0;
  /** Size of a message above the limit, as it was announced; nothing is read from there on. */
  oversizeBytes = 0;

  /** `bytesMax`: largest message. */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** Bytes that are kept from one feed to the next. */
  get keptBytes(): number {
    return this.#isOwn ? this.#end - this.#start : 0;
  }

  /** Bytes that the message which has begun still needs; 0 when none has, as far as is known. */
  get missingBytes(): number {
    const available = this.#end - this.#start;
    if (available < MESSAGE_PREFIX_BYTES) return 0;
    return Math.max(0, MESSAGE_PREFIX_BYTES + this.#announced() - available);
  }

  /** Gives data from `start` to `end`, which nobody changes. */
  feed(bytes: Uint8Array, start: number, end: number): void {
    if (this.#end === this.#start) {
      this.#bytes = bytes;
      this.#start = start;
      this.#end = end;
      this.#isOwn = false;
      return;
    }
    this.#own(end - start);
    this.#bytes.set(bytes.subarray(start, end), this.#end);
    this.#end += end - start;
  }

  /** Reads a message; false when none is there as a whole, or one is too large. */
  next(): boolean {
    const available = this.#end - this.#start;
    if (available < MESSAGE_PREFIX_BYTES) return false;
    const length = this.#announced();
    if (length > this.#bytesMax) {
      this.oversizeBytes = length;
      return false;
    }
    if (available < MESSAGE_PREFIX_BYTES + length) return false;
    const begin = this.#start + MESSAGE_PREFIX_BYTES;
    this.flag = this.#bytes[this.#start]!;
    this.message = this.#bytes.subarray(begin, begin + length);
    this.#start = begin + length;
    return true;
  }

  /** Copies what is left, so that a few bytes do not keep a whole read of the socket in memory. */
  keep(): void {
    this.message = EMPTY;
    if (this.#start === this.#end) this.drop();
    else if (!this.#isOwn) this.#own(0);
  }

  /** Forgets everything. */
  drop(): void {
    this.#bytes = EMPTY;
    this.#start = 0;
    this.#end = 0;
    this.#isOwn = false;
  }

  /** Makes what is there this reader's own, with room for more behind. */
  #own(moreBytes: number): void {
    const available = this.#end - this.#start;
    if (this.#isOwn && this.#end + moreBytes <= this.#bytes.length) return;
    // Messages that were handed out are views of the old memory: it is left, never moved within.
    const own = new Uint8Array(Math.max(KEPT_CAPACITY_BYTES, 2 * (available + moreBytes)));
    own.set(this.#bytes.subarray(this.#start, this.#end));
    this.#bytes = own;
    this.#start = 0;
    this.#end = available;
    this.#isOwn = true;
  }

  #announced(): number {
    return readUint32(this.#bytes, this.#start + 1);
  }
}
