import assert from "node:assert/strict";
import { test } from "node:test";
import { until } from "../support/until.js";
import { Pair, scaled, within } from "./support/pair.js";
import { Gauge } from "./support/side.js";

const MIXED = { smallMax: 200, largeMax: 6000, largeEvery: 50 };

for (const producerWait of ["blocking", "event-loop"] as const) {
  for (const consumerWait of ["blocking", "event-loop"] as const) {
    const count = scaled(2_000_000);
    const who = `a ${producerWait} producer and a ${consumerWait} consumer`;
    test(`ring carries ${count} messages unharmed between ${who}`, async (t) => {
      const seed = Math.floor(performance.now() * 1000) | 0;
      const pair = new Pair(t, {
        capacityBytes: 64 * 1024,
        count,
        sizes: MIXED,
        producerWait,
        consumerWait,
        seed,
      });
      const sides = [pair.startConsumer(), pair.startProducer()];
      const codes = await within(Promise.all(sides.map((side) => side.ended)), `seed ${seed}`);
      assert.deepEqual(codes, [0, 0], `seed ${seed}`);
      assert.equal(pair.gauge(Gauge.handled), count, `seed ${seed}`);
    });
  }
}

test("ring loses no wake-up when it is so small that both sides sleep all the time", async (t) => {
  for (const waits of [
    { producerWait: "blocking", consumerWait: "blocking" },
    { producerWait: "event-loop", consumerWait: "event-loop" },
    { producerWait: "event-loop", consumerWait: "blocking" },
  ] as const) {
    const count = scaled(40_000);
    const sizes = { smallMax: 24, largeMax: 2000, largeEvery: 200 };
    const pair = new Pair(t, { capacityBytes: 128, count, sizes, drainMax: 3, ...waits });
    const sides = [pair.startConsumer(), pair.startProducer()];
    const codes = await within(Promise.all(sides.map((side) => side.ended)), JSON.stringify(waits));
    assert.deepEqual(codes, [0, 0]);
    assert.equal(pair.gauge(Gauge.handled), count);
    assert.ok(pair.gauge(Gauge.blockedTurns) > count / 100, "the producer was blocked often");
  }
});

test("ring carries messages larger than itself between two threads", async (t) => {
  const count = scaled(400);
  const sizes = { smallMax: 300_000, largeMax: 3_000_000, largeEvery: 20 };
  const pair = new Pair(t, {
    capacityBytes: 64 * 1024,
    count,
    sizes,
    producerWait: "event-loop",
    consumerWait: "blocking",
  });
  const sides = [pair.startConsumer(), pair.startProducer()];
  assert.deepEqual(await within(Promise.all(sides.map((side) => side.ended)), "large"), [0, 0]);
  assert.equal(pair.gauge(Gauge.handled), count);
});

test("producer stops at a full ring with a bounded backlog and goes on when there is room", async (t) => {
  const count = scaled(50_000);
  const pair = new Pair(t, {
    capacityBytes: 16 * 1024,
    count,
    sizes: MIXED,
    producerWait: "blocking",
    consumerWait: "event-loop",
  });
  pair.hold(true);
  const consumer = pair.startConsumer();
  const producer = pair.startProducer();
  await until(() => pair.gauge(Gauge.blockedTurns) > 0, "the producer is blocked");
  const written = pair.gauge(Gauge.written);
  // Rings for nothing: the producer looks, finds no room, and writes nothing more.
  for (let i = 1; i <= 100; i += 1) {
    const turns = pair.gauge(Gauge.blockedTurns);
    pair.bells.producer.ring();
    await until(() => pair.gauge(Gauge.blockedTurns) > turns, "the producer took another turn");
  }
  assert.equal(pair.gauge(Gauge.written), written);
  assert.equal(pair.gauge(Gauge.handled), 0);
  assert.ok(pair.gauge(Gauge.backlogBytesMax) <= MIXED.largeMax);
  pair.hold(false);
  assert.deepEqual(await within(Promise.all([consumer.ended, producer.ended]), "the rest"), [0, 0]);
  assert.equal(pair.gauge(Gauge.handled), count);
  assert.ok(pair.gauge(Gauge.backlogBytesMax) <= MIXED.largeMax);
});
