import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { KeyValue } from "../../src/shared/gen/mvccpb/kv.js";
import {
  encodeKeyValue,
  keyValueSize,
  storedFields,
  storedKeyOffset,
  storedValue,
  writeKeyValue,
} from "../../src/shared/mvcc/key-value.js";
import { StoreCorruptError } from "../../src/shared/mvcc/types.js";
import {
  int64VarintSize,
  uvarintSize,
  VarintReader,
  writeInt64Varint,
  writeUvarint,
} from "../../src/shared/mvcc/varint.js";
import { runs } from "./support/scale.js";

const anyNumber = fc.oneof(fc.nat(300), fc.maxSafeNat(), fc.constantFrom(127, 128, 2 ** 32, 0));
const anyInt64 = fc.oneof(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), fc.constant(0n));
const anyFields = fc.record({
  key: fc.uint8Array({ minLength: 1, maxLength: 200 }),
  createRevision: anyNumber,
  modRevision: anyNumber,
  version: anyNumber,
  value: fc.uint8Array({ maxLength: 400 }),
  lease: anyInt64,
});

describe("writeKeyValue", () => {
  it("writes what the generated codec writes (MT-35)", () => {
    fc.assert(
      fc.property(anyFields, (fields) => {
        const expected = KeyValue.encode({
          key: fields.key,
          createRevision: BigInt(fields.createRevision),
          modRevision: BigInt(fields.modRevision),
          version: BigInt(fields.version),
          value: fields.value,
          lease: fields.lease,
        }).finish();
        assert.equal(keyValueSize(fields), expected.length);
        assert.deepEqual(Uint8Array.from(encodeKeyValue(fields)), Uint8Array.from(expected));
      }),
      { numRuns: runs(2000) },
    );
  });

  it("writes in place, and nothing around it", () => {
    const target = Buffer.alloc(64, 0xaa);
    const fields = storedFields(Uint8Array.of(0x0a, 1, 0x61, 0x10, 5, 0x2a, 1, 0x62));
    assert.equal(writeKeyValue(target, 10, fields), 18);
    assert.ok(target.subarray(0, 10).every((byte) => byte === 0xaa));
    assert.ok(target.subarray(18).every((byte) => byte === 0xaa));
  });
});

describe("storedFields", () => {
  it("reads back every field, as views of the stored bytes", () => {
    fc.assert(
      fc.property(anyFields, (fields) => {
        const stored = encodeKeyValue(fields);
        const found = storedFields(stored);
        assert.deepEqual(
          { ...found, key: Uint8Array.from(found.key), value: Uint8Array.from(found.value) },
          { ...fields },
        );
        assert.equal(found.key.buffer, stored.buffer);
        assert.equal(Buffer.compare(storedValue(stored), fields.value), 0);
        const offset = storedKeyOffset(fields.key.length);
        assert.equal(
          Buffer.compare(stored.subarray(offset, offset + fields.key.length), fields.key),
          0,
        );
      }),
      { numRuns: runs(2000) },
    );
  });

  it("throws StoreCorruptError, or gives fields that lie inside, on random bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        try {
          const { key, value } = storedFields(bytes);
          assert.ok(key.length + value.length <= bytes.length);
        } catch (error) {
          assert.ok(error instanceof StoreCorruptError);
        }
      }),
      { numRuns: runs(5000) },
    );
  });

  it("refuses a value that is cut off", () => {
    const stored = encodeKeyValue({
      key: Uint8Array.of(1),
      createRevision: 2,
      modRevision: 2,
      version: 1,
      value: new Uint8Array(20),
      lease: 0n,
    });
    assert.throws(() => storedValue(stored.subarray(0, stored.length - 1)), StoreCorruptError);
  });
});

describe("VarintReader", () => {
  it("reads what the writers write", () => {
    fc.assert(
      fc.property(anyNumber, anyInt64, (number, int64) => {
        const target = new Uint8Array(20);
        const middle = writeUvarint(target, 0, number);
        const end = writeInt64Varint(target, middle, int64);
        assert.equal(middle, uvarintSize(number));
        assert.equal(end - middle, int64VarintSize(int64));
        const reader = new VarintReader();
        reader.reset(0, end);
        assert.equal(reader.read(target), number);
        reader.read(target);
        assert.equal(reader.int64, int64);
        assert.ok(reader.ok);
        reader.read(target);
        assert.ok(!reader.ok);
      }),
      { numRuns: runs(2000) },
    );
  });
});
