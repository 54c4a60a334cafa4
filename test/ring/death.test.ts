import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { markDead, RingPeerGoneError } from "../../src/shared/ring/death.js";
import { RingReader } from "../../src/shared/ring/reader.js";
import { RingWriter } from "../../src/shared/ring/writer.js";
import { until } from "../support/until.js";
import { MessageStream } from "./support/message-stream.js";
import { Pair, within } from "./support/pair.js";
import { Gauge, type WaitKind } from "./support/side.js";

const SIZES = { smallMax: 300, largeMax: 20_000, largeEvery: 30 };
const ENDLESS = 2 ** 30;
const SEED = 5;

function endlessPair(t: TestContext, producerWait: WaitKind, consumerWait: WaitKind): Pair {
  const capacityBytes = 16 * 1024;
  return new Pair(t, {
    capacityBytes,
    count: ENDLESS,
    sizes: SIZES,
    producerWait,
    consumerWait,
    seed: SEED,
  });
}

test("reader drains what is complete, then is closed, when its writer was terminated mid-stream", async (t) => {
  for (let round = 0; round < 5; round += 1) {
    const pair = endlessPair(t, "blocking", "blocking");
    const reader = new RingReader(pair.ring, pair.bells);
    const stream = new MessageStream(SEED, SIZES);
    const producer = pair.startProducer();
    const drain = (): number =>
      reader.drain((type, _bytes, view, offset, length) => {
        stream.next();
        stream.check(type, view, offset, length);
      });
    while (stream.index < 20_000) {
      const seen = pair.bells.consumer.count();
      if (drain() === 0) await within(pair.bells.consumer.wait(seen), "a message");
    }
    await producer.terminate();
    assert.equal(reader.closed, false);
    markDead(pair.ring, "writer", pair.bells);
    while (!reader.closed) drain();
    assert.equal(drain(), 0);
    // The gauge may lag by the last message; of those counted, at most one was still in the backlog.
    const written = pair.gauge(Gauge.written);
    const handled = stream.index + 1;
    assert.ok(handled >= written - 1 && handled <= written + 1, `${handled} of ${written}`);
  }
});

for (const consumerWait of ["blocking", "event-loop"] as const) {
  test(`a sleeping ${consumerWait} reader wakes and ends when its writer is marked dead`, async (t) => {
    const pair = endlessPair(t, "blocking", consumerWait);
    const consumer = pair.startConsumer();
    const producer = pair.startProducer();
    await until(() => pair.gauge(Gauge.handled) > 5_000, "some messages");
    await producer.terminate();
    markDead(pair.ring, "writer", pair.bells);
    assert.equal(await within(consumer.ended, "the reader's end"), 0);
  });
}

for (const producerWait of ["blocking", "event-loop"] as const) {
  test(`a blocked ${producerWait} writer gets RingPeerGoneError when its reader is marked dead`, async (t) => {
    const pair = endlessPair(t, producerWait, "blocking");
    pair.hold(true);
    const consumer = pair.startConsumer();
    const producer = pair.startProducer();
    await until(() => pair.gauge(Gauge.blockedTurns) > 0, "the producer is blocked");
    await consumer.terminate();
    markDead(pair.ring, "reader", pair.bells);
    assert.equal(await within(producer.ended, "the writer's end"), 0);
    assert.equal(pair.gauge(Gauge.peerGone), 1);
  });
}

test("a writer that is not blocked gets RingPeerGoneError when its reader was terminated mid-stream", async (t) => {
  for (let round = 0; round < 5; round += 1) {
    const pair = endlessPair(t, "event-loop", "event-loop");
    const consumer = pair.startConsumer();
    const producer = pair.startProducer();
    await until(() => pair.gauge(Gauge.handled) > 3_000, "some messages");
    await consumer.terminate();
    markDead(pair.ring, "reader", pair.bells);
    assert.equal(await within(producer.ended, "the writer's end"), 0);
    assert.equal(pair.gauge(Gauge.peerGone), 1);
  }
});

test("markDead keeps the state of a side that had closed in order", (t) => {
  const pair = endlessPair(t, "blocking", "blocking");
  const writer = new RingWriter(pair.ring, pair.bells);
  const reader = new RingReader(pair.ring, pair.bells);
  writer.begin(1, 0);
  writer.end();
  writer.close();
  markDead(pair.ring, "writer", pair.bells);
  assert.equal(
    reader.drain(() => {}),
    1,
  );
  assert.equal(reader.closed, true);
});

test("writer.flush throws RingPeerGoneError when messages wait and the reader is gone", (t) => {
  const pair = endlessPair(t, "blocking", "blocking");
  const writer = new RingWriter(pair.ring, pair.bells);
  const reader = new RingReader(pair.ring, pair.bells);
  writer.begin(1, 100_000);
  writer.end();
  assert.equal(writer.blocked, true);
  reader.abandon();
  assert.equal(writer.readerGone, true);
  assert.throws(() => writer.flush(), RingPeerGoneError);
  assert.throws(() => writer.begin(1, 0), RingPeerGoneError);
  writer.close();
  assert.equal(writer.blocked, false);
});
