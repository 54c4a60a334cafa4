import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { MessageAssembler } from "../../bench/client/message-assembler.js";
import { StatusReader } from "../../bench/client/trailers.js";
import { benchKey, prefixEnd } from "../../bench/wire/bench-key.js";
import { KeyTemplate } from "../../bench/wire/key-template.js";
import { scanWatchResponse } from "../../bench/wire/watch-scan.js";
import { type DeepPartial, WatchResponse } from "../../src/shared/gen/etcdserverpb/rpc.js";
import type { Event } from "../../src/shared/gen/mvccpb/kv.js";

describe("KeyTemplate", () => {
  test("fill() gives the message that encoding the same keys gives", () => {
    const encode = (keys: readonly Buffer[]): Buffer =>
      Buffer.concat([Buffer.from("<"), ...keys, Buffer.from("|"), ...keys, Buffer.from(">")]);
    const shapes = fc.record({
      keyBytes: fc.integer({ min: 16, max: 64 }),
      keys: fc.integer({ min: 1, max: 5 }),
      stride: fc.integer({ min: 1, max: 1000 }),
    });
    fc.assert(
      fc.property(shapes, fc.nat(1_000_000_000), (shape, first) => {
        const template = new KeyTemplate({ prefix: "bench/", ...shape }, encode);
        const keys = Array.from({ length: shape.keys }, (_, i) =>
          benchKey("bench/", first + i * shape.stride, shape.keyBytes),
        );
        assert.deepEqual(template.fill(first), encode(keys));
      }),
    );
  });

  test("prefixEnd() is above every key with the prefix and below the next prefix", () => {
    const end = prefixEnd("bench/");
    assert.ok(Buffer.compare(benchKey("bench/", 9_999_999_999, 16), end) < 0);
    assert.ok(Buffer.compare(end, Buffer.from("bench1")) <= 0);
  });
});

describe("MessageAssembler", () => {
  test("push() gives the messages whole, however they are cut", () => {
    const inputs = fc.record({
      messages: fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 10 }),
      cuts: fc.array(fc.nat(2000)),
    });
    fc.assert(
      fc.property(inputs, ({ messages, cuts }) => {
        const stream = Buffer.concat(messages.flatMap((each) => [prefix(each.length), each]));
        const places = [...cuts.filter((cut) => cut < stream.length), 0, stream.length];
        places.sort((a, b) => a - b);
        const assembler = new MessageAssembler();
        const got: Uint8Array[] = [];
        for (const [i, place] of places.slice(0, -1).entries()) {
          assembler.push(stream.subarray(place, places[i + 1]), (each) => got.push(each));
        }
        assert.deepEqual(
          got.map((each) => Buffer.from(each)),
          messages.map((each) => Buffer.from(each)),
        );
      }),
    );
  });
});

function prefix(length: number): Buffer {
  const bytes = Buffer.alloc(5);
  bytes.writeUInt32BE(length, 1);
  return bytes;
}

describe("scanWatchResponse()", () => {
  test("finds the value of every event, whatever else is in the response", () => {
    const events = fc.array(
      fc.record({
        key: fc.uint8Array({ maxLength: 20 }),
        value: fc.uint8Array({ minLength: 1, maxLength: 200 }),
        modRevision: fc.nat().map(BigInt),
        prevKv: fc.boolean(),
      }),
      { maxLength: 8 },
    );
    fc.assert(
      fc.property(events, fc.boolean(), (list, canceled) => {
        const response = WatchResponse.fromPartial({
          header: { revision: 1n << 40n, memberId: 2n ** 63n },
          watchId: 7n,
          canceled,
          cancelReason: canceled ? "because" : "",
          events: list.map((each): DeepPartial<Event> => {
            const kv = { key: each.key, value: each.value, modRevision: each.modRevision };
            return each.prevKv ? { kv, prevKv: kv } : { kv };
          }),
        });
        const bytes = Buffer.from(WatchResponse.encode(response).finish());
        const values: Buffer[] = [];
        const scan = scanWatchResponse(bytes, (offset) => {
          const { value } = list[values.length] ?? { value: new Uint8Array() };
          values.push(bytes.subarray(offset, offset + value.length));
        });
        assert.deepEqual(scan, { events: list.length, canceled });
        assert.deepEqual(
          values.map((value) => Buffer.from(value)),
          list.map(({ value }) => Buffer.from(value)),
        );
      }),
    );
  });
});

describe("StatusReader", () => {
  const literal = (name: Buffer, value: Buffer): Buffer =>
    Buffer.concat([Buffer.from([0x00]), name, value]);
  const plain = (text: string): Buffer => Buffer.from(`${String.fromCharCode(text.length)}${text}`);
  // The Huffman code of the name as RFC 7541 appendix B gives it, and of "0" and "14".
  const codedName = Buffer.concat([Buffer.from([0x88]), Buffer.from("9acac8b21234da8f", "hex")]);
  const codedZero = Buffer.from([0x81, 0x07]);

  test("read() finds the status, Huffman-coded or plain, behind other fields", () => {
    const size = Buffer.from([0x20]);
    const indexed = Buffer.from([0x88]);
    const type = Buffer.concat([Buffer.from([0x0f, 0x10]), plain("application/grpc")]);
    const reader = new StatusReader();
    const before = Buffer.concat([size, indexed, type]);
    for (const [block, status] of [
      [literal(plain("grpc-status"), plain("0")), 0],
      [literal(plain("grpc-status"), plain("14")), 14],
      [literal(codedName, codedZero), 0],
      [literal(codedName, plain("5")), 5],
      [literal(plain("grpc-message"), plain("0")), undefined],
    ] as const) {
      assert.equal(reader.read(Buffer.concat([before, block])), status);
      assert.equal(reader.read(Buffer.concat([before, block])), status);
    }
  });

  test("read() ends on any bytes", () => {
    const reader = new StatusReader();
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        reader.read(Buffer.from(bytes));
      }),
    );
  });
});
