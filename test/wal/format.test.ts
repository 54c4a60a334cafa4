import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { nativeCrc32 } from "../../src/wal/crc32.js";
import { checkFrame, FRAME_HEADER_BYTES, findFrame, sealFrame } from "../../src/wal/frame.js";
import {
  batchFrameBytes,
  decodeRecords,
  encodeBatch,
  encodeStart,
  entryRuns,
  readEntries,
  START_FRAME_BYTES,
  type WalRecord,
} from "../../src/wal/records.js";
import {
  decodeSegmentHeader,
  encodeSegmentHeader,
  parseSegmentName,
  SEGMENT_HEADER_BYTES,
  segmentName,
} from "../../src/wal/segment-format.js";
import type { HardState, LogEntry, LogPosition, WalBatch } from "../../src/wal/types.js";
import { scaled } from "./support/log-fixture.js";
import { slowCrc32 } from "./support/slow-crc32.js";

const index = fc.maxSafeNat().map((value) => Math.floor(value / 2));
const position = fc.record({ index, term: index }, { noNullPrototype: true });
const u64 = fc.bigInt({ min: 0n, max: 0xffff_ffff_ffff_ffffn });
const hardState = fc.record({ term: index, vote: u64, commit: index }, { noNullPrototype: true });
const payloads = fc.array(fc.uint8Array({ maxLength: 70 }), { maxLength: 20 });

/** Entries by index, in runs of terms. */
const entries = fc
  .tuple(index, payloads, fc.array(fc.nat(2), { maxLength: 20 }))
  .map(([first, list, steps]): LogEntry[] => {
    let term = 1;
    return list.map((payload, i) => {
      term += steps[i] ?? 0;
      return { index: first + i, term, payload };
    });
  });

const batch: fc.Arbitrary<WalBatch> = fc
  .tuple(entries, fc.option(hardState), fc.option(position))
  .map(([list, state, snapshot]) => ({
    entries: list,
    sync: true,
    ...(state === null ? {} : { hardState: state }),
    ...(snapshot === null ? {} : { snapshot }),
  }));

describe("nativeCrc32", () => {
  it("is the definition's CRC-32, and continues from a seed", () => {
    assert.equal(nativeCrc32(Buffer.from("123456789"), 0), 0xcbf43926);
    const property = fc.property(fc.uint8Array(), fc.uint8Array(), (a, b) => {
      const whole = nativeCrc32(Buffer.concat([a, b]), 0);
      assert.equal(nativeCrc32(b, nativeCrc32(a, 0)), whole);
      assert.equal(slowCrc32(Buffer.concat([a, b]), 0), whole);
    });
    fc.assert(property, { numRuns: scaled(300), includeErrorInReport: true });
  });
});

describe("segment header", () => {
  it("comes back as it was written", () => {
    const header = fc.record(
      { sequence: index, clusterId: u64, memberId: u64, salt: u64 },
      { noNullPrototype: true },
    );
    const property = fc.property(header, (written) => {
      const bytes = encodeSegmentHeader(written, nativeCrc32);
      assert.equal(bytes.length, SEGMENT_HEADER_BYTES);
      const outcome = decodeSegmentHeader(bytes, nativeCrc32);
      assert.equal(outcome.kind, "header");
      assert.deepEqual(outcome.kind === "header" && outcome.header, written);
    });
    fc.assert(property, { numRuns: scaled(200), includeErrorInReport: true });
  });

  it("is named by its sequence", () => {
    assert.equal(segmentName(255), "00000000000000ff.wal");
    assert.equal(parseSegmentName("00000000000000ff.wal"), 255);
    assert.equal(parseSegmentName("0000000000000000.wal"), null);
    assert.equal(parseSegmentName("00000000000000ff.wal.tmp"), null);
    assert.equal(parseSegmentName("ffffffffffffffff.wal"), null);
  });
});

describe("records", () => {
  it("come back as they were written, in a frame of the size that was measured", () => {
    const property = fc.property(batch, (written) => {
      const runs = entryRuns(written.entries);
      const frame = new Uint8Array(batchFrameBytes(written, runs)).fill(0xee);
      encodeBatch(frame, written, runs);
      const records = decodeRecords(frame.subarray(FRAME_HEADER_BYTES));
      assert.notEqual(records, null);
      assert.deepEqual(plainBatch(collect(records ?? [])), plainBatch(written));
    });
    fc.assert(property, { numRuns: scaled(500), includeErrorInReport: true });
  });

  it("of a segment's start come back as they were written", () => {
    const starts = fc.record(
      { previousEnd: fc.nat(0xffff_ffff), last: position, snapshot: position, hardState },
      { noNullPrototype: true },
    );
    const property = fc.property(starts, (start) => {
      const frame = new Uint8Array(START_FRAME_BYTES);
      encodeStart(frame, start);
      const records = decodeRecords(frame.subarray(FRAME_HEADER_BYTES));
      assert.deepEqual(records, [{ kind: "segmentStart", start }]);
    });
    fc.assert(property, { numRuns: scaled(200), includeErrorInReport: true });
  });

  it("of random bytes are refused or decoded, never thrown over", () => {
    const words = fc.array(fc.oneof(fc.nat(6), fc.nat(0xffff_ffff)), { maxLength: 40 });
    const property = fc.property(words, (list) => {
      const records = decodeRecords(new Uint8Array(Uint32Array.from(list).buffer));
      assert.ok(records === null || Array.isArray(records));
    });
    fc.assert(property, { numRuns: scaled(2000), includeErrorInReport: true });
  });
});

describe("checkFrame", () => {
  const identity = { sequence: 7, tag: 0x1234_5678 };
  const context = { identity, crc32: nativeCrc32 };

  it("finds a frame where it was sealed, and nowhere else", () => {
    const property = fc.property(batch, fc.nat(50), fc.nat(1000), (written, before, previous) => {
      const offset = before * 8;
      const runs = entryRuns(written.entries);
      const bytes = new Uint8Array(offset + batchFrameBytes(written, runs) + 64);
      const sealed = bytes.subarray(offset, bytes.length - 64);
      encodeBatch(sealed, written, runs);
      const place = { identity, offset, syncedThrough: offset, previous };
      const checksum = sealFrame(sealed, place, nativeCrc32);
      const found = findFrame(bytes, 0, context);
      assert.deepEqual(
        [found?.offset, found?.end, found?.checksum, found?.previous],
        [offset, bytes.length - 64, checksum, previous],
      );
      assert.equal(findFrame(bytes, offset + 8, context), null);
      const other = { ...context, identity: { ...identity, tag: identity.tag + 1 } };
      assert.equal(checkFrame(bytes, offset, other).ok, false);
      const moved = bytes.slice(8);
      assert.equal(findFrame(moved, 0, context), null);
    });
    fc.assert(property, { numRuns: scaled(200), includeErrorInReport: true });
  });

  it("misses a frame of which any byte was changed", () => {
    const bytes = new Uint8Array(FRAME_HEADER_BYTES + 16).fill(3);
    sealFrame(bytes, { identity, offset: 0, syncedThrough: 0, previous: 9 }, nativeCrc32);
    assert.equal(checkFrame(bytes, 0, context).ok, true);
    for (let i = 0; i < bytes.length; i++) {
      const flipped = bytes.slice();
      flipped[i] = (flipped[i] ?? 0) ^ 1;
      assert.equal(checkFrame(flipped, 0, context).ok, false, `byte ${i}`);
    }
  });
});

function collect(records: readonly WalRecord[]): WalBatch {
  const found: { entries: LogEntry[]; hardState?: HardState; snapshot?: LogPosition } = {
    entries: [],
  };
  for (const record of records) {
    assert.notEqual(record.kind, "segmentStart");
    if (record.kind === "entries") found.entries.push(...readEntries(record));
    if (record.kind === "hardState") found.hardState = record.hardState;
    if (record.kind === "snapshot") found.snapshot = record.position;
  }
  return { ...found, sync: true };
}

function plainBatch(written: WalBatch): unknown {
  const list = written.entries.map((entry) => [
    entry.index,
    entry.term,
    Buffer.from(entry.payload).toString("hex"),
  ]);
  return { entries: list, hardState: written.hardState, snapshot: written.snapshot };
}
