/** HPACK beside the one in Node's HTTP/2 client, both ways. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { type ClientHttp2Session, connect } from "node:http2";
import { type Duplex, duplexPair } from "node:stream";
import { test } from "node:test";
import fc from "fast-check";
import { ByteSink } from "../../src/main/http2/byte-sink.js";
import { Flag, FrameType, PREFACE } from "../../src/main/http2/frame-format.js";
import { FrameReader } from "../../src/main/http2/frame-reader.js";
import { HpackDecoder } from "../../src/main/http2/hpack/decoder.js";
import { HpackEncoder } from "../../src/main/http2/hpack/encoder.js";
import { SettingId } from "../../src/main/http2/settings.js";
import { frame, settings } from "./support/frames.js";
import { scaled } from "./support/scale.js";

/** A server that gives each complete header block to `onRequest`, and acknowledges SETTINGS. */
function serve(side: Duplex, onRequest: (streamId: number, block: Buffer) => void): void {
  const reader = new FrameReader(1 << 24);
  const blocks = new Map<number, Buffer>();
  let prefaceLeft = PREFACE.length;
  const take = ({ type, flags, streamId, bytes, start, end }: FrameReader): void => {
    if (type === FrameType.SETTINGS && flags === 0) {
      side.write(frame(FrameType.SETTINGS, Flag.ACK, 0));
    }
    if (type !== FrameType.HEADERS && type !== FrameType.CONTINUATION) return;
    const before = blocks.get(streamId) ?? Buffer.alloc(0);
    blocks.set(streamId, Buffer.concat([before, bytes.subarray(start, end)]));
    if (flags & Flag.END_HEADERS) onRequest(streamId, blocks.get(streamId)!);
  };
  side.on("data", (chunk: Buffer) => {
    const skip = Math.min(prefaceLeft, chunk.length);
    prefaceLeft -= skip;
    reader.feed(chunk.subarray(skip));
    while (reader.next()) take(reader);
  });
}

function connectOver(side: Duplex): ClientHttp2Session {
  const session = connect("http://peer", { createConnection: () => side });
  session.on("error", () => {});
  return session;
}

const name = fc.constantFrom(
  "a",
  "grpc-timeout",
  "user-agent",
  "x-long-name-of-a-header",
  "authorization",
);
const valueChar = fc.oneof(
  fc.integer({ min: 0x21, max: 0x7e }),
  fc.integer({ min: 0xa0, max: 0xff }),
);
const value = fc
  .array(valueChar, { minLength: 1, maxLength: 60 })
  .map((codes) => String.fromCharCode(...codes));
const headers = fc.dictionary(name, value, { noNullPrototype: true, maxKeys: 4 });

test("HpackDecoder reads what Node's client writes, in tables of several sizes", async () => {
  const sessions = fc.tuple(
    fc.constantFrom(0, 128, 4096, 16_384),
    fc.array(headers, { minLength: 1, maxLength: 40 }),
  );
  const property = fc.asyncProperty(sessions, async ([tableBytesMax, requests]) => {
    const [near, far] = duplexPair();
    const decoder = new HpackDecoder({ tableBytesMax, listBytesMax: 65_536 });
    const seen: Record<string, string>[] = [];
    let onAll = (): void => {};
    const all = new Promise<void>((resolve) => {
      onAll = resolve;
    });
    serve(near, (_streamId, block) => {
      const { fields } = decoder.decode(block);
      const own = fields.filter((field) => !field.name.startsWith(":"));
      seen.push(Object.fromEntries(own.map((field) => [field.name, field.value])));
      if (seen.length === requests.length) onAll();
    });
    near.write(
      frame(FrameType.SETTINGS, 0, 0, settings([SettingId.HEADER_TABLE_SIZE, tableBytesMax])),
    );
    const session = connectOver(far);
    await once(session, "remoteSettings");
    for (const request of requests)
      session.request({ ":path": "/a/b", ...request }).on("error", () => {});
    await all;
    assert.deepEqual(seen, requests);
    session.destroy();
  });
  await fc.assert(property, { numRuns: scaled(25), includeErrorInReport: true });
});

test("Node's client reads what HpackEncoder writes, when it changes the table's size too", async () => {
  const answers = fc.array(fc.tuple(headers, fc.boolean()), { minLength: 1, maxLength: 20 });
  const sizes = fc.constantFrom(0, 64, 200, 4096, 65_536);
  const property = fc.asyncProperty(
    fc.array(fc.tuple(sizes, answers), { maxLength: 3 }),
    async (phases) => {
      const [near, far] = duplexPair();
      const encoder = new HpackEncoder();
      let toSend: (readonly [Record<string, string>, boolean])[] = [];
      serve(near, (streamId) => {
        const [fields, indexed] = toSend.shift()!;
        const sink = new ByteSink();
        encoder.encode(sink, ":status", "200", "index");
        for (const [key, text] of Object.entries(fields)) {
          encoder.encode(sink, key, text, indexed ? "index" : "plain");
        }
        near.write(
          frame(FrameType.HEADERS, Flag.END_HEADERS | Flag.END_STREAM, streamId, sink.view()),
        );
      });
      near.write(frame(FrameType.SETTINGS, 0, 0));
      const session = connectOver(far);
      await once(session, "remoteSettings");
      for (const [bytes, list] of phases) {
        session.settings({ headerTableSize: bytes });
        await once(session, "localSettings");
        encoder.setTableBytesMax(bytes);
        toSend = [...list];
        for (const [fields] of list) {
          const request = session.request({ ":path": "/" });
          const [received] = await once(request, "response");
          const got = Object.entries(fields).map(([key]) => [key, received[key]]);
          assert.deepEqual(Object.fromEntries(got), fields);
          request.resume();
        }
      }
      session.destroy();
    },
  );
  await fc.assert(property, { numRuns: scaled(20), includeErrorInReport: true });
});
