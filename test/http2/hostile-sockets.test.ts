/** Clients over real sockets that mean harm, or look as if they did, beside one that only wants its answers. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { Flag, FrameType } from "../../src/main/http2/frame-format.js";
import { Http2Transport } from "../../src/main/transport/http2-transport.js";
import type { StreamCall } from "../../src/main/transport/method.js";
import {
  HTTP2_HELD_BYTES_MAX,
  HTTP2_QUEUED_BYTES_MAX,
  STREAM_HIGH_WATER_BYTES,
} from "../../src/shared/limits.js";
import { until } from "../support/until.js";
import { conformanceMethods, MethodLog } from "../transport/conformance-methods.js";
import { Harness } from "../transport/harness.js";
import { CALL_FIELDS, frame, message, settings, uint32 } from "./support/frames.js";
import { SocketClient } from "./support/socket-client.js";

const { HEADERS, CONTINUATION, RST_STREAM, SETTINGS, PING, PRIORITY } = FrameType;
const CANCEL = 8;
/** More than a server keeps of one connection, with what the kernel does. */
const KEPT_BYTES_MAX = HTTP2_QUEUED_BYTES_MAX + HTTP2_HELD_BYTES_MAX + 32 * 1024 * 1024;
/** More calls than it can take with that, and with the refusals that it leaves in its output. */
const CALLS_MAX = 200_000;
const CALLS_PER_LOOK = 100;

function fieldsOf(path: string): (readonly [string, string])[] {
  return CALL_FIELDS.map(([name, value]) => [name, name === ":path" ? path : value]);
}

/** A whole unary call, or the beginning of one. */
function call(client: SocketClient, id: number, path: string, payload?: Uint8Array): Buffer {
  const head = frame(HEADERS, Flag.END_HEADERS, id, client.frames.block(fieldsOf(path)));
  return payload === undefined
    ? head
    : Buffer.concat([head, client.frames.data(id, payload, true)]);
}

describe("beside a hostile client", () => {
  const log = new MethodLog();
  const flooding: StreamCall[] = [];
  let harness: Harness;
  let honest: SocketClient;

  before(async () => {
    const piece = Buffer.alloc(16 * 1024);
    const pour = {
      kind: "server-stream" as const,
      path: "/t.T/Pour",
      handle: (stream: StreamCall) => {
        flooding.push(stream);
        while (stream.write(piece));
      },
    };
    const methods = [...conformanceMethods(log), pour];
    harness = await Harness.start((options) => new Http2Transport(options), methods);
    honest = SocketClient.greeting(harness.portNumber);
  });
  after(async () => {
    honest.close();
    await harness.stop();
  });

  /** Lets a client do its harm; meanwhile, and afterwards, the other one is served. */
  async function withHostile(act: (hostile: SocketClient) => Promise<void>): Promise<void> {
    const hostile = SocketClient.greeting(harness.portNumber);
    try {
      const [, served] = await Promise.all([act(hostile), honest.probe()]);
      assert.equal(served, true);
      assert.equal(await honest.probe(), true);
    } finally {
      hostile.close();
    }
    // Whatever it began has ended.
    const { observer } = harness;
    await until(() => observer.started === observer.handled.length, "the end of all calls");
  }

  async function endOf(client: SocketClient, answer: RegExp): Promise<void> {
    await until(() => client.isEnded, "the end of the connection");
    assert.match(client.lines.at(-1) ?? "nothing", answer);
  }

  const CALM = /^GOAWAY \d+ ENHANCE_YOUR_CALM/;
  const many = (one: Buffer): Buffer => Buffer.concat(Array.from({ length: 50_000 }, () => one));
  const floods: readonly (readonly [what: string, bytes: Buffer])[] = [
    ["PING", many(frame(PING, 0, 0, Buffer.alloc(8)))],
    ["SETTINGS", many(frame(SETTINGS, 0, 0))],
    ["PRIORITY", many(frame(PRIORITY, 0, 1, Buffer.alloc(5)))],
    ["CONTINUATION", Buffer.concat([frame(HEADERS, 0, 1), many(frame(CONTINUATION, 0, 1))])],
  ];
  for (const [what, bytes] of floods) {
    test(`a flood of ${what} (RFC 9113 section 10.5)`, () =>
      withHostile(async (hostile) => {
        hostile.send(bytes);
        await endOf(hostile, CALM);
      }));
  }

  test("a header block without end, in large frames (CVE-2024-27316)", () =>
    withHostile(async (hostile) => {
      const literal = Buffer.concat([
        Buffer.of(0x00, 0x01, 0x61, 0x7f, 0x81, 0x7e),
        Buffer.alloc(16_256),
      ]);
      hostile.send(frame(HEADERS, 0, 1, literal));
      for (let i = 0; i < 10; i += 1) hostile.send(frame(CONTINUATION, 0, 1, literal));
      await endOf(hostile, CALM);
    }));

  test("small blocks that stand for megabytes of headers", () =>
    withHostile(async (hostile) => {
      // Each block puts 4000 bytes into the table once, and then names them 8000 times with a byte each.
      const large = ["a", "x".repeat(3900)] as const;
      const bombs = Array.from({ length: 20 }, (_, i) => {
        const block = hostile.frames.block([...fieldsOf("/t.T/Echo"), large, large]);
        const names = Buffer.alloc(8000, block.at(-1));
        const flags = Flag.END_HEADERS | Flag.END_STREAM;
        return frame(HEADERS, flags, 2 * i + 1, Buffer.concat([block, names]));
      });
      hostile.send(...bombs);
      assert.equal(await hostile.settled(), true);
      const refused = hostile.lines.filter((line) => line.includes(":status=431"));
      assert.equal(refused.length, bombs.length);
      assert.equal(await hostile.probe(), true);
    }));

  test("calls that are opened and cancelled at once, by tens of thousands (CVE-2023-44487)", () =>
    withHostile(async (hostile) => {
      const calls = Array.from({ length: 30_000 }, (_, i) => [
        call(hostile, 2 * i + 1, "/t.T/Hang", message("x")),
        frame(RST_STREAM, 0, 2 * i + 1, uint32(CANCEL)),
      ]);
      hostile.send(...calls.flat());
      // Nothing of it is against the rules, and little of it costs: the connection may stay.
      await hostile.settled();
      log.clear();
    }));

  test("a client that reads no answers is not read, either", () =>
    withHostile(async (hostile) => {
      hostile.stopReading();
      // The largest window, so that nothing but the socket holds the answers back.
      hostile.send(
        frame(SETTINGS, 0, 0, settings([4, 2 ** 31 - 1])),
        frame(FrameType.WINDOW_UPDATE, 0, 0, uint32(2 ** 31 - 1 - 65_535)),
      );
      // First as much as is kept of answers and of requests; from then on calls are refused, and refusals wait as well.
      const large = message("y".repeat(16_000));
      const small = message("y".repeat(1000));
      let sent = 0;
      for (let calls = 0; calls % CALLS_PER_LOOK !== 0 || !(await hostile.isStuck()); calls += 1) {
        assert.ok(calls < CALLS_MAX, "all of it was taken");
        const payload = sent < KEPT_BYTES_MAX ? large : small;
        const bytes = call(hostile, 2 * calls + 1, "/t.T/Echo", payload);
        hostile.send(bytes);
        sent += bytes.length;
      }
      assert.ok(sent > HTTP2_QUEUED_BYTES_MAX, `no more than ${sent} bytes were taken`);
    }));

  test("streams that are opened and never read hold a bounded amount", () =>
    withHostile(async (hostile) => {
      hostile.send(frame(SETTINGS, 0, 0, settings([4, 0])));
      const count = 2000;
      assert.ok(count * STREAM_HIGH_WATER_BYTES > 2 * HTTP2_QUEUED_BYTES_MAX);
      for (let i = 0; i < count; i += 1) {
        hostile.send(call(hostile, 2 * i + 1, "/t.T/Pour", message("x")));
      }
      assert.equal(await hostile.settled(), true);
      const held = flooding.reduce((sum, { bufferedBytes }) => sum + bufferedBytes, 0);
      assert.ok(held > 0 && held < 2 * HTTP2_QUEUED_BYTES_MAX, `${held} bytes are held`);
    }));

  test("connections that say half of something", async () => {
    const halves = [
      Buffer.from("PRI * HTTP/2.0\r\n"),
      Buffer.from("P"),
      frame(HEADERS, 0, 1, Buffer.alloc(100)).subarray(0, 50),
      frame(SETTINGS, 0, 0).subarray(0, 4),
    ];
    const clients = Array.from({ length: 200 }, (_, i) => {
      const bytes = halves[i % halves.length]!;
      const client =
        i % 4 < 2
          ? new SocketClient(harness.portNumber)
          : SocketClient.greeting(harness.portNumber);
      client.send(bytes);
      return client;
    });
    assert.equal(await honest.probe(), true);
    for (const client of clients) client.close();
    assert.equal(await honest.probe(), true);
  });
});
