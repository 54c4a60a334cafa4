import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Flag, FrameType, PREFACE } from "../../src/main/http2/frame-format.js";
import { type ClientFrames, frame, settings, uint32 } from "./support/frames.js";
import { Script } from "./support/script.js";

const { DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY } = FrameType;
const { WINDOW_UPDATE, CONTINUATION } = FrameType;
const { END_HEADERS, END_STREAM, PADDED, ACK } = Flag;

/** Stream 1 is open, 3 half-closed by the client, 5 ended by both; 7 is idle. The last line must be the answer. */
type Case = readonly [
  what: string,
  answer: string,
  ...frames: readonly ((client: ClientFrames) => Buffer)[],
];

const CASES: readonly Case[] = [
  ["DATA on stream 0", "GOAWAY 5 PROTOCOL_ERROR", () => frame(DATA, 0, 0, [1])],
  ["DATA on an idle stream", "GOAWAY 5 PROTOCOL_ERROR", () => frame(DATA, 0, 7, [1])],
  ["DATA on a server's stream", "GOAWAY 5 PROTOCOL_ERROR", () => frame(DATA, 0, 2, [1])],
  ["DATA after END_STREAM", "RST_STREAM 3 STREAM_CLOSED", () => frame(DATA, 0, 3, [1])],
  ["DATA on an ended stream", "RST_STREAM 5 STREAM_CLOSED", () => frame(DATA, 0, 5, [1])],
  ["more padding than data", "GOAWAY 5 PROTOCOL_ERROR", () => frame(DATA, PADDED, 1, [3, 0, 0])],
  ["padded DATA without a byte", "GOAWAY 5 FRAME_SIZE_ERROR", () => frame(DATA, PADDED, 1)],
  [
    "a frame above the size",
    "GOAWAY 5 FRAME_SIZE_ERROR",
    () => frame(DATA, 0, 1, Buffer.alloc(16_385)),
  ],
  ["HEADERS on stream 0", "GOAWAY 5 PROTOCOL_ERROR", () => frame(HEADERS, END_HEADERS, 0, [0x82])],
  ["HEADERS with an even id", "GOAWAY 5 PROTOCOL_ERROR", (client) => client.headers(8)],
  [
    "HEADERS without END_STREAM on an open stream",
    "RST_STREAM 1 PROTOCOL_ERROR",
    () => frame(HEADERS, END_HEADERS, 1),
  ],
  [
    "trailers with pseudo-header fields",
    "RST_STREAM 1 PROTOCOL_ERROR",
    () => frame(HEADERS, END_HEADERS | END_STREAM, 1, [0x82]),
  ],
  [
    "HEADERS after END_STREAM",
    "RST_STREAM 3 STREAM_CLOSED",
    () => frame(HEADERS, END_HEADERS | END_STREAM, 3),
  ],
  [
    "HEADERS on an ended stream",
    "GOAWAY 5 STREAM_CLOSED",
    () => frame(HEADERS, END_HEADERS | END_STREAM, 5),
  ],
  [
    "HEADERS with an id below the last",
    "GOAWAY 9 PROTOCOL_ERROR",
    (client) => client.headers(9),
    (client) => client.headers(7),
  ],
  [
    "HEADERS without room for its priority",
    "GOAWAY 5 FRAME_SIZE_ERROR",
    () => frame(HEADERS, END_HEADERS | Flag.PRIORITY, 7, [0, 0, 0, 0]),
  ],
  ["an index that HPACK does not have", "GOAWAY 5 COMPRESSION_ERROR", () => block([0xff, 0xff, 3])],
  ["a block cut in a string", "GOAWAY 5 COMPRESSION_ERROR", () => block([0x00, 0x0a, 0x61])],
  ["an index of zero", "GOAWAY 5 COMPRESSION_ERROR", () => block([0x80])],
  ["CONTINUATION of nothing", "GOAWAY 5 PROTOCOL_ERROR", () => frame(CONTINUATION, 0, 1, [0x82])],
  [
    "CONTINUATION of another stream",
    "GOAWAY 5 PROTOCOL_ERROR",
    () => frame(HEADERS, 0, 7, [0x82]),
    () => frame(CONTINUATION, END_HEADERS, 9, [0x82]),
  ],
  [
    "a PING inside a header block",
    "GOAWAY 5 PROTOCOL_ERROR",
    () => frame(HEADERS, 0, 7, [0x82]),
    () => frame(PING, 0, 0, Buffer.alloc(8)),
  ],
  [
    "a frame of an unknown type inside a header block",
    "GOAWAY 5 PROTOCOL_ERROR",
    () => frame(HEADERS, 0, 7, [0x82]),
    () => frame(0x77, 0, 0),
  ],
  [
    "a header block of too many bytes",
    "GOAWAY 5 ENHANCE_YOUR_CALM",
    () => frame(HEADERS, 0, 7, Buffer.alloc(8000, 0x82)),
    () => frame(CONTINUATION, 0, 7, Buffer.alloc(8000, 0x82)),
  ],
  [
    "a header block of too many frames",
    "GOAWAY 5 ENHANCE_YOUR_CALM",
    () => frame(HEADERS, 0, 7),
    () => Buffer.concat(Array.from({ length: 20 }, () => frame(CONTINUATION, 0, 7))),
  ],
  ["PRIORITY on stream 0", "GOAWAY 5 PROTOCOL_ERROR", () => frame(PRIORITY, 0, 0, [0, 0, 0, 0, 0])],
  ["a short PRIORITY", "RST_STREAM 1 FRAME_SIZE_ERROR", () => frame(PRIORITY, 0, 1, [0, 0, 0, 0])],
  ["RST_STREAM on stream 0", "GOAWAY 5 PROTOCOL_ERROR", () => frame(RST_STREAM, 0, 0, uint32(8))],
  ["RST_STREAM when idle", "GOAWAY 5 PROTOCOL_ERROR", () => frame(RST_STREAM, 0, 7, uint32(8))],
  ["a short RST_STREAM", "GOAWAY 5 FRAME_SIZE_ERROR", () => frame(RST_STREAM, 0, 1, [0, 0, 8])],
  ["SETTINGS on a stream", "GOAWAY 5 PROTOCOL_ERROR", () => frame(SETTINGS, 0, 1)],
  [
    "SETTINGS of five bytes",
    "GOAWAY 5 FRAME_SIZE_ERROR",
    () => frame(SETTINGS, 0, 0, [0, 1, 0, 0, 0]),
  ],
  [
    "an acknowledgement with settings in it",
    "GOAWAY 5 FRAME_SIZE_ERROR",
    () => frame(SETTINGS, ACK, 0, settings([1, 1])),
  ],
  ["ENABLE_PUSH 2", "GOAWAY 5 PROTOCOL_ERROR", () => frame(SETTINGS, 0, 0, settings([2, 2]))],
  [
    "an initial window of 2^31",
    "GOAWAY 5 FLOW_CONTROL_ERROR",
    () => frame(SETTINGS, 0, 0, settings([4, 2 ** 31])),
  ],
  [
    "a frame size of 16383",
    "GOAWAY 5 PROTOCOL_ERROR",
    () => frame(SETTINGS, 0, 0, settings([5, 16_383])),
  ],
  [
    "a frame size of 2^24",
    "GOAWAY 5 PROTOCOL_ERROR",
    () => frame(SETTINGS, 0, 0, settings([5, 2 ** 24])),
  ],
  [
    "an initial window that makes an open one overflow",
    "GOAWAY 5 FLOW_CONTROL_ERROR",
    () => frame(WINDOW_UPDATE, 0, 1, uint32(2 ** 31 - 1 - 65_535)),
    () => frame(SETTINGS, 0, 0, settings([4, 65_536])),
  ],
  ["PUSH_PROMISE", "GOAWAY 5 PROTOCOL_ERROR", () => frame(PUSH_PROMISE, 0, 1, uint32(2))],
  ["PING on a stream", "GOAWAY 5 PROTOCOL_ERROR", () => frame(PING, 0, 1, Buffer.alloc(8))],
  ["PING of seven bytes", "GOAWAY 5 FRAME_SIZE_ERROR", () => frame(PING, 0, 0, Buffer.alloc(7))],
  ["GOAWAY on a stream", "GOAWAY 5 PROTOCOL_ERROR", () => frame(GOAWAY, 0, 1, Buffer.alloc(8))],
  ["a short GOAWAY", "GOAWAY 5 FRAME_SIZE_ERROR", () => frame(GOAWAY, 0, 0, Buffer.alloc(7))],
  [
    "WINDOW_UPDATE of five bytes",
    "GOAWAY 5 FRAME_SIZE_ERROR",
    () => frame(WINDOW_UPDATE, 0, 0, [0, 0, 0, 0, 1]),
  ],
  [
    "an empty window of the connection",
    "GOAWAY 5 PROTOCOL_ERROR",
    () => frame(WINDOW_UPDATE, 0, 0, uint32(0)),
  ],
  [
    "an empty window of a stream",
    "RST_STREAM 1 PROTOCOL_ERROR",
    () => frame(WINDOW_UPDATE, 0, 1, uint32(0)),
  ],
  [
    "a window of an idle stream",
    "GOAWAY 5 PROTOCOL_ERROR",
    () => frame(WINDOW_UPDATE, 0, 7, uint32(1)),
  ],
  [
    "a connection's window beyond 2^31 - 1",
    "GOAWAY 5 FLOW_CONTROL_ERROR",
    () => frame(WINDOW_UPDATE, 0, 0, uint32(2 ** 31 - 1)),
  ],
  [
    "a stream's window beyond 2^31 - 1",
    "RST_STREAM 1 FLOW_CONTROL_ERROR",
    () => frame(WINDOW_UPDATE, 0, 1, uint32(2 ** 31 - 1)),
  ],
  [
    "more data than a stream's window",
    "RST_STREAM 1 FLOW_CONTROL_ERROR",
    () => Buffer.concat(Array.from({ length: 5 }, () => frame(DATA, 0, 1, Buffer.alloc(16_000)))),
  ],
];

function block(bytes: readonly number[]): Buffer {
  return frame(HEADERS, END_HEADERS | END_STREAM, 7, bytes);
}

function withThreeStreams(): Script {
  const script = Script.greeted();
  script.receive(
    script.client.headers(1),
    script.client.headers(3, { end: true }),
    script.client.headers(5, { end: true }),
  );
  script.streams.get(5)?.sendHeaders(script.answers.trailersOnly(undefined), true);
  script.sent();
  return script;
}

describe("what a peer may not send", () => {
  for (const [what, answer, ...frames] of CASES) {
    test(`${what}: ${answer}`, () => {
      const script = withThreeStreams();
      for (const make of frames) script.receive(make(script.client));
      const last = script.sent().at(-1) ?? "nothing";
      assert.equal(last.startsWith(answer), true, last);
      const isFatal = answer.startsWith("GOAWAY");
      assert.equal(script.connection.isOver, isFatal);
      assert.equal(script.log.includes("reset 3"), isFatal || answer.includes(" 3 "));
      // The connection goes on, or takes nothing more.
      script.receive(frame(PING, 0, 0, Buffer.alloc(8)));
      assert.deepEqual(script.sent(), isFatal ? [] : ["PING ack 0000000000000000"]);
    });

    test(`${what}, byte by byte: the same`, () => {
      const script = withThreeStreams();
      for (const make of frames)
        for (const byte of make(script.client)) script.receive(Uint8Array.of(byte));
      assert.equal((script.sent().at(-1) ?? "nothing").startsWith(answer), true);
    });
  }
});

describe("the beginning", () => {
  const starts: readonly (readonly [what: string, bytes: Buffer])[] = [
    ["another preface", Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\rX")],
    ["an HTTP/1 request", Buffer.from("GET / HTTP/1.1\r\n\r\n")],
    ["a PING before SETTINGS", Buffer.concat([PREFACE, frame(PING, 0, 0, Buffer.alloc(8))])],
    ["an acknowledgement before SETTINGS", Buffer.concat([PREFACE, frame(SETTINGS, ACK, 0)])],
  ];
  for (const [what, bytes] of starts) {
    test(`${what} ends the connection with PROTOCOL_ERROR`, () => {
      const script = new Script();
      script.receive(bytes);
      assert.match(script.sent().at(-1) ?? "", /^GOAWAY 0 PROTOCOL_ERROR/);
      assert.equal(script.connection.isOver, true);
    });
  }
});
