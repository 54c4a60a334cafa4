import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { PayloadArena } from "../../src/raft-worker/payload-arena.js";
import { TickClock } from "../../src/raft-worker/tick-clock.js";

describe("TickClock", () => {
  test("due() keeps the pace when it is asked a little late each time", () => {
    const clock = new TickClock(100, 1000);
    let ticks = 0;
    for (let time = 1000; time < 11_000; time += 107) ticks += clock.due(time);
    assert.equal(ticks, 99);
  });

  test("due() makes up for a short delay, and forgets a long one", () => {
    const clock = new TickClock(100, 0);
    assert.equal(clock.due(99), 0);
    assert.equal(clock.due(100), 1);
    assert.equal(clock.due(310), 2);
    assert.equal(clock.due(60_050), 2);
    assert.equal(clock.due(60_060), 0);
    assert.equal(clock.due(60_100), 1);
  });
});

describe("PayloadArena", () => {
  test("copy() keeps every payload as it was, small or large", () => {
    const arena = new PayloadArena();
    const source = Buffer.alloc(100_000);
    const kept: { readonly value: number; readonly payload: Uint8Array }[] = [];
    for (let value = 0; value < 200; value += 1) {
      source.fill(value);
      const length = value % 10 === 0 ? 90_000 : (value * 97) % 5000;
      kept.push({ value, payload: arena.copy(source, value, length) });
    }
    for (const { value, payload } of kept) {
      assert.ok(payload.every((byte) => byte === value));
    }
  });
});
