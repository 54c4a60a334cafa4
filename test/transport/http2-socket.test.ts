import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { describe, test } from "node:test";
import { Http2Code } from "../../src/main/http2/error-code.js";
import { FrameType } from "../../src/main/http2/frame-format.js";
import { Http2Transport } from "../../src/main/transport/http2-transport.js";
import type { MethodTable, UnaryCall } from "../../src/main/transport/method.js";
import { GrpcStatus } from "../../src/shared/errors.js";
import { HTTP2_OUTPUT_PAUSE_BYTES, HTTP2_QUEUED_BYTES_MAX } from "../../src/shared/limits.js";
import { ClientFrames, frame, message, uint32 } from "../http2/support/frames.js";
import { until } from "../support/until.js";
import { conformanceMethods, MethodLog } from "./conformance-methods.js";
import { Harness } from "./harness.js";
import { frame as grpcFrame, resultOf } from "./raw-client.js";
import { settle, startOnTestSocket } from "./test-socket.js";

/** Unary calls that the test answers. */
function collecting(calls: UnaryCall[]): MethodTable {
  return [{ kind: "unary", path: "/t.T/Echo", handle: (call) => calls.push(call) }];
}

function requests(client: ClientFrames, count: number, firstId = 1): Buffer {
  const frames: Buffer[] = [];
  for (let index = 0; index < count; index++) {
    const id = firstId + 2 * index;
    frames.push(client.headers(id), client.data(id, message("hi"), true));
  }
  return Buffer.concat(frames);
}

describe("Http2Socket", () => {
  test("writes the answers of one turn at once", async () => {
    const calls: UnaryCall[] = [];
    const { socket, client } = startOnTestSocket(collecting(calls));
    socket.push(requests(client, 50));
    await until(() => calls.length === 50, "the calls");
    await settle();
    const before = socket.writes.length;
    for (const call of calls) call.reply(Buffer.from("answer"));
    await settle();
    assert.equal(socket.writes.length, before + 1);
    const lines = socket.lines();
    assert.equal(lines.filter((line) => line.endsWith("end grpc-status=0")).length, 50);
    socket.destroy();
  });

  test("sends large pieces from where they lie", async () => {
    const calls: UnaryCall[] = [];
    const { socket, client } = startOnTestSocket(collecting(calls));
    socket.push(requests(client, 1));
    await until(() => calls.length === 1, "the call");
    const large = Buffer.alloc(8000, 1);
    calls[0]?.reply([Buffer.alloc(10), large, Buffer.alloc(10)]);
    await settle();
    assert.equal(
      socket.lastPieces.some(({ buffer, byteOffset }) => {
        return buffer === large.buffer && byteOffset === large.byteOffset;
      }),
      true,
    );
    assert.equal(socket.lines().at(-2), "DATA 1 8025");
    socket.destroy();
  });

  test("keeps what is on its way apart from what is written next", async () => {
    const calls: UnaryCall[] = [];
    const { socket, client } = startOnTestSocket(collecting(calls));
    socket.push(requests(client, 2));
    await until(() => calls.length === 2, "the calls");
    await settle();
    socket.isStuck = true;
    calls[0]?.reply(Buffer.from("first"));
    await settle();
    const first = socket.lastPieces[0];
    const seen = first?.toString("hex");
    calls[1]?.reply(Buffer.from("second"));
    await settle();
    assert.equal(first?.toString("hex"), seen);
    socket.unstick();
    await settle();
    assert.equal(socket.lines().filter((line) => line.startsWith("DATA")).length, 2);
    socket.destroy();
  });

  test("does not read from a peer that takes nothing, and goes on when it does", async () => {
    const { socket, client } = startOnTestSocket([]);
    await settle();
    socket.isStuck = true;
    // Each is refused with a text: output that no flow control holds back.
    let pushed = 0;
    for (; pushed < 100 && !socket.isPaused(); pushed++) {
      socket.push(requests(client, 500, 1 + 1000 * pushed));
      await settle();
    }
    assert.ok(pushed < 100, "it was read without end");
    assert.ok(socket.writableLength < 2 * HTTP2_OUTPUT_PAUSE_BYTES);
    socket.unstick();
    await until(() => !socket.isPaused(), "the reading to go on");
    await settle();
    const ends = socket.lines().filter((line) => line.includes("grpc-status=12"));
    assert.equal(ends.length, 500 * pushed);
    socket.destroy();
  });

  test("holds requests back while their client does not take answers", async () => {
    const calls: UnaryCall[] = [];
    const { socket, client } = startOnTestSocket(collecting(calls));
    const answer = Buffer.alloc(4 * 1024 * 1024);
    const needed = HTTP2_QUEUED_BYTES_MAX / answer.length + 1;
    socket.push(requests(client, needed));
    await until(() => calls.length === needed, "the calls");
    for (const call of calls) call.reply(answer);
    socket.push(requests(client, 3, 1001));
    socket.push(frame(FrameType.RST_STREAM, 0, 1005, uint32(Http2Code.CANCEL)));
    await settle();
    assert.equal(calls.length, needed);
    // The first answers are given up: half of what waited is gone.
    for (let index = 0; index < needed / 2 + 1; index++) {
      socket.push(frame(FrameType.RST_STREAM, 0, 1 + 2 * index, uint32(Http2Code.CANCEL)));
    }
    await until(() => calls.length > needed, "the requests to be let go");
    await settle();
    assert.equal(calls.length, needed + 2);
    socket.destroy();
  });

  test("does not hold requests back behind one answer, however large", async () => {
    const calls: UnaryCall[] = [];
    const { socket, client } = startOnTestSocket(collecting(calls));
    const piece = Buffer.alloc(4 * 1024 * 1024);
    socket.push(requests(client, 1));
    await until(() => calls.length === 1, "the call");
    calls[0]?.reply(Array.from({ length: 40 }, () => piece));
    // Its own window is spent; what is left of the connection's is for the others.
    socket.push(frame(FrameType.WINDOW_UPDATE, 0, 0, uint32(1000)));
    socket.push(requests(client, 10, 3));
    await until(() => calls.length === 11, "the requests behind it");
    for (const call of calls.slice(1)) call.reply(Buffer.from("small"));
    await settle();
    const lines = socket.lines();
    assert.equal(lines.filter((line) => line.endsWith("end grpc-status=0")).length, 10);
    socket.destroy();
  });

  test("a handler that throws is done, and counts as open no more", async () => {
    const bugs: unknown[] = [];
    const options = { concurrentStreamsMax: 1, onBug: (error: unknown) => bugs.push(error) };
    const harness = await Harness.start(
      (given) => new Http2Transport(given),
      conformanceMethods(new MethodLog()),
      options,
    );
    const client = harness.raw();
    for (let count = 0; count < 3; count++) {
      const result = await client.call("/t.T/Throw", grpcFrame(Buffer.alloc(1)));
      assert.equal(result.status, GrpcStatus.INTERNAL);
    }
    assert.equal(bugs.length, 3);
    await harness.stop();
  });

  test("refuses what is more than it keeps of unread requests", async () => {
    const log = new MethodLog();
    const { socket, client } = startOnTestSocket(conformanceMethods(log));
    const body = Buffer.alloc(16_383, 1);
    // The beginning of a message that does not end, up to the stream's window.
    body.writeUIntBE(4 * 1024 * 1024, 0, 5);
    const streams = HTTP2_QUEUED_BYTES_MAX / (4 * body.length);
    for (let index = 0; index < streams + 2; index++) {
      const id = 1 + 2 * index;
      socket.push(client.headers(id));
      for (let count = 0; count < 4; count++) socket.push(client.data(id, body));
    }
    await settle();
    await until(() => socket.readableLength === 0, "the requests to be read");
    const refused = socket.lines().filter((line) => line.includes("grpc-status=8"));
    assert.ok(refused.length >= 1 && refused.length <= 3, `${refused.length} were refused`);
    socket.destroy();
  });

  test("says why it closes, and closes", async () => {
    const { socket } = startOnTestSocket([]);
    socket.push(frame(FrameType.PUSH_PROMISE, 0, 1, uint32(2)));
    await until(() => socket.writableFinished, "the end");
    assert.match(socket.lines().at(-1) ?? "", /^GOAWAY 0 PROTOCOL_ERROR/);
    await until(() => socket.destroyed, "the close");
  });
});

describe("the own engine on real sockets", () => {
  test("thousands of deadlines that pass at once leave the connection and its streams alone", async () => {
    const log = new MethodLog();
    const harness = await Harness.start(
      (options) => new Http2Transport(options),
      [...conformanceMethods(log)],
    );
    const client = harness.raw();
    const watch = client.open("/t.T/Chat");
    watch.write(grpcFrame(Buffer.from("one")));
    await until(() => log.streams.length === 1, "the stream to open");
    const results = await Promise.all(
      Array.from({ length: 3000 }, () =>
        client.call("/t.T/Hang", grpcFrame(Buffer.alloc(1)), { "grpc-timeout": "50m" }),
      ),
    );
    assert.ok(results.every(({ status }) => status === GrpcStatus.DEADLINE_EXCEEDED));
    const result = resultOf(watch);
    watch.end(grpcFrame(Buffer.from("end")));
    assert.equal((await result).status, GrpcStatus.OK);
    await harness.stop();
  });

  test("a cancelled call counts against the limit until its handler is done", async () => {
    const calls: UnaryCall[] = [];
    const harness = await Harness.start(
      (options) => new Http2Transport(options),
      collecting(calls),
      {
        concurrentStreamsMax: 2,
      },
    );
    const client = harness.raw();
    const streams = [client.open("/t.T/Echo"), client.open("/t.T/Echo")];
    for (const stream of streams) stream.end(grpcFrame(Buffer.alloc(1)));
    await until(() => calls.length === 2, "the calls");
    for (const stream of streams) stream.close(Http2Code.CANCEL);
    await until(() => calls.every(({ cancelled }) => cancelled), "the cancellations");
    const refused = await client.call("/t.T/Echo", grpcFrame(Buffer.alloc(1)));
    assert.equal(refused.resetCode, Http2Code.REFUSED_STREAM);
    for (const call of calls) call.reply(Buffer.alloc(0));
    const stream = client.open("/t.T/Echo");
    stream.end(grpcFrame(Buffer.alloc(1)));
    await until(() => calls.length === 3, "the call that is taken again");
    calls[2]?.reply(Buffer.alloc(0));
    assert.equal((await resultOf(stream)).status, GrpcStatus.OK);
    await harness.stop();
  });

  test("a peer that answers no ping is let go", async () => {
    const harness = await Harness.start((options) => new Http2Transport(options), [], {
      keepaliveIntervalMs: 30,
      keepaliveTimeoutMs: 30,
    });
    const socket = connect(harness.portNumber, "127.0.0.1");
    socket.write(ClientFrames.greeting);
    socket.resume();
    await once(socket, "close");
    await until(() => harness.port.connectionCount === 0, "the server's side to close");
    await harness.stop();
  });
});
