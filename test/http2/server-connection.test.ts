import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Http2Code } from "../../src/main/http2/error-code.js";
import { Flag, FrameType } from "../../src/main/http2/frame-format.js";
import { CALL_FIELDS, ClientFrames, frame, message, settings, uint32 } from "./support/frames.js";
import { Script } from "./support/script.js";

const CANCEL = frame(FrameType.RST_STREAM, 0, 1, uint32(Http2Code.CANCEL));

describe("a connection", () => {
  test("begins with SETTINGS and its window, and acknowledges the client's", () => {
    const script = new Script();
    assert.deepEqual(script.sent(), ["SETTINGS", `WINDOW_UPDATE 0 ${2 ** 20 - 65_535}`]);
    script.receive(ClientFrames.greeting);
    assert.deepEqual(script.sent(), ["SETTINGS ack"]);
  });

  test("answers a call with headers, data and trailers, in one write", () => {
    const script = Script.greeted();
    script.receive(script.client.headers(1), script.client.data(1, message("hello"), true));
    assert.deepEqual(script.log, ["open 1", "data 1 \0\0\0\0\x05hello", "end 1"]);
    script.send(1, Buffer.from("hi"));
    script.finish(1);
    assert.deepEqual(script.sent(), [
      "HEADERS 1 :status=200 content-type=application/grpc",
      "DATA 1 7",
      "HEADERS 1 end grpc-status=0",
    ]);
    assert.equal(script.connection.streamCount, 0);
  });

  test("tells a client whose request is not complete that no more is needed", () => {
    const script = Script.greeted();
    script.receive(script.client.headers(1));
    script.send(1, Buffer.from("hi"));
    script.finish(1);
    assert.equal(script.sent().at(-1), "RST_STREAM 1 NO_ERROR");
    // What was on its way is ignored, the end of the request included.
    script.receive(
      script.client.data(1, message("late")),
      script.client.data(1, message(""), true),
    );
    script.receive(frame(FrameType.HEADERS, Flag.END_HEADERS | Flag.END_STREAM, 1));
    assert.deepEqual(script.sent(), []);
    assert.deepEqual(script.log, ["open 1"]);
  });

  test("tells the handler of a reset, once, and drops what it sends then", () => {
    const script = Script.greeted();
    script.receive(script.client.headers(1), CANCEL, CANCEL);
    assert.deepEqual(script.log, ["open 1", "reset 1"]);
    script.send(1, Buffer.from("hi"));
    script.finish(1);
    assert.deepEqual(script.sent(), []);
  });

  test("takes trailers as the end of a request", () => {
    const script = Script.greeted();
    const end = Flag.END_HEADERS | Flag.END_STREAM;
    script.receive(
      script.client.headers(1),
      frame(FrameType.HEADERS, end, 1, script.client.block([["x", "y"]])),
    );
    assert.deepEqual(script.log, ["open 1", "end 1"]);
  });

  test("puts a header block together that comes in pieces", () => {
    const script = Script.greeted();
    const block = script.client.block();
    script.receive(
      frame(FrameType.HEADERS, Flag.END_STREAM, 1, block.subarray(0, 3)),
      frame(FrameType.CONTINUATION, 0, 1, block.subarray(3, 4)),
      frame(FrameType.CONTINUATION, 0, 1),
      frame(FrameType.CONTINUATION, Flag.END_HEADERS, 1, block.subarray(4)),
    );
    assert.deepEqual(script.log, ["open 1", "end 1"]);
  });

  test("splits an answer's header block that is larger than a frame", () => {
    const script = Script.greeted();
    script.receive(script.client.headers(1, { end: true }));
    const failure = { status: 5, message: "ö".repeat(7000) } as const;
    script.streams.get(1)?.sendHeaders(script.answers.trailersOnly(failure), true);
    const lines = script.sent();
    assert.equal(lines.length, 3);
    assert.match(lines[2] ?? "", /grpc-status=5 grpc-message=(%C3%B6){7000}$/);
  });

  test("strips padding and priority fields, and counts padding against the windows", () => {
    const script = Script.greeted();
    const flags = Flag.END_HEADERS | Flag.PADDED | Flag.PRIORITY;
    const payload = Buffer.concat([
      Buffer.from([2, 0, 0, 0, 0, 9]),
      script.client.block(),
      Buffer.alloc(2),
    ]);
    script.receive(frame(FrameType.HEADERS, flags, 1, payload));
    script.receive(frame(FrameType.DATA, Flag.PADDED, 1, Buffer.from("\x03abc\0\0\0", "latin1")));
    assert.deepEqual(script.log, ["open 1", "data 1 abc"]);
    assert.equal(script.streams.get(1)?.receiveWindow, 65_535 - 7);
  });

  test("refuses streams above the limit, and takes them again when others have ended", () => {
    const script = Script.greeted({ streamsMax: 2 });
    for (const id of [1, 3, 5]) script.receive(script.client.headers(id, { end: true }));
    assert.deepEqual(script.sent(), ["RST_STREAM 5 REFUSED_STREAM"]);
    script.receive(CANCEL, script.client.headers(7, { end: true }));
    assert.equal(script.log.at(-2), "open 7");
  });

  test("counts a call whose handler still works, although it was cancelled", () => {
    const script = Script.greeted({ streamsMax: 1 });
    script.receive(script.client.headers(1, { end: true }));
    script.streams.get(1)?.linger();
    script.receive(CANCEL, script.client.headers(3, { end: true }));
    assert.deepEqual(script.sent(), ["RST_STREAM 3 REFUSED_STREAM"]);
    script.streams.get(1)?.settle();
    script.receive(script.client.headers(5, { end: true }));
    assert.equal(script.streams.has(5), true);
  });

  test("holds requests to their content-length", () => {
    const cases: readonly (readonly [number, boolean])[] = [
      [4, true],
      [6, true],
      [5, false],
    ];
    for (const [length, isWrong] of cases) {
      const script = Script.greeted();
      script.onOpen = (stream) => {
        stream.bytesExpected = length;
      };
      script.receive(script.client.headers(1), script.client.data(1, Buffer.from("hello"), true));
      assert.deepEqual(script.sent(), isWrong ? ["RST_STREAM 1 PROTOCOL_ERROR"] : []);
    }
  });

  test("marks a header list that is too large, and keeps its table right", () => {
    const script = Script.greeted({ headerListBytes: 600 });
    script.receive(script.client.headers(1, { extra: [["long", "x".repeat(400)]] }));
    script.receive(script.client.headers(3));
    assert.deepEqual(script.log, ["open 1 with too many headers", "open 3"]);
  });

  test("follows the client's HPACK table down to nothing and up again", () => {
    const script = Script.greeted();
    for (const [index, bytes] of [4096, 0, 0, 100, 4096, 65_536].entries()) {
      const id = 2 * index + 1;
      script.receive(frame(FrameType.SETTINGS, 0, 0, settings([1, bytes])));
      script.receive(script.client.headers(id, { end: true }));
      script.send(id, Buffer.from("hi"));
      script.finish(id);
      assert.deepEqual(script.sent().slice(1), [
        `HEADERS ${id} :status=200 content-type=application/grpc`,
        `DATA ${id} 7`,
        `HEADERS ${id} end grpc-status=0`,
      ]);
    }
  });

  test("gives a block that comes again as the object that it was the first time", () => {
    const script = Script.greeted();
    const seen: unknown[] = [];
    script.open = (_stream, headers) => {
      seen.push(headers.fields);
      return { onData() {}, onEnd() {}, onReset() {}, onSent() {} };
    };
    for (const id of [1, 3, 5]) script.receive(script.client.headers(id, { end: true }));
    assert.equal(seen.length, 3);
    assert.deepEqual(
      seen[2],
      CALL_FIELDS.map(([name, value]) => ({ name, value })),
    );
    assert.equal(seen[1], seen[2]);
  });
});

describe("the end of a connection", () => {
  test("a drain lets calls in until the ping has come back, then names the last", () => {
    const script = Script.greeted();
    script.receive(script.client.headers(1, { end: true }));
    script.connection.drain(0);
    assert.deepEqual(script.sent(), [`GOAWAY ${2 ** 31 - 1} NO_ERROR`, "PING"]);
    script.receive(script.client.headers(3, { end: true }));
    script.receive(frame(FrameType.PING, Flag.ACK, 0, Buffer.from("capstan\x02")));
    assert.deepEqual(script.sent(), ["GOAWAY 3 NO_ERROR"]);
    script.receive(script.client.headers(5, { end: true }));
    assert.equal(script.streams.has(5), false);
    script.finish(1);
    assert.equal(script.connection.isOver, false);
    script.finish(3);
    assert.equal(script.connection.isOver, true);
    assert.equal(script.sent().length, 2);
  });

  test("a drain does not wait for ever for its ping", () => {
    const script = Script.greeted();
    script.connection.drain(0);
    script.sent();
    script.tick(499);
    assert.equal(script.connection.isOver, false);
    script.tick(1);
    assert.deepEqual(script.sent(), ["GOAWAY 0 NO_ERROR"]);
    assert.equal(script.connection.isOver, true);
  });

  test("a lost connection resets every stream, once", () => {
    const script = Script.greeted();
    for (const id of [1, 3]) script.receive(script.client.headers(id));
    script.connection.lost();
    script.connection.lost();
    assert.deepEqual(script.log, ["open 1", "open 3", "reset 1", "reset 3"]);
  });

  test("a client that does not greet is let go, and one that does not acknowledge", () => {
    const silent = new Script();
    silent.tick(1001);
    assert.match(silent.sent().at(-1) ?? "", /^GOAWAY 0 PROTOCOL_ERROR/);
    const lazy = new Script();
    lazy.receive(ClientFrames.greeting.subarray(0, 24 + 9));
    lazy.tick(3001);
    assert.match(lazy.sent().at(-1) ?? "", /^GOAWAY 0 SETTINGS_TIMEOUT/);
  });

  test("a silent client is pinged, and let go when it says nothing", () => {
    const script = Script.greeted();
    script.tick(9999);
    assert.deepEqual(script.sent(), []);
    script.tick(1);
    assert.deepEqual(script.sent(), ["PING"]);
    script.receive(frame(FrameType.PING, Flag.ACK, 0, Buffer.from("capstan\x01")));
    script.tick(3000);
    assert.equal(script.connection.isOver, false);
    script.tick(7000);
    assert.deepEqual(script.sent(), ["PING"]);
    script.tick(2001);
    assert.equal(script.connection.isOver, true);
  });
});
