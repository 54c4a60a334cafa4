import assert from "node:assert/strict";
import { test } from "node:test";
import {
  createRing,
  MESSAGE_BYTES_MAX,
  recordBytesMax,
  ringCapacityBytes,
} from "../../src/shared/ring/layout.js";
import { RingReader } from "../../src/shared/ring/reader.js";
import { TwinnedRing } from "./support/twin.js";

test("createRing asserts when the capacity is no power of two in range", () => {
  for (const capacity of [0, 64, 100, 192, 2 ** 31, Number.NaN, 128.5]) {
    assert.throws(() => createRing(capacity), /capacity/);
  }
  assert.equal(ringCapacityBytes(createRing(4096)), 4096);
  assert.throws(() => ringCapacityBytes(new SharedArrayBuffer(4096)), /no ring/);
});

test("writer.begin asserts when the type or size is out of range or a message is open", () => {
  const { writer } = new TwinnedRing(1024);
  assert.throws(() => writer.begin(-1, 0), /type/);
  assert.throws(() => writer.begin(0x1_0000, 0), /type/);
  assert.throws(() => writer.begin(1, -1), /size/);
  assert.throws(() => writer.begin(1, MESSAGE_BYTES_MAX + 1), /size/);
  assert.throws(() => writer.begin(1, Number.NaN), /size/);
  assert.throws(() => writer.end(), /without begin/);
  writer.begin(1, 0);
  assert.throws(() => writer.begin(1, 0), /inside a message/);
  assert.throws(() => writer.close(), /inside a message/);
});

test("a message is seen by the reader when it ended, and not before", () => {
  const ring = new TwinnedRing(1024);
  ring.writer.begin(3, 0);
  assert.equal(ring.drain(), 0);
  ring.writer.end();
  ring.expected.push({ type: 3, bytes: Buffer.alloc(0) });
  assert.equal(ring.drain(), 1);
});

test("writer.flush rings the consumer once when anything was published since the last flush", () => {
  const ring = new TwinnedRing(1024);
  assert.equal(ring.writer.flush(), true);
  assert.equal(ring.bells.consumer.count(), 0);
  ring.write(10);
  ring.write(10);
  assert.equal(ring.bells.consumer.count(), 0);
  ring.writer.flush();
  ring.writer.flush();
  assert.equal(ring.bells.consumer.count(), 1);
});

test("writer keeps messages in order on the heap when the ring is full", () => {
  const ring = new TwinnedRing(1024);
  while (!ring.writer.blocked) ring.write(100);
  assert.equal(ring.writer.backlogBytes, 100);
  // A small one would fit beside the last, and must not overtake the one that waits.
  ring.write(0);
  ring.write(600);
  assert.equal(ring.writer.backlogBytes, 700);
  assert.equal(ring.writer.flush(), false);
  ring.settle();
  assert.equal(ring.writer.blocked, false);
  assert.equal(ring.writer.backlogBytes, 0);
});

test("reader rings the producer only when the writer waits and half of the ring is free", () => {
  const ring = new TwinnedRing(1024);
  ring.write(100);
  ring.drain();
  assert.equal(ring.bells.producer.count(), 0);
  while (!ring.writer.blocked) ring.write(56);
  assert.equal(ring.writer.flush(), false);
  for (let taken = 1; taken <= 7; taken += 1) {
    ring.drain(1);
    assert.equal(ring.bells.producer.count(), 0);
  }
  ring.drain(1);
  assert.equal(ring.bells.producer.count(), 1);
  assert.equal(ring.writer.flush(), true);
  ring.drain();
  assert.equal(ring.bells.producer.count(), 1);
});

test("a message of many fragments does not block the writer when the ring has room for it", () => {
  const ring = new TwinnedRing(1024);
  ring.write(700);
  assert.equal(ring.writer.blocked, false);
  assert.equal(ring.drain(), 1);
});

test("messages of every size around the fragment and ring size come out whole", () => {
  const capacity = 512;
  const sizes = [0, 1, 7, 8, 9];
  for (const around of [recordBytesMax(capacity), capacity, 3 * capacity]) {
    for (let delta = -17; delta <= 17; delta += 1) sizes.push(around + delta);
  }
  const ring = new TwinnedRing(capacity);
  for (const size of sizes) {
    ring.write(size);
    ring.settle();
  }
});

test("reader.drain stops after the message whose handler gave false, and after max", () => {
  const ring = new TwinnedRing(1024);
  for (let i = 0; i < 5; i += 1) ring.write(8);
  let seen = 0;
  const stopAtTwo = (): boolean => {
    seen += 1;
    return seen < 2;
  };
  assert.equal(ring.reader.drain(stopAtTwo), 2);
  assert.equal(
    ring.reader.drain(() => true, 2),
    2,
  );
  assert.equal(
    ring.reader.drain(() => {}, 0),
    0,
  );
  assert.equal(
    ring.reader.drain(() => {}),
    1,
  );
});

test("a message whose handler throws counts as handled, also when it came in fragments", () => {
  const ring = new TwinnedRing(1024);
  ring.write(10);
  ring.write(500);
  ring.write(20);
  const boom = (): never => {
    throw new Error("boom");
  };
  assert.throws(() => ring.reader.drain(boom), /boom/);
  assert.throws(() => ring.reader.drain(boom), /boom/);
  ring.expected.splice(0, 2);
  assert.equal(ring.drain(), 1);
  // The space of the two was given back: the ring takes as much as an empty one.
  while (!ring.writer.blocked) ring.write(120);
  assert.equal(ring.expected.length, 8);
  ring.settle();
});

test("reader.drain asserts when a handler drains the same ring", () => {
  const ring = new TwinnedRing(1024);
  ring.write(1);
  assert.throws(() => ring.reader.drain(() => void ring.drain()), /inside a drain/);
});

test("reader.drain leaves what a handler caused to be written for the next drain", () => {
  const ring = new TwinnedRing(1024);
  ring.write(1);
  const echo = (): void => {
    ring.writer.begin(1, 0);
    ring.writer.end();
  };
  assert.equal(ring.reader.drain(echo), 1);
  assert.equal(ring.reader.drain(echo), 1);
});

test("reader is closed when the writer closed and everything was handled, not before", () => {
  const ring = new TwinnedRing(1024);
  ring.write(5);
  ring.write(3000);
  ring.writer.close();
  assert.throws(() => ring.write(1), /after close/);
  assert.equal(ring.writer.blocked, true);
  assert.equal(ring.reader.closed, false);
  let turns = 0;
  while (!ring.reader.closed) {
    turns += 1;
    ring.drain();
    ring.writer.flush();
    assert.ok(turns < 100);
  }
  assert.equal(ring.expected.length, 0);
  assert.equal(ring.writer.flush(), true);
});

test("close wakes the reader when nothing else is in the ring", () => {
  const ring = new TwinnedRing(1024);
  ring.writer.close();
  assert.equal(ring.bells.consumer.count(), 1);
  assert.equal(ring.reader.closed, true);
});

test("reader.abandon wakes the writer and takes nothing more, also inside a handler", () => {
  const ring = new TwinnedRing(1024);
  ring.write(1);
  ring.write(1);
  assert.equal(
    ring.reader.drain(() => ring.reader.abandon()),
    1,
  );
  assert.equal(ring.bells.producer.count(), 1);
  assert.equal(ring.writer.readerGone, true);
  assert.equal(ring.drain(), 0);
});

test("writer and reader go on where the ring stands when they are made over a used one", () => {
  const ring = new TwinnedRing(256);
  for (let i = 0; i < 5; i += 1) {
    ring.write(40);
    ring.drain();
  }
  ring.write(30);
  const late = new RingReader(ring.ring, ring.bells);
  assert.equal(
    late.drain((_type, bytes, _view, offset, length) => {
      assert.deepEqual(bytes.subarray(offset, offset + length), ring.expected[0]?.bytes);
    }),
    1,
  );
});
