import { HpackError } from "./hpack-error.js";
import { huffmanDecode, huffmanDecodedBytesMax } from "./huffman-decoder.js";
import { latin1 } from "./latin1.js";

/** Largest integer that is taken: indexes, sizes and lengths are all far smaller (RFC 7541 section 5.1). */
const INTEGER_MAX = 2 ** 31 - 1;
/** The last shift of a continuation byte that can still be below that. */
const SHIFT_MAX = 28;
/** The bit of a string's first byte that says Huffman. */
const HUFFMAN_BIT = 0x80;
/** Strings up to this size are decoded into memory that is kept. */
const SCRATCH_BYTES = 4096;

const scratch = new Uint8Array(SCRATCH_BYTES);

/** Reads the primitives of a header block (RFC 7541 section 5) and never past its end. */
export class BlockReader {
  #block: Uint8Array = new Uint8Array(0);
  #at = 0;

  /** Begins with another block, which must not change until it is read. */
  begin(block: Uint8Array): void {
    this.#block = block;
    this.#at = 0;
  }

  /** Whether all of the block was read. */
  get done(): boolean {
    return this.#at >= this.#block.length;
  }

  /** The next byte, which stays. There must be one. */
  peek(): number {
    return this.#block[this.#at]!;
  }

  /** An integer whose first part is in the last `prefixBits` of the next byte (section 5.1). */
  integer(prefixBits: number): number {
    const prefixMax = (1 << prefixBits) - 1;
    const first = this.#byte() & prefixMax;
    return first < prefixMax ? first : this.#continued(prefixMax);
  }

  #continued(prefixMax: number): number {
    let value = prefixMax;
    for (let shift = 0; shift <= SHIFT_MAX; shift += 7) {
      const byte = this.#byte();
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) {
        if (value > INTEGER_MAX) break;
        return value;
      }
    }
    throw new HpackError("an integer is too large");
  }

  /** A string literal (section 5.2). Its length is held against the bytes that are there before any is read. */
  string(): string {
    const coded = !this.done && this.peek() >= HUFFMAN_BIT;
    const length = this.integer(7);
    const start = this.#at;
    if (length > this.#block.length - start) throw new HpackError("a string is cut off");
    this.#at = start + length;
    if (!coded) return latin1(this.#block, start, this.#at);
    const room = huffmanDecodedBytesMax(length);
    const into = room <= SCRATCH_BYTES ? scratch : new Uint8Array(room);
    return latin1(into, 0, huffmanDecode(this.#block, start, this.#at, into));
  }

  #byte(): number {
    if (this.#at >= this.#block.length) throw new HpackError("a header block is cut off");
    return this.#block[this.#at++]!;
  }
}
