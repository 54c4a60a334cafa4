import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { InvariantError } from "../../src/shared/assert.js";
import type { DeltaPosition } from "../../src/shared/messages/apply-to-main.js";
import { DELTA_START, DeltaReader } from "../../src/shared/mvcc/delta-reader.js";
import { DeltaWriter } from "../../src/shared/mvcc/delta-writer.js";
import { encodeKeyValue, type KeyValueFields } from "../../src/shared/mvcc/key-value.js";
import { bytes, text } from "./support/keys.js";
import { runs } from "./support/scale.js";

function openDelta(segmentBytes: number) {
  const reader = new DeltaReader();
  const announced: [number, SharedArrayBuffer][] = [];
  const writer = new DeltaWriter({
    segmentBytes,
    onSegment: (segment, buffer) => {
      announced.push([segment, buffer]);
      reader.addSegment(segment, buffer);
    },
  });
  return { reader, writer, announced };
}

function putFields(key: string, main: number, value: string): KeyValueFields {
  return {
    key: bytes(key),
    createRevision: main,
    modRevision: main,
    version: 1,
    value: bytes(value),
    lease: -5n,
  };
}

function appendPut(writer: DeltaWriter, key: string, main: number, value = ""): DeltaPosition {
  const keyValue = putFields(key, main, value);
  return writer.append({ main, sub: 0, tombstone: false, previous: undefined, keyValue });
}

function mains(reader: DeltaReader, from: DeltaPosition, to: DeltaPosition): number[] {
  const found: number[] = [];
  reader.forEach(from, to, (change) => {
    found.push(change.main);
  });
  return found;
}

describe("DeltaWriter.append", () => {
  it("makes a record that reads back field by field", () => {
    const { reader, writer } = openDelta(4096);
    const position = writer.append({
      main: 2 ** 40 + 7,
      sub: 3,
      tombstone: false,
      previous: { main: 2 ** 40, sub: 2 },
      keyValue: putFields("key\xff", 2 ** 40 + 7, "value"),
    });
    const record = reader.at(position);
    assert.equal(record.main, 2 ** 40 + 7);
    assert.equal(record.sub, 3);
    assert.equal(record.tombstone, false);
    assert.equal(record.lastOfRevision, false);
    assert.equal(record.createRevision, 2 ** 40 + 7);
    assert.equal(record.version, 1);
    assert.equal(record.lease, -5n);
    assert.equal(record.previousMain, 2 ** 40);
    assert.equal(record.previousSub, 2);
    assert.equal(text(record.key), "key\xff");
    assert.equal(record.keyText, "key\xff");
    assert.deepEqual(record.position, position);
    const stored = encodeKeyValue(putFields("key\xff", 2 ** 40 + 7, "value"));
    assert.equal(text(record.keyValue), text(stored));
  });

  it("stores a tombstone as the key alone (MT-35)", () => {
    const { reader, writer } = openDelta(4096);
    const keyValue = { ...putFields("k", 0, ""), version: 0, lease: 0n };
    const previous = { main: 2, sub: 0 };
    const position = writer.append({ main: 3, sub: 0, tombstone: true, previous, keyValue });
    writer.endRevision();
    const record = reader.at(position);
    assert.equal(record.tombstone, true);
    assert.equal(record.lastOfRevision, true);
    assert.equal(text(record.keyValue), "\x0a\x01k");
  });

  it("gives a record larger than a segment a segment of its own", () => {
    const { reader, writer, announced } = openDelta(256);
    appendPut(writer, "a", 2);
    appendPut(writer, "b", 3, "x".repeat(10_000));
    appendPut(writer, "c", 4);
    assert.deepEqual(mains(reader, DELTA_START, writer.end), [2, 3, 4]);
    assert.equal(announced.length, 3);
    assert.ok((announced[1]?.[1].byteLength ?? 0) > 10_000);
  });
});

describe("DeltaReader.forEach", () => {
  it("visits exactly what was appended between two positions, over any segments", () => {
    const anyAppends = fc.array(fc.nat(300), { minLength: 1, maxLength: 60 });
    fc.assert(
      fc.property(anyAppends, fc.nat(), fc.nat(), (sizes, a, b) => {
        const { reader, writer } = openDelta(512);
        const positions = [writer.end];
        for (const [i, size] of sizes.entries()) {
          appendPut(writer, `k${i}`, i, "v".repeat(size));
          positions.push(writer.end);
        }
        const from = Math.min(a % positions.length, b % positions.length);
        const to = Math.max(a % positions.length, b % positions.length);
        const found = mains(reader, positions[from] ?? DELTA_START, positions[to] ?? DELTA_START);
        assert.deepEqual(found, sizes.map((_, i) => i).slice(from, to));
      }),
      { numRuns: runs(500) },
    );
  });

  it("stops when the visitor returns false", () => {
    const { reader, writer } = openDelta(512);
    for (let i = 0; i < 20; i += 1) appendPut(writer, "k", i);
    const found: number[] = [];
    reader.forEach(DELTA_START, writer.end, (change) => found.push(change.main) < 7);
    assert.equal(found.length, 7);
  });

  it("refuses a segment that was never announced", () => {
    const { writer } = openDelta(512);
    appendPut(writer, "k", 1);
    assert.throws(() => mains(new DeltaReader(), DELTA_START, writer.end), InvariantError);
  });
});

describe("DeltaWriter.release", () => {
  it("uses memory again under a new number, and counts what is held", () => {
    const { reader, writer, announced } = openDelta(512);
    const positions: DeltaPosition[] = [];
    for (let i = 0; i < 200; i += 1) {
      positions.push(appendPut(writer, `k${i}`, i, "v".repeat(i % 50)));
      const held = positions[Math.max(0, i - 10)] ?? DELTA_START;
      writer.release(held);
      reader.dropBefore(held);
      assert.deepEqual(mains(reader, held, writer.end).at(0), Math.max(0, i - 10));
      assert.ok(writer.bytes <= 11 * 160);
    }
    writer.release(writer.end);
    assert.equal(writer.bytes, 0);
    assert.ok(new Set(announced.map(([, buffer]) => buffer)).size <= 8);
    const numbers = announced.map(([number]) => number);
    assert.deepEqual(
      numbers,
      numbers.map((_, i) => i),
    );
  });

  it("ignores a position that is released already, and refuses one beyond the end", () => {
    const { writer } = openDelta(512);
    const position = appendPut(writer, "k", 1);
    appendPut(writer, "k", 2);
    writer.release(writer.end);
    writer.release(position);
    assert.equal(writer.bytes, 0);
    const beyond = { ...writer.end, offset: writer.end.offset + 8 };
    assert.throws(() => writer.release(beyond), InvariantError);
  });
});
