/** Sizes of a stream's messages: mostly up to `smallMax` bytes, one in `largeEvery` up to `largeMax`. */
export interface StreamSizes {
  readonly smallMax: number;
  readonly largeMax: number;
  readonly largeEvery: number;
}

/**
 * A stream of messages that is all in its seed: writer and checker each make their own and step it in
 * pace. Every byte of a message depends on the seed, on the message's number and on its own place.
 */
export class MessageStream {
  readonly #sizes: StreamSizes;
  #state: number;
  /** Number of the message, from 0. */
  index = -1;
  /** Type of the message. */
  type = 0;
  /** Size of the message in bytes. */
  size = 0;

  constructor(seed: number, sizes: StreamSizes) {
    this.#sizes = sizes;
    this.#state = (seed ^ 0x9e3779b9) | 1;
  }

  /** Steps to the next message. */
  next(): void {
    this.index += 1;
    this.type = this.#random() % 0x1_0000;
    const isLarge = this.#random() % this.#sizes.largeEvery === 0;
    this.size = this.#random() % ((isLarge ? this.#sizes.largeMax : this.#sizes.smallMax) + 1);
  }

  /** Writes the message. */
  fill(view: DataView, offset: number): void {
    let word = this.#state;
    const wordsEnd = offset + (this.size & ~3);
    let at = offset;
    for (; at < wordsEnd; at += 4) {
      word = (Math.imul(word, 1664525) + 1013904223) | 0;
      view.setInt32(at, word, true);
    }
    for (; at < offset + this.size; at += 1) view.setUint8(at, (word ^ (at - offset)) & 0xff);
  }

  /** Checks every byte of the message; throws with its number on the first wrong one. */
  check(type: number, view: DataView, offset: number, length: number): void {
    if (type !== this.type || length !== this.size || offset % 8 !== 0) {
      throw new Error(`message ${this.index}: ${type}/${length}, not ${this.type}/${this.size}`);
    }
    let word = this.#state;
    let wrong = 0;
    const wordsEnd = offset + (length & ~3);
    let at = offset;
    for (; at < wordsEnd; at += 4) {
      word = (Math.imul(word, 1664525) + 1013904223) | 0;
      wrong |= view.getInt32(at, true) ^ word;
    }
    // The place of a byte counts from the message's start: writer and reader may hold it at different offsets.
    for (; at < offset + length; at += 1)
      wrong |= view.getUint8(at) ^ ((word ^ (at - offset)) & 0xff);
    if (wrong !== 0) throw new Error(`message ${this.index}: wrong bytes`);
  }

  #random(): number {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x;
    return x >>> 0;
  }
}
