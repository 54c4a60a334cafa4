import { Bell, type RingBells } from "../../../src/shared/ring/bell.js";
import { createRing, RingWord } from "../../../src/shared/ring/layout.js";
import { RingReader } from "../../../src/shared/ring/reader.js";
import { RingWriter } from "../../../src/shared/ring/writer.js";

/** A message as the slow twin holds it. */
export interface Letter {
  readonly type: number;
  readonly bytes: Buffer;
}

/** Both sides of one ring on one thread, and a plain array that says what must come out. */
export class TwinnedRing {
  readonly bells: RingBells = { consumer: new Bell(), producer: new Bell() };
  readonly ring: SharedArrayBuffer;
  readonly writer: RingWriter;
  readonly reader: RingReader;
  readonly expected: Letter[] = [];
  #next = 0;

  /** `startIndex`: bytes that have gone through before, a multiple of 8, as an int32. */
  constructor(capacityBytes: number, startIndex = 0) {
    this.ring = createRing(capacityBytes);
    const control = new Int32Array(this.ring);
    control[RingWord.writeIndex] = startIndex;
    control[RingWord.readIndex] = startIndex;
    this.writer = new RingWriter(this.ring, this.bells);
    this.reader = new RingReader(this.ring, this.bells);
  }

  /** Writes a message whose bytes no other message has. */
  write(size: number): void {
    this.#next += 1;
    const letter = { type: (this.#next * 7919) & 0xffff, bytes: Buffer.alloc(size) };
    for (let i = 0; i < size; i += 1)
      letter.bytes[i] = (this.#next * 31 + i * 17 + (i >> 8)) & 0xff;
    const offset = this.writer.begin(letter.type, size);
    this.writer.bytes.set(letter.bytes, offset);
    this.writer.end();
    this.expected.push(letter);
  }

  /** Drains and compares with the twin, byte by byte; gives the number of messages. */
  drain(max?: number): number {
    return this.reader.drain((type, bytes, view, offset, length) => {
      const letter = this.expected.shift();
      const viaView = Buffer.from(view.buffer, view.byteOffset + offset, length);
      const same =
        letter?.type === type &&
        letter.bytes.equals(bytes.subarray(offset, offset + length)) &&
        letter.bytes.equals(viaView) &&
        offset % 8 === 0;
      if (!same) throw new Error(`got ${type}/${length}, expected ${letter?.type}`);
    }, max);
  }

  /** Flushes and drains until nothing is left on either side. */
  settle(): void {
    for (let turn = 0; turn < 100_000; turn += 1) {
      const flushed = this.writer.flush();
      this.drain();
      if (flushed && this.expected.length === 0) return;
    }
    throw new Error("the ring does not settle");
  }
}
