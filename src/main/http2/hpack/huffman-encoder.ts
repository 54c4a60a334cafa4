import { assert } from "../../../shared/assert.js";
import type { ByteSink } from "../byte-sink.js";
import { CODE_BITS, CODES } from "./huffman-code.js";

/** Bytes that a string takes in the Huffman code of RFC 7541 appendix B. It must be latin1. */
export function huffmanBytes(text: string): number {
  let bits = 0;
  let seen = 0;
  for (let i = 0; i < text.length; i += 1) {
    const symbol = text.charCodeAt(i);
    seen |= symbol;
    bits += CODE_BITS[symbol]!;
  }
  assert(seen <= 0xff, "a header field is latin1", { text });
  return (bits + 7) >>> 3;
}

/** Most bits that are added at a time, so that with the 7 that wait they are fewer than 32. */
const STEP_BITS_MAX = 24;

/** Appends a latin1 string in the Huffman code, without its length, which `huffmanBytes` has told. */
export function huffmanEncode(into: ByteSink, text: string): void {
  into.ensure(huffmanBytes(text));
  const { bytes } = into;
  let at = into.length;
  let waiting = 0;
  let waitingBits = 0;
  for (let i = 0; i < text.length; i += 1) {
    const symbol = text.charCodeAt(i);
    const code = CODES[symbol]!;
    let bits = CODE_BITS[symbol]!;
    if (bits > STEP_BITS_MAX) {
      // The longest codes, of 30 bits, in two parts.
      bits -= 8;
      waiting = (waiting << 8) | (code >>> bits);
      bytes[at++] = waiting >>> waitingBits;
      waiting &= (1 << waitingBits) - 1;
    }
    waiting = (waiting << bits) | (code & ((1 << bits) - 1));
    waitingBits += bits;
    while (waitingBits >= 8) {
      waitingBits -= 8;
      bytes[at++] = waiting >>> waitingBits;
      waiting &= (1 << waitingBits) - 1;
    }
  }
  // The rest of the last byte is filled with the first bits of EOS, all of them ones (section 5.2).
  if (waitingBits > 0) bytes[at++] = ((waiting + 1) << (8 - waitingBits)) - 1;
  into.length = at;
}
