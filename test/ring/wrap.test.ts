import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { scaled } from "./support/pair.js";
import { TwinnedRing } from "./support/twin.js";

/** Where indexes start: at zero, and so that they pass 2^31 and 2^32 within the test. */
const STARTS = [0, 2 ** 31 - 1024, -1024];

test("ring carries every size across its end from every offset, and across 2^31 and 2^32", () => {
  const capacity = 256;
  for (const base of STARTS) {
    for (let start = 0; start < capacity; start += 8) {
      for (let size = 0; size <= 300; size += 1) {
        const ring = new TwinnedRing(capacity, (base + start) | 0);
        for (let i = 0; i < 3; i += 1) ring.write(size);
        ring.settle();
        assert.equal(ring.writer.blocked, false);
      }
    }
  }
});

test("a full ring stays in order when it is filled from every offset", () => {
  const capacity = 128;
  for (const base of STARTS) {
    for (let start = 0; start < capacity; start += 8) {
      for (const size of [0, 5, 8, 16, 24, 25, 60, 130]) {
        const ring = new TwinnedRing(capacity, (base + start) | 0);
        for (let i = 0; i < 20; i += 1) ring.write(size);
        for (let i = 0; i < 20; i += 1) {
          ring.drain(1);
          ring.writer.flush();
        }
        ring.settle();
      }
    }
  }
});

type Step =
  | { readonly kind: "write"; readonly size: number }
  | { readonly kind: "flush" }
  | { readonly kind: "drain"; readonly max: number };

const step = fc.oneof(
  { weight: 5, arbitrary: fc.record({ kind: fc.constant("write" as const), size: fc.nat(90) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("write" as const), size: fc.nat(2000) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("flush" as const) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("drain" as const), max: fc.nat(8) }) },
);

function take(ring: TwinnedRing, one: Step): void {
  switch (one.kind) {
    case "write":
      ring.write(one.size);
      return;
    case "flush":
      assert.equal(ring.writer.flush(), !ring.writer.blocked);
      return;
    case "drain":
      ring.drain(one.max);
  }
}

test("ring gives what a plain queue gives when writes, flushes and drains come in any order", () => {
  fc.assert(
    fc.property(
      fc.constantFrom(128, 256, 1024),
      fc.constantFrom(...STARTS),
      fc.array(step, { minLength: 1, maxLength: 120, size: "max" }),
      (capacity, start, steps) => {
        const ring = new TwinnedRing(capacity, start);
        for (const one of steps) {
          take(ring, one);
          const unread = ring.expected.reduce((sum, letter) => sum + letter.bytes.length, 0);
          assert.ok(ring.writer.backlogBytes <= unread);
          assert.ok(unread - ring.writer.backlogBytes <= capacity + 2000);
        }
        ring.settle();
        assert.equal(ring.writer.backlogBytes, 0);
      },
    ),
    { numRuns: scaled(3000) },
  );
});

test("a waiting writer is always rung for before the ring is empty", () => {
  fc.assert(
    fc.property(
      fc.constantFrom(128, 512),
      fc.array(fc.nat(700), { minLength: 1, maxLength: 60, size: "max" }),
      fc.integer({ min: 1, max: 5 }),
      (capacity, sizes, max) => {
        const ring = new TwinnedRing(capacity);
        for (const size of sizes) ring.write(size);
        let seen = ring.bells.producer.count();
        let turns = 0;
        // The producer acts only when rung, the consumer always: it must come to an end.
        let flushed = ring.writer.flush();
        while (!flushed) {
          turns += 1;
          assert.ok(turns < 20_000, "the writer was never rung for");
          ring.drain(max);
          const count = ring.bells.producer.count();
          if (count === seen) continue;
          seen = count;
          flushed = ring.writer.flush();
        }
        ring.settle();
      },
    ),
    { numRuns: scaled(1500) },
  );
});
