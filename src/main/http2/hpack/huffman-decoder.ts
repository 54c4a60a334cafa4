// Hot file: every literal string of a header block passes through here, half a byte per step.

import { HpackError } from "./hpack-error.js";
import { CODE_BITS, CODES, EOS } from "./huffman-code.js";

/** A step: the next state in the low byte, the symbol above it, then two flags. */
const SYMBOL_SHIFT = 8;
const EMITS = 1 << 16;
const FAILS = 1 << 17;

/** Longest padding, in bits: one whole byte of it is an error (RFC 7541 section 5.2). */
const PADDING_BITS_MAX = 7;

/** The code tree. An inner node has a number from 0 (the root) and two children; a leaf is -1 - symbol. */
function buildTree(): number[][] {
  const nodes: number[][] = [[]];
  for (let symbol = 0; symbol <= EOS; symbol += 1) {
    let node = nodes[0]!;
    for (let bit = CODE_BITS[symbol]! - 1; bit > 0; bit -= 1) {
      const side = (CODES[symbol]! >>> bit) & 1;
      node[side] ??= nodes.push([]) - 1;
      node = nodes[node[side]]!;
    }
    node[CODES[symbol]! & 1] = -1 - symbol;
  }
  return nodes;
}

/** What four bits do in a state. No code is shorter than five bits, so they end one symbol at most. */
function step(nodes: readonly number[][], state: number, nibble: number): number {
  let node = state;
  let emitted = 0;
  for (let bit = 3; bit >= 0; bit -= 1) {
    node = nodes[node]![(nibble >>> bit) & 1]!;
    if (node === -1 - EOS) return FAILS;
    if (node < 0) {
      emitted = EMITS | ((-1 - node) << SYMBOL_SHIFT);
      node = 0;
    }
  }
  return emitted | node;
}

const NODES = buildTree();
const STEPS: Uint32Array = Uint32Array.from({ length: NODES.length * 16 }, (_, at) =>
  step(NODES, at >>> 4, at & 15),
);

/** By state, whether a string may end there: at the root, or after up to seven ones from there. */
function findEnds(): Uint8Array {
  const ends = new Uint8Array(NODES.length);
  for (let node = 0, depth = 0; depth <= PADDING_BITS_MAX; depth += 1) {
    ends[node] = 1;
    node = NODES[node]![1]!;
  }
  return ends;
}

const ENDS = findEnds();

/** Most bytes that so many bytes of Huffman code can stand for: the shortest code has five bits. */
export function huffmanDecodedBytesMax(codedBytes: number): number {
  return Math.floor((codedBytes * 8) / 5);
}

/**
 * Decodes `coded` from `start` to `end` (exclusive) into `into` from 0 on, which has room for
 * `huffmanDecodedBytesMax`, and returns how many bytes came of it. Throws HpackError for EOS in the string and for
 * padding that is not the first bits of EOS or too long (RFC 7541 section 5.2).
 */
export function huffmanDecode(
  coded: Uint8Array,
  start: number,
  end: number,
  into: Uint8Array,
): number {
  let state = 0;
  let length = 0;
  for (let at = start; at < end; at += 1) {
    const byte = coded[at]!;
    const high = STEPS[(state << 4) | (byte >>> 4)]!;
    if (high >= EMITS) {
      if (high === FAILS) throw new HpackError("the end-of-string symbol in a string");
      into[length++] = high >>> SYMBOL_SHIFT;
    }
    const low = STEPS[((high & 0xff) << 4) | (byte & 15)]!;
    if (low >= EMITS) {
      if (low === FAILS) throw new HpackError("the end-of-string symbol in a string");
      into[length++] = low >>> SYMBOL_SHIFT;
    }
    state = low & 0xff;
  }
  if (ENDS[state] === 0) throw new HpackError("wrong padding of a Huffman-coded string");
  return length;
}
