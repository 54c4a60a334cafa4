import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { ByteSink } from "../../src/main/http2/byte-sink.js";
import { HpackDecoder } from "../../src/main/http2/hpack/decoder.js";
import { HpackEncoder } from "../../src/main/http2/hpack/encoder.js";
import { scaled } from "./support/scale.js";
import { SlowDecoder } from "./support/slow-hpack.js";

type Indexing = "index" | "plain";
type Field = readonly [name: string, value: string, indexing: Indexing];

function encode(encoder: HpackEncoder, ...fields: readonly Field[]): Uint8Array {
  const sink = new ByteSink(1);
  for (const [name, value, indexing] of fields) encoder.encode(sink, name, value, indexing);
  return sink.view();
}

const ANSWER: readonly Field[] = [
  [":status", "200", "index"],
  ["content-type", "application/grpc", "index"],
];

describe("HpackEncoder", () => {
  test("comes back from both decoders, whatever sizes the peer sets", () => {
    const text = fc
      .uint8Array({ maxLength: 60 })
      .map((list) => Buffer.from(list).toString("latin1"));
    const name = fc.oneof(fc.constantFrom(":status", "content-type", "a", "b"), text);
    const value = fc.oneof(
      { weight: 5, arbitrary: fc.constantFrom("200", "", "application/grpc", "x".repeat(150)) },
      { weight: 5, arbitrary: text },
      { weight: 1, arbitrary: fc.nat(5000).map((length) => "y".repeat(length)) },
    );
    const field: fc.Arbitrary<Field> = fc.tuple(
      name,
      value,
      fc.constantFrom<Indexing>("index", "plain"),
    );
    const size = fc.constantFrom(0, 50, 100, 300, 4096, 65_536);
    const step = fc.record({
      sizes: fc.oneof({ weight: 4, arbitrary: fc.constant([]) }, fc.array(size, { maxLength: 3 })),
      fields: fc.array(field, { minLength: 1, maxLength: 6 }),
    });
    const property = fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
      const encoder = new HpackEncoder();
      const decoder = new HpackDecoder({ tableBytesMax: 4096, listBytesMax: 2 ** 31 });
      const twin = new SlowDecoder(4096);
      let announced = 4096;
      for (const { sizes, fields } of steps) {
        for (const bytes of sizes) encoder.setTableBytesMax(bytes);
        announced = Math.min(4096, sizes.at(-1) ?? announced);
        const block = encode(encoder, ...fields);
        const expected = fields.map(([name, value]) => ({ name, value }));
        assert.deepEqual(twin.decode(block), expected);
        assert.deepEqual(
          decoder.decode(block).fields.map((f) => ({ ...f })),
          expected,
        );
        assert.equal(twin.table.bytesMax, announced);
      }
    });
    fc.assert(property, { numRuns: scaled(300), includeErrorInReport: true });
  });

  test("needs two bytes for the answer's headers, and one for the trailers, from the second time on", () => {
    const encoder = new HpackEncoder();
    const first = encode(encoder, ...ANSWER);
    assert.ok(first.length > 2);
    assert.equal(encode(encoder, ...ANSWER).length, 2);
    const ok: Field = ["grpc-status", "0", "index"];
    assert.ok(encode(encoder, ok).length > 1);
    assert.equal(encode(encoder, ok).length, 1);
    assert.equal(encode(encoder, ...ANSWER).length, 2);
  });

  test("leaves the table as it is for plain fields", () => {
    const encoder = new HpackEncoder();
    const before = encoder.version;
    const plain: Field = ["grpc-message", "not found", "plain"];
    const first = encode(encoder, plain);
    assert.deepEqual(encode(encoder, plain), first);
    assert.equal(encoder.version, before);
  });

  test("says with its version whether a block may be sent again", () => {
    const encoder = new HpackEncoder();
    const start = encoder.version;
    encode(encoder, ...ANSWER);
    const filled = encoder.version;
    assert.notEqual(filled, start);
    encode(encoder, ...ANSWER);
    assert.equal(encoder.version, filled);
    encoder.setTableBytesMax(100);
    const resized = encoder.version;
    assert.notEqual(resized, filled);
    // The block that tells the size is not to be repeated either.
    encode(encoder, [":status", "200", "index"]);
    assert.notEqual(encoder.version, resized);
  });

  test("tells the smallest and the last size, once", () => {
    const encoder = new HpackEncoder();
    encode(encoder, ...ANSWER);
    encoder.setTableBytesMax(0);
    encoder.setTableBytesMax(4096);
    const status: Field = [":status", "200", "index"];
    assert.deepEqual([...encode(encoder, status)], [0x20, 0x3f, 0xe1, 0x1f, 0x88]);
    assert.deepEqual([...encode(encoder, status)], [0x88]);
    encoder.setTableBytesMax(16);
    assert.deepEqual([...encode(encoder, status)], [0x30, 0x88]);
    encoder.setTableBytesMax(17);
    encoder.setTableBytesMax(16);
    assert.deepEqual([...encode(encoder, status)], [0x88]);
  });

  test("never uses more than the default, and does not tell what is no change", () => {
    const encoder = new HpackEncoder();
    encoder.setTableBytesMax(1_000_000);
    assert.deepEqual([...encode(encoder, [":status", "200", "index"])], [0x88]);
  });

  test("writes a field that no table holds without indexing, and keeps the others", () => {
    const encoder = new HpackEncoder();
    encode(encoder, ...ANSWER);
    const before = encoder.version;
    encode(encoder, ["large", "x".repeat(4096), "index"]);
    assert.equal(encoder.version, before);
    assert.equal(encode(encoder, ...ANSWER).length, 2);
  });
});
