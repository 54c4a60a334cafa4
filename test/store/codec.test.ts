import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { crc32 as zlibCrc32 } from "node:zlib";
import fc from "fast-check";
import { SortedCollector } from "../../src/apply-worker/store/sorted-collector.js";
import { crc32 } from "../../src/shared/mvcc/base/crc32.js";
import {
  decodeHistoryChunk,
  decodeKeyRecord,
  encodeHistoryChunk,
  encodeKeyRecord,
  StoredKeyRecord,
} from "../../src/shared/mvcc/base/key-record.js";
import { readRevisionRow, revisionRow } from "../../src/shared/mvcc/base/row-keys.js";
import { decodeStoreState, encodeStoreState } from "../../src/shared/mvcc/base/store-state.js";
import { type KeyRevision, StoreCorruptError } from "../../src/shared/mvcc/types.js";
import { scaled } from "./support/temp-store.js";

const row = Buffer.from("row");
/** Objects as the code makes them, so that they compare as equal. */
const plain = { noNullPrototype: true } as const;
const revisionMax = 2 ** 50;

/** Ascending revisions, some of one main. */
const revisionsArbitrary: fc.Arbitrary<KeyRevision[]> = fc
  .array(
    fc.record(
      {
        main: fc.oneof(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1, max: revisionMax })),
        sub: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 0xffff_ffff })),
        tombstone: fc.boolean(),
      },
      plain,
    ),
    { minLength: 1, maxLength: 40 },
  )
  .map((revisions) => revisions.sort((a, b) => a.main - b.main || a.sub - b.sub));

const recordArbitrary = fc
  .record(
    {
      revisions: revisionsArbitrary,
      historyId: fc.integer({ min: 0, max: revisionMax }),
      age: fc.integer({ min: 0, max: 1000 }),
      version: fc.integer({ min: 1, max: revisionMax }),
      lease: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    },
    plain,
  )
  .map(({ revisions, historyId, age, version, lease }) => {
    const newest = revisions.at(-1);
    const isDeleted = !newest || newest.tombstone;
    return new StoredKeyRecord({
      revisions,
      historyId,
      createRevision: isDeleted ? 0 : Math.max(newest.main - age, 1),
      version: isDeleted ? 0 : version,
      lease: isDeleted ? 0n : lease,
    });
  });

describe("key records", () => {
  it("come back as they were written", () => {
    fc.assert(
      fc.property(recordArbitrary, (record) => {
        assert.deepEqual(decodeKeyRecord(encodeKeyRecord(record), "keys", row), record);
      }),
      { numRuns: scaled(500) },
    );
  });

  it("say StoreCorruptError or something for random bytes, and nothing else", () => {
    const decoders = [
      (body: Uint8Array) => decodeKeyRecord(body, "keys", row),
      (body: Uint8Array) => decodeHistoryChunk(body, row),
      (body: Uint8Array) => decodeStoreState(body),
    ];
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 60 }),
        fc.constantFrom(...decoders),
        (body, decode) => {
          try {
            decode(body);
          } catch (error) {
            assert.ok(error instanceof StoreCorruptError);
          }
        },
      ),
      { numRuns: scaled(3000) },
    );
  });

  it("take a dozen bytes for a young key", () => {
    const record = new StoredKeyRecord({
      revisions: [{ main: 1_000_000, sub: 0, tombstone: false }],
      historyId: 0,
      createRevision: 1_000_000,
      version: 1,
      lease: 0n,
    });
    assert.ok(encodeKeyRecord(record).length <= 12);
  });
});

describe("history chunks", () => {
  it("come back as they were written", () => {
    fc.assert(
      fc.property(revisionsArbitrary, (revisions) => {
        assert.deepEqual(decodeHistoryChunk(encodeHistoryChunk(revisions), row), revisions);
      }),
      { numRuns: scaled(300) },
    );
  });
});

describe("revision rows", () => {
  it("sort as their revisions do and come back", () => {
    const revision = fc.record(
      {
        main: fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
        sub: fc.integer({ min: 0, max: 0xffff_ffff }),
      },
      plain,
    );
    fc.assert(
      fc.property(revision, revision, (left, right) => {
        assert.deepEqual(readRevisionRow(revisionRow(left)), left);
        const order = left.main - right.main || left.sub - right.sub;
        assert.equal(Buffer.compare(revisionRow(left), revisionRow(right)), Math.sign(order));
      }),
      { numRuns: scaled(500) },
    );
  });
});

describe("store state", () => {
  it("comes back as it was written", () => {
    const count = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
    const state = fc.record(
      {
        appliedIndex: count,
        appliedTerm: count,
        revision: count,
        compactRevision: fc.integer({ min: -1, max: revisionMax }),
        finishedCompactRevision: fc.integer({ min: -1, max: revisionMax }),
        nextId: count,
        stateHash: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
      },
      plain,
    );
    fc.assert(
      fc.property(state, (value) => {
        assert.deepEqual(decodeStoreState(encodeStoreState(value)), value);
      }),
    );
  });
});

describe("crc32", () => {
  it("gives zlib's number for every length, in one piece and in two", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 1500, size: "max" }), fc.nat(), (bytes, seed) => {
        const cut = bytes.length === 0 ? 0 : seed % bytes.length;
        const first = crc32(bytes, 0, cut);
        assert.equal(crc32(bytes, cut, bytes.length, first), zlibCrc32(bytes));
      }),
      { numRuns: scaled(200) },
    );
  });
});

describe("SortedCollector", () => {
  it("gives each key once, in byte order, however many there are", () => {
    for (const count of [0, 1, 1023, 1024, 1025, 5000]) {
      const collector = new SortedCollector<number>();
      const keys = Array.from({ length: count }, (_, index) => `${(index * 7919) % count}\xff`);
      for (const key of [...keys, ...keys]) collector.at(key, () => key.length);
      const steps = collector.sortedKeys();
      let step = steps.next();
      while (!step.done) step = steps.next();
      assert.deepEqual(step.value, [...keys].sort());
      for (const key of keys) assert.equal(collector.get(key), key.length);
    }
  });
});
