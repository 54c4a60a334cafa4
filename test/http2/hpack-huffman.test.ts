import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { ByteSink } from "../../src/main/http2/byte-sink.js";
import { HpackError } from "../../src/main/http2/hpack/hpack-error.js";
import { CODE_BITS, CODES, EOS } from "../../src/main/http2/hpack/huffman-code.js";
import {
  huffmanDecode,
  huffmanDecodedBytesMax,
} from "../../src/main/http2/hpack/huffman-decoder.js";
import { huffmanBytes, huffmanEncode } from "../../src/main/http2/hpack/huffman-encoder.js";
import { scaled } from "./support/scale.js";
import { slowHuffmanDecode, slowHuffmanEncode } from "./support/slow-hpack.js";

const latin1 = fc
  .uint8Array({ maxLength: 80 })
  .map((bytes) => Buffer.from(bytes).toString("latin1"));

function decode(bytes: Uint8Array): string {
  const into = new Uint8Array(huffmanDecodedBytesMax(bytes.length));
  return Buffer.from(into.subarray(0, huffmanDecode(bytes, 0, bytes.length, into))).toString(
    "latin1",
  );
}

/** The result, or that it threw. */
function outcome(run: () => string): string | Error {
  try {
    return run();
  } catch (error) {
    assert.ok(error instanceof Error);
    return error;
  }
}

describe("the Huffman code", () => {
  test("is complete: the codes fill the tree", () => {
    const filled = CODE_BITS.reduce((sum, bits) => sum + 2 ** -bits, 0);
    assert.equal(filled, 1);
    assert.equal(CODES.length, EOS + 1);
  });

  // One of each length from RFC 7541 appendix B.
  const codes: readonly (readonly [symbol: number, bits: number, code: number])[] = [
    ["0".charCodeAt(0), 5, 0x0],
    ["t".charCodeAt(0), 5, 0x9],
    [" ".charCodeAt(0), 6, 0x14],
    ["u".charCodeAt(0), 6, 0x2d],
    [":".charCodeAt(0), 7, 0x5c],
    ["z".charCodeAt(0), 7, 0x7b],
    ["&".charCodeAt(0), 8, 0xf8],
    ["Z".charCodeAt(0), 8, 0xfd],
    ["!".charCodeAt(0), 10, 0x3f8],
    ["|".charCodeAt(0), 11, 0x7fc],
    ["#".charCodeAt(0), 12, 0xffa],
    [0, 13, 0x1ff8],
    ["~".charCodeAt(0), 13, 0x1ffd],
    ["}".charCodeAt(0), 14, 0x3ffd],
    ["<".charCodeAt(0), 15, 0x7ffc],
    ["\\".charCodeAt(0), 19, 0x7fff0],
    [1, 23, 0x7fffd8],
    [2, 28, 0xfffffe2],
    [9, 24, 0xffffea],
    [10, 30, 0x3ffffffc],
    [22, 30, 0x3ffffffe],
    [127, 28, 0xffffffc],
    [128, 20, 0xfffe6],
    [249, 28, 0xffffffe],
    [255, 26, 0x3ffffee],
    [EOS, 30, 0x3fffffff],
  ];
  for (const [symbol, bits, code] of codes) {
    test(`has ${code.toString(16)} in ${bits} bits for symbol ${symbol}`, () => {
      assert.equal(CODE_BITS[symbol], bits);
      assert.equal(CODES[symbol], code);
    });
  }

  test("encodes as the slow twin, and comes back", () => {
    const property = fc.property(latin1, (text) => {
      const sink = new ByteSink(1);
      huffmanEncode(sink, text);
      assert.deepEqual([...sink.view()], slowHuffmanEncode(text));
      assert.equal(huffmanBytes(text), sink.length);
      assert.equal(decode(sink.view()), text);
    });
    fc.assert(property, { numRuns: scaled(1000), includeErrorInReport: true });
  });

  test("decodes any bytes as the slow twin, or refuses them as it does", () => {
    // Ones are many, so that long codes, the padding and EOS are met.
    const byte = fc.oneof(fc.nat(255), fc.constant(255), fc.constantFrom(0xfe, 0xfc, 0x7f));
    let refused = 0;
    const property = fc.property(fc.array(byte, { maxLength: 12 }), (bytes) => {
      const expected = outcome(() => slowHuffmanDecode(bytes));
      const actual = outcome(() => decode(Uint8Array.from(bytes)));
      assert.equal(actual instanceof HpackError, expected instanceof Error);
      assert.equal(
        actual instanceof Error ? "" : actual,
        expected instanceof Error ? "" : expected,
      );
      refused += actual instanceof Error ? 1 : 0;
    });
    const numRuns = scaled(5000);
    fc.assert(property, { numRuns, includeErrorInReport: true });
    assert.ok(refused > 0 && refused < numRuns, `${refused} of ${numRuns} refused`);
  });

  test("takes up to seven ones as padding, not eight, and no zeros", () => {
    // "a" has five bits, 00011: three ones fill the byte.
    assert.equal(decode(Uint8Array.of(0b00011111)), "a");
    assert.throws(() => decode(Uint8Array.of(0b00011111, 0xff)), HpackError);
    assert.throws(() => decode(Uint8Array.of(0b00011110)), HpackError);
    // "&" has eight bits, then no padding at all.
    assert.equal(decode(Uint8Array.of(0xf8)), "&");
    assert.throws(() => decode(Uint8Array.of(0xf8, 0xff)), HpackError);
  });

  test("refuses EOS within a string", () => {
    assert.throws(() => decode(Uint8Array.of(0xff, 0xff, 0xff, 0xff)), /end-of-string/);
  });

  test("asserts that what it is given is latin1", () => {
    assert.throws(() => huffmanBytes("\u0100"), /latin1/);
  });
});
