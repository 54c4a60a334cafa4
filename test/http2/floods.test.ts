import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Http2Code } from "../../src/main/http2/error-code.js";
import { Flag, FrameType } from "../../src/main/http2/frame-format.js";
import { frame, message, settings, uint32 } from "./support/frames.js";
import { Script } from "./support/script.js";

const CALM = /^GOAWAY \d+ ENHANCE_YOUR_CALM/;
/** Far above what `BOUNDS` allow. */
const MANY = 5000;

const FLOODS: readonly (readonly [what: string, one: Buffer])[] = [
  ["SETTINGS", frame(FrameType.SETTINGS, 0, 0, settings([1, 4096]))],
  ["acknowledgements of SETTINGS", frame(FrameType.SETTINGS, Flag.ACK, 0)],
  ["PING", frame(FrameType.PING, 0, 0, Buffer.alloc(8))],
  ["answers to no PING", frame(FrameType.PING, Flag.ACK, 0, Buffer.alloc(8))],
  ["DATA without data", frame(FrameType.DATA, 0, 1)],
  ["DATA of padding alone", frame(FrameType.DATA, Flag.PADDED, 1, [1, 0])],
  ["PRIORITY", frame(FrameType.PRIORITY, 0, 9, Buffer.alloc(5))],
  ["unknown frames", frame(0x99, 0, 1)],
  ["GOAWAY", frame(FrameType.GOAWAY, 0, 0, Buffer.alloc(8))],
  ["WINDOW_UPDATE of the connection", frame(FrameType.WINDOW_UPDATE, 0, 0, uint32(1))],
  ["WINDOW_UPDATE of an open stream", frame(FrameType.WINDOW_UPDATE, 0, 1, uint32(1))],
  ["WINDOW_UPDATE of an ended stream", frame(FrameType.WINDOW_UPDATE, 0, 3, uint32(1))],
  ["RST_STREAM of an ended stream", frame(FrameType.RST_STREAM, 0, 3, uint32(8))],
  ["DATA on an ended stream", frame(FrameType.DATA, 0, 3, [1])],
];

describe("a flood", () => {
  for (const [what, one] of FLOODS) {
    test(`of ${what} ends the connection with ENHANCE_YOUR_CALM, its answers bounded`, () => {
      const script = Script.greeted();
      script.receive(script.client.headers(1), script.client.headers(3, { end: true }));
      script.streams.get(3)?.sendHeaders(script.answers.trailersOnly(undefined), true);
      script.sent();
      const sent: string[] = [];
      for (let count = 0; count < MANY && !script.connection.isOver; count++) {
        script.receive(one);
        assert.ok(script.connection.output.length < 20_000);
        if (count % 100 === 0) sent.push(...script.sent());
      }
      sent.push(...script.sent());
      assert.match(sent.at(-1) ?? "", CALM);
      assert.equal(script.connection.isOver, true);
    });

    test(`of ${what} that is slow is none`, () => {
      const script = Script.greeted();
      script.receive(script.client.headers(1), script.client.headers(3, { end: true }));
      script.streams.get(3)?.sendHeaders(script.answers.trailersOnly(undefined), true);
      for (let count = 0; count < MANY; count++) {
        script.nowMs += 6000;
        script.receive(one);
        script.sent();
      }
      assert.equal(script.connection.isOver, false);
    });
  }
});

describe("an honest client", () => {
  test("may open and cancel calls without end", () => {
    const script = Script.greeted();
    const sent: string[] = [];
    for (let index = 0; index < 20_000; index++) {
      const id = 2 * index + 1;
      script.receive(script.client.headers(id), script.client.data(id, message("hi"), true));
      script.receive(frame(FrameType.RST_STREAM, 0, id, uint32(Http2Code.CANCEL)));
      if (index % 50 === 0) sent.push(...script.sent());
    }
    assert.deepEqual(sent, []);
    assert.equal(script.connection.streamCount, 0);
    assert.equal(script.connection.isOver, false);
  });

  test("may cancel calls that were answered meanwhile", () => {
    const script = Script.greeted();
    for (let index = 0; index < 5000; index++) {
      const id = 2 * index + 1;
      script.receive(script.client.headers(id, { end: true }));
      script.finish(id);
      script.receive(frame(FrameType.RST_STREAM, 0, id, uint32(Http2Code.CANCEL)));
      script.sent();
    }
    assert.equal(script.connection.isOver, false);
  });

  test("may be refused as often as it likes, when handlers are slow", () => {
    const script = Script.greeted({ streamsMax: 10 });
    for (let index = 0; index < 5000; index++) {
      const id = 2 * index + 1;
      script.receive(script.client.headers(id, { end: true }));
      if (index < 10) script.streams.get(id)?.linger();
      script.receive(frame(FrameType.RST_STREAM, 0, id, uint32(Http2Code.CANCEL)));
    }
    const lines = script.sent();
    assert.equal(lines.filter((line) => line.endsWith("REFUSED_STREAM")).length, 4990);
    assert.equal(script.connection.isOver, false);
    assert.equal(script.connection.outstandingCount, 10);
  });

  test("may widen its windows after every frame of a long answer", () => {
    const script = Script.greeted();
    script.receive(script.client.headers(1, { end: true }));
    for (let index = 0; index < 5000; index++) {
      script.send(1, Buffer.alloc(100));
      script.sent();
      for (const id of [0, 1]) script.receive(frame(FrameType.WINDOW_UPDATE, 0, id, uint32(114)));
    }
    assert.equal(script.connection.isOver, false);
  });

  test("may ping after each answer", () => {
    const script = Script.greeted();
    for (let index = 0; index < 1000; index++) {
      const id = 2 * index + 1;
      script.receive(script.client.headers(id, { end: true }));
      script.finish(id);
      script.receive(frame(FrameType.PING, 0, 0, Buffer.alloc(8)));
      script.sent();
    }
    assert.equal(script.connection.isOver, false);
  });
});
