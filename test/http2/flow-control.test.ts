import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { FrameType } from "../../src/main/http2/frame-format.js";
import { frame, message, settings, uint32 } from "./support/frames.js";
import { Script } from "./support/script.js";

function widen(script: Script, streamId: number, bytes: number): void {
  script.receive(frame(FrameType.WINDOW_UPDATE, 0, streamId, uint32(bytes)));
}

/** Everything that the script sends until it has nothing more to send. */
function sentInAllTurns(script: Script): string[] {
  const lines: string[] = [];
  for (;;) {
    const turn = script.sent();
    if (turn.length === 0) return lines;
    lines.push(...turn);
  }
}

function dataBytes(lines: readonly string[], streamId: number): number {
  const frames = lines.filter((line) => line.startsWith(`DATA ${streamId} `));
  return frames.reduce((sum, line) => sum + Number(line.split(" ")[2]), 0);
}

describe("sending", () => {
  test("stops at the stream's window, and goes on where it stopped", () => {
    const script = Script.greeted();
    script.receive(script.client.headers(1, { end: true }));
    widen(script, 0, 1 << 20);
    script.send(1, Buffer.alloc(100_000));
    script.finish(1);
    assert.equal(dataBytes(sentInAllTurns(script), 1), 65_535);
    widen(script, 1, 10);
    assert.deepEqual(script.sent(), ["DATA 1 10"]);
    widen(script, 1, 100_000);
    const rest = sentInAllTurns(script);
    assert.equal(dataBytes(rest, 1), 100_005 - 65_545);
    assert.equal(rest.at(-1), "HEADERS 1 end grpc-status=0");
  });

  test("stops at the connection's window for all streams, and lets headers through", () => {
    const script = Script.greeted();
    for (const id of [1, 3]) script.receive(script.client.headers(id, { end: true }));
    script.send(1, Buffer.alloc(100_000));
    assert.equal(dataBytes(sentInAllTurns(script), 1), 65_535);
    script.send(3, Buffer.from("hi"));
    script.finish(3);
    assert.equal(script.sent().length, 1);
    widen(script, 0, 7);
    widen(script, 1, 100);
    assert.deepEqual(script.sent(), ["DATA 3 7", "HEADERS 3 end grpc-status=0"]);
  });

  test("follows a new initial window, below zero and back", () => {
    const script = Script.greeted();
    script.receive(script.client.headers(1, { end: true }));
    widen(script, 0, 1 << 20);
    script.send(1, Buffer.alloc(80_000));
    sentInAllTurns(script);
    script.receive(frame(FrameType.SETTINGS, 0, 0, settings([4, 0])));
    assert.equal(script.streams.get(1)?.sendWindow, -65_535);
    widen(script, 1, 65_535);
    assert.deepEqual(script.sent(), ["SETTINGS ack"]);
    script.receive(frame(FrameType.SETTINGS, 0, 0, settings([4, 1])));
    assert.deepEqual(script.sent(), ["SETTINGS ack", "DATA 1 1"]);
  });

  test("moves no more than a turn's worth into the output", () => {
    const script = Script.greeted();
    script.receive(script.client.headers(1, { end: true }));
    for (const id of [0, 1]) widen(script, id, 1 << 24);
    script.send(1, Buffer.alloc(1 << 20));
    const turns: number[] = [];
    for (let bytes = -1; bytes !== 0; turns.push(bytes)) bytes = dataBytes(script.sent(), 1);
    assert.ok(turns.length >= 16, `${turns.length} turns`);
    assert.ok(Math.max(...turns) <= 64 * 1024 + 16_384, `${Math.max(...turns)} bytes in one`);
    assert.equal(
      turns.reduce((sum, bytes) => sum + bytes, 0),
      (1 << 20) + 5,
    );
  });

  test("gives long answers a frame each in turn", () => {
    const script = Script.greeted({ turnBytes: 1 << 20 });
    for (const id of [1, 3, 5]) script.receive(script.client.headers(id, { end: true }));
    for (const id of [0, 1, 3, 5]) widen(script, id, 1 << 24);
    for (const id of [1, 3, 5]) script.send(id, Buffer.alloc(50_000));
    const order = script.sent().filter((line) => line.startsWith("DATA"));
    assert.deepEqual(
      order.slice(0, 6).map((line) => line.split(" ")[1]),
      ["1", "3", "5", "1", "3", "5"],
    );
  });

  test("sends a small answer before what waits of a long one, in the same turn", () => {
    const script = Script.greeted();
    for (const id of [1, 3]) script.receive(script.client.headers(id, { end: true }));
    for (const id of [0, 1]) widen(script, id, 1 << 24);
    script.send(1, Buffer.alloc(1 << 20));
    script.sent();
    script.send(3, Buffer.from("hi"));
    script.finish(3);
    const turn = script.sent();
    assert.equal(turn.indexOf("DATA 3 7"), 1);
    assert.ok(dataBytes(turn, 1) > 0);
  });

  test("does not starve a long answer behind a stream that always has a short one", () => {
    const script = Script.greeted();
    for (const id of [1, 3]) script.receive(script.client.headers(id, { end: true }));
    for (const id of [0, 1, 3]) widen(script, id, 1 << 28);
    script.send(1, Buffer.alloc(1 << 20));
    let long = 0;
    for (let turn = 0; turn < 200; turn++) {
      for (let count = 0; count < 50; count++) script.send(3, Buffer.alloc(2000));
      long += dataBytes(script.sent(), 1);
    }
    assert.equal(long, (1 << 20) + 5);
  });

  test("tells the stream what has been sent, so that it can go on", () => {
    const script = Script.greeted();
    let more = 20;
    script.onSent = ({ id, queuedBytes }) => {
      if (queuedBytes > 20_000 || more === 0) return;
      more -= 1;
      script.send(id, Buffer.alloc(30_000));
    };
    script.receive(script.client.headers(1, { end: true }));
    for (const id of [0, 1]) widen(script, id, 1 << 24);
    script.send(1, Buffer.alloc(30_000));
    assert.equal(dataBytes(sentInAllTurns(script), 1), 21 * 30_005);
    assert.equal(script.connection.sender.queuedBytes, 0);
  });

  test("forgets what a stream had queued when it is reset", () => {
    const script = Script.greeted();
    script.receive(script.client.headers(1, { end: true }));
    script.send(1, Buffer.alloc(100_000));
    script.finish(1);
    script.sent();
    assert.ok(script.connection.sender.queuedBytes > 0);
    script.receive(frame(FrameType.RST_STREAM, 0, 1, uint32(8)));
    assert.equal(script.connection.sender.queuedBytes, 0);
    widen(script, 0, 1 << 20);
    assert.deepEqual(script.sent(), []);
  });
});

describe("receiving", () => {
  test("gives the connection's window back as bytes come, half a window at a time", () => {
    const script = Script.greeted({ connectionWindowBytes: 100_000 });
    for (const id of [1, 3]) script.receive(script.client.headers(id));
    for (const id of [1, 1, 3]) script.receive(script.client.data(id, Buffer.alloc(16_000)));
    assert.deepEqual(script.sent(), []);
    script.receive(script.client.data(3, Buffer.alloc(16_000)));
    assert.deepEqual(script.sent(), ["WINDOW_UPDATE 0 64000"]);
  });

  test("gives a stream's window back when its consumer says so, and room for a large message", () => {
    const script = Script.greeted();
    script.receive(script.client.headers(1));
    script.receive(script.client.data(1, Buffer.alloc(16_000)));
    const stream = script.streams.get(1);
    stream?.replenish(0);
    assert.deepEqual(script.sent(), []);
    stream?.replenish(2_000_000);
    assert.deepEqual(script.sent(), [`WINDOW_UPDATE 1 ${2_000_000 - 49_535}`]);
    stream?.replenish(2_000_000);
    assert.deepEqual(script.sent(), []);
  });

  test("does not give a window back to a stream that has ended", () => {
    const script = Script.greeted();
    script.receive(script.client.headers(1), script.client.data(1, message("hi"), true));
    script.streams.get(1)?.replenish(1 << 20);
    assert.deepEqual(script.sent(), []);
  });

  test("counts what consumers keep, over all streams", () => {
    const script = Script.greeted({ heldBytes: 1000 });
    for (const id of [1, 3]) script.receive(script.client.headers(id));
    assert.equal(script.streams.get(1)?.hold(600), true);
    assert.equal(script.streams.get(3)?.hold(600), false);
    assert.equal(script.streams.get(1)?.hold(300), true);
    script.streams.get(3)?.reset(8);
    assert.equal(script.connection.heldBytes, 300);
  });
});
