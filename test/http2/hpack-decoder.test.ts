import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { BlockReader } from "../../src/main/http2/hpack/block-reader.js";
import { HpackDecoder } from "../../src/main/http2/hpack/decoder.js";
import { fieldBytes, type HeaderField } from "../../src/main/http2/hpack/header-field.js";
import { HpackError } from "../../src/main/http2/hpack/hpack-error.js";
import { BlockWriter, type PlannedBlock, type PlannedField } from "./support/block-writer.js";
import { scaled } from "./support/scale.js";
import { SlowDecoder, slowInteger, slowString } from "./support/slow-hpack.js";

const TABLE_BYTES = 4096;
const ENDLESS = 2 ** 31;
/** Paths whose blocks have one hash in the cache, found by trying. */
const COLLIDING = ["029599", "632382"] as const;

// Few names and values, so that tables are hit; some strings of any bytes; some too large for a table.
const name = fc.oneof(
  fc.constantFrom(":path", ":method", "grpc-timeout", "a", "x-b"),
  fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes).toString("latin1")),
);
const value = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.constantFrom("", "GET", "POST", "1S", "/etcdserverpb.KV/Put", "z".repeat(150)),
  },
  {
    weight: 5,
    arbitrary: fc
      .uint8Array({ maxLength: 60 })
      .map((bytes) => Buffer.from(bytes).toString("latin1")),
  },
  { weight: 1, arbitrary: fc.nat(5000).map((length) => "y".repeat(length)) },
);
const field: fc.Arbitrary<PlannedField> = fc.record({
  name,
  value,
  literal: fc.constantFrom(
    "indexing" as const,
    "indexing" as const,
    "without" as const,
    "never" as const,
  ),
  reuse: fc.constantFrom("field" as const, "field" as const, "name" as const, "nothing" as const),
  huffman: fc.boolean(),
});
const updates = fc.oneof(
  { weight: 5, arbitrary: fc.constant<number[]>([]) },
  {
    weight: 1,
    arbitrary: fc.array(fc.constantFrom(0, 40, 100, 300, 1000, TABLE_BYTES), { maxLength: 3 }),
  },
);
const block: fc.Arbitrary<PlannedBlock> = fc.record({
  updates,
  fields: fc.array(field, { maxLength: 8 }),
});
/** A few blocks, each sent a few times in any order, as clients do. */
const session = fc
  .tuple(fc.array(block, { minLength: 1, maxLength: 4 }), fc.array(fc.nat(), { maxLength: 20 }))
  .map(([blocks, order]) => order.map((at) => blocks[at % blocks.length]!));

const plain = (fields: readonly HeaderField[]): HeaderField[] =>
  fields.map(({ name, value }) => ({ name, value }));

function bytes(...parts: readonly (readonly number[])[]): Uint8Array {
  return Uint8Array.from(parts.flat());
}

function newDecoder(options: { tableBytesMax?: number; listBytesMax?: number } = {}): HpackDecoder {
  return new HpackDecoder({ tableBytesMax: TABLE_BYTES, listBytesMax: ENDLESS, ...options });
}

describe("HpackDecoder", () => {
  test("gives back what was encoded, however it was", () => {
    const property = fc.property(session, (blocks) => {
      const writer = new BlockWriter();
      const decoder = newDecoder();
      for (const planned of blocks) {
        const decoded = decoder.decode(writer.write(planned));
        assert.deepEqual(plain(decoded.fields), plain(planned.fields));
        assert.equal(decoded.tooLarge, false);
      }
    });
    fc.assert(property, { numRuns: scaled(300), includeErrorInReport: true });
  });

  test("decodes any bytes as the slow twin, or refuses them as it does", () => {
    // Written blocks with a few bytes changed, or bytes as they fall.
    const edits = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 3 });
    const mutated = fc.array(fc.tuple(block, edits), { maxLength: 6 }).map((list) => {
      const writer = new BlockWriter();
      return list.map(([planned, changes]) => {
        const written = writer.write(planned);
        for (const [at, byte] of changes) written[at % (written.length + 1)] = byte;
        return written;
      });
    });
    const random = fc.array(fc.uint8Array({ maxLength: 24 }), { maxLength: 6 });
    const seen = { decoded: 0, refused: 0 };
    const property = fc.property(fc.oneof(mutated, random), (blocks) => {
      const decoder = newDecoder();
      const twin = new SlowDecoder(TABLE_BYTES);
      for (const written of blocks) {
        let expected: HeaderField[] | undefined;
        try {
          expected = twin.decode(written);
        } catch {
          assert.throws(() => decoder.decode(written), HpackError);
          seen.refused += 1;
          return;
        }
        assert.deepEqual(plain(decoder.decode(written).fields), expected);
        seen.decoded += 1;
      }
    });
    fc.assert(property, { numRuns: scaled(2000), includeErrorInReport: true });
    assert.ok(seen.decoded > 0 && seen.refused > 0, JSON.stringify(seen));
  });

  test("keeps its table right while lists are too large", () => {
    const limit = fc.nat(600);
    const property = fc.property(session, limit, (blocks, listBytesMax) => {
      const writer = new BlockWriter();
      const decoder = newDecoder({ listBytesMax });
      for (const planned of blocks) {
        const decoded = decoder.decode(writer.write(planned));
        let room = listBytesMax;
        const end = planned.fields.findIndex(({ name, value }) => {
          room -= fieldBytes(name, value);
          return room < 0;
        });
        assert.equal(decoded.tooLarge, end >= 0);
        const kept = end < 0 ? planned.fields : planned.fields.slice(0, end);
        assert.deepEqual(plain(decoded.fields), plain(kept));
      }
    });
    fc.assert(property, { numRuns: scaled(300), includeErrorInReport: true });
  });
});

describe("HpackDecoder's cache", () => {
  const PATH = [...slowInteger(0, 4, 4), ...slowString("/etcdserverpb.KV/Range", true)];

  test("gives the same object for an equal block in other memory", () => {
    const decoder = newDecoder();
    const first = decoder.decode(bytes([0x83, 0x86], PATH));
    first.parsed = "parsed";
    const again = decoder.decode(bytes([0x83, 0x86], PATH));
    assert.equal(again, first);
    assert.equal(again.parsed, "parsed");
  });

  test("does not keep the memory of the block", () => {
    const decoder = newDecoder();
    const written = bytes([0x83, 0x86], PATH);
    const first = decoder.decode(written);
    written.set([0x82, 0x87]);
    assert.equal(decoder.decode(bytes([0x83, 0x86], PATH)), first);
    assert.equal(decoder.decode(written).fields[0]!.value, "GET");
  });

  test("does not confuse blocks of which one begins with the other", () => {
    const decoder = newDecoder();
    assert.equal(decoder.decode(bytes([0x83])).fields.length, 1);
    assert.equal(decoder.decode(bytes([0x83, 0x86])).fields.length, 2);
    assert.equal(decoder.decode(bytes([0x83])).fields.length, 1);
    assert.equal(decoder.decode(bytes([])).fields.length, 0);
  });

  test("is never stale: an index means another field once the table has changed", () => {
    const decoder = newDecoder();
    const add = (text: string): Uint8Array =>
      bytes(slowInteger(64, 6, 0), slowString("a", false), slowString(text, false));
    decoder.decode(add("one"));
    const newest = Uint8Array.of(0x80 + 62);
    const one = decoder.decode(newest);
    assert.equal(decoder.decode(newest), one);
    decoder.decode(add("two"));
    const two = decoder.decode(newest);
    assert.deepEqual(plain(two.fields), [{ name: "a", value: "two" }]);
    assert.equal(decoder.decode(newest), two);
    // The block that adds is never kept: each time it comes it adds again.
    decoder.decode(add("one"));
    decoder.decode(add("one"));
    assert.equal(decoder.decode(Uint8Array.of(0x80 + 62, 0x80 + 63, 0x80 + 65)).fields.length, 3);
    // An emptied table, and an entry too large for it: both are changes.
    decoder.decode(Uint8Array.of(0x20));
    assert.throws(() => decoder.decode(newest), HpackError);
  });

  test("is not stale after an entry that empties the table", () => {
    const decoder = newDecoder();
    decoder.decode(bytes(slowInteger(64, 6, 0), slowString("a", false), slowString("b", false)));
    const newest = Uint8Array.of(0x80 + 62);
    decoder.decode(newest);
    decoder.decode(
      bytes(slowInteger(64, 6, 0), slowString("a", false), slowString("c".repeat(5000), false)),
    );
    assert.throws(() => decoder.decode(newest), HpackError);
  });

  test("is never stale, for any order of a few blocks", () => {
    const indexed = fc.array(fc.integer({ min: 62, max: 64 }), { minLength: 1, maxLength: 2 });
    const reading = indexed.map((indexes) =>
      indexes.flatMap((index) => slowInteger(128, 7, index)),
    );
    const adding = fc
      .nat(3)
      .map((i) => [
        ...slowInteger(64, 6, 0),
        ...slowString("a", false),
        ...slowString(`${i}`, false),
      ]);
    const pools = fc.tuple(
      fc.array(fc.oneof(reading, reading, adding), { minLength: 1, maxLength: 6 }),
      fc.array(fc.nat(), { maxLength: 40 }),
    );
    const property = fc.property(pools, ([pool, order]) => {
      const decoder = newDecoder();
      const twin = new SlowDecoder(TABLE_BYTES);
      const start = [0, 1, 2].flatMap((i) => [
        ...slowInteger(64, 6, 0),
        ...slowString("start", false),
        ...slowString(`${i}`, false),
      ]);
      for (const written of [start, ...order.map((at) => pool[at % pool.length]!)]) {
        const expected = twin.decode(bytes(written));
        assert.deepEqual(plain(decoder.decode(bytes(written)).fields), expected);
      }
    });
    fc.assert(property, { numRuns: scaled(500), includeErrorInReport: true });
  });

  test("tells blocks with one hash apart", () => {
    const blockOf = (path: string): Uint8Array => bytes([0x83, 0x04], slowString(path, false));
    const [one, other] = COLLIDING;
    const decoder = newDecoder();
    assert.equal(decoder.decode(blockOf(one)).fields[1]!.value, one);
    assert.equal(decoder.decode(blockOf(other)).fields[1]!.value, other);
    assert.equal(decoder.decode(blockOf(one)).fields[1]!.value, one);
  });

  test("holds many blocks, and lets old ones go", () => {
    const decoder = newDecoder();
    const blockOf = (i: number): Uint8Array =>
      bytes([0x83], slowInteger(0, 4, 4), slowString(`/${i}`, false));
    const first = Array.from({ length: 1000 }, (_, i) => decoder.decode(blockOf(i)));
    const again = first.filter(
      (headers, i) => decoder.decode(blockOf(999 - i)) === first[999 - i] && headers,
    );
    assert.ok(again.length > 0 && again.length <= 64, `${again.length} kept`);
    for (let i = 0; i < 1000; i += 1)
      assert.equal(decoder.decode(blockOf(i)).fields[1]!.value, `/${i}`);
  });
});

describe("BlockReader", () => {
  test("reads integers up to 2^31 - 1", () => {
    const read = (value: number): number => {
      const reader = new BlockReader();
      reader.begin(bytes(slowInteger(0, 5, value)));
      return reader.integer(5);
    };
    for (const value of [0, 30, 31, 158, 159, 2 ** 28, 2 ** 31 - 1])
      assert.equal(read(value), value);
    for (const value of [2 ** 31, 2 ** 32, 2 ** 35]) assert.throws(() => read(value), /too large/);
  });
});

describe("HpackDecoder refuses", () => {
  const cases: readonly (readonly [what: string, ...bytes: number[]])[] = [
    ["index 0 (section 6.1)", 0x80],
    ["an index behind both tables (section 2.3.3)", 0x80 + 62],
    ["a name's index behind both tables", 0x7e, 0x00],
    ["an index that ends nowhere", 0xff],
    ["an index of 2^31", 0xff, 0x81, 0xff, 0xff, 0xff, 0x07],
    ["an integer of more bytes than 2^31 takes", 0xff, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00],
    ["a name cut off", 0x00, 0x05, 0x61],
    ["a value that is missing", 0x00, 0x01, 0x61],
    ["a value cut off", 0x00, 0x01, 0x61, 0x03, 0x62],
    ["a Huffman-coded value cut off", 0x00, 0x01, 0x61, 0x83, 0x1f],
    ["a string of 2 GiB", 0x00, 0x7f, 0x80, 0xff, 0xff, 0xff, 0x07],
    ["EOS in a string (section 5.2)", 0x00, 0x84, 0xff, 0xff, 0xff, 0xff, 0x00],
    ["eight bits of padding (section 5.2)", 0x00, 0x82, 0x1f, 0xff, 0x00],
    ["padding with zeros (section 5.2)", 0x00, 0x81, 0x18, 0x00],
    ["a size update after a field (section 4.2)", 0x82, 0x20],
    ["a size update over the limit (section 6.3)", 0x3f, 0xe2, 0x1f],
    ["a size update cut off", 0x3f],
  ];
  for (const [what, ...block] of cases) {
    test(what, () => assert.throws(() => newDecoder().decode(Uint8Array.from(block)), HpackError));
  }
});

describe("HpackDecoder's table size", () => {
  const update = (size: number): Uint8Array => bytes(slowInteger(32, 5, size), [0x82]);

  test("may be anything up to the limit", () => {
    assert.equal(newDecoder().decode(update(TABLE_BYTES)).fields.length, 1);
    assert.equal(newDecoder({ tableBytesMax: 65_536 }).decode(update(65_536)).fields.length, 1);
    assert.throws(() => newDecoder({ tableBytesMax: 65_536 }).decode(update(65_537)), HpackError);
  });

  test("is the default until a smaller one is acknowledged, and must then be made smaller", () => {
    const before = newDecoder({ tableBytesMax: 100 });
    before.decode(update(TABLE_BYTES));
    const silent = newDecoder({ tableBytesMax: 100 });
    silent.decode(Uint8Array.of(0x82));
    silent.settingsAcknowledged();
    assert.throws(() => silent.decode(Uint8Array.of(0x82)), /not made smaller/);
    const heard = newDecoder({ tableBytesMax: 100 });
    heard.settingsAcknowledged();
    assert.throws(() => newDecoderAt100().decode(update(101)), HpackError);
    assert.equal(heard.decode(update(100)).fields.length, 1);
    assert.equal(heard.decode(Uint8Array.of(0x82)).fields.length, 1);
  });

  function newDecoderAt100(): HpackDecoder {
    const decoder = newDecoder({ tableBytesMax: 100 });
    decoder.settingsAcknowledged();
    return decoder;
  }
});

describe("a block made to be large", () => {
  test("costs the list's bound: a thousand references to one large entry", () => {
    const decoder = newDecoder({ listBytesMax: 8192 });
    const large = "x".repeat(4000);
    decoder.decode(bytes(slowInteger(64, 6, 0), slowString("a", false), slowString(large, false)));
    const decoded = decoder.decode(new Uint8Array(10_000).fill(0x80 + 62));
    assert.equal(decoded.tooLarge, true);
    assert.equal(decoded.fields.length, 2);
    // The table is as it was.
    assert.equal(decoder.decode(Uint8Array.of(0x80 + 62)).fields[0]!.value, large);
  });
});
