import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { RpcClient } from "../../src/main/client/rpc-client.js";
import {
  type DeepPartial,
  RangeResponse,
  type RequestOp,
} from "../../src/shared/gen/etcdserverpb/rpc.js";
import { MAX_REQUEST_BYTES_DEFAULT } from "../../src/shared/limits.js";
import type { ServerProcess } from "../support/server-process.js";
import { Calls } from "./support/calls.js";
import { Latencies } from "./support/latency.js";
import { memoryLine } from "./support/memory.js";
import { scaled } from "./support/scale.js";
import { startSubject } from "./support/subject.js";
import { Watcher } from "./support/watcher.js";

const INVALID_ARGUMENT = 3;
const RESOURCE_EXHAUSTED = 8;
/** Room for the request around the value: key, lengths and the header of the log entry. */
const AROUND_BYTES = 1024;
const TXN_OPS = 128;
const MANY_KEYS = scaled(100_000);
const RANGES = 5;
const WRITERS = 8;
const WATCH_TIMEOUT_MS = 30_000;

describe("a server at its bounds", () => {
  let server: ServerProcess;
  let client: RpcClient;
  let calls: Calls;

  before(async () => {
    server = await startSubject();
    client = new RpcClient(server.target);
    calls = new Calls(client);
  });

  after(async () => {
    client.close();
    await server.dispose();
  });

  async function valueAt(key: string): Promise<Buffer | undefined> {
    const [kv] = (await calls.range({ key: Buffer.from(key) })).kvs;
    return kv === undefined ? undefined : Buffer.from(kv.value);
  }

  test("takes a value just below 1.5 MiB and gives it back, and to a watcher", async () => {
    const value = Buffer.alloc(MAX_REQUEST_BYTES_DEFAULT - AROUND_BYTES, "large");
    const { header } = await calls.put("large", value);
    assert.ok((await valueAt("large"))?.equals(value));
    const watcher = new Watcher(client, { from: Number(header?.revision), prevKv: false });
    await watcher.until(Number(header?.revision), WATCH_TIMEOUT_MS);
    watcher.close();
    const told = watcher.revisions[0]?.events[0]?.kv?.value ?? [];
    assert.ok(Buffer.from(told).equals(value));
  });

  test("refuses a value above 1.5 MiB, and one above what a message may be", async () => {
    const above = Buffer.alloc(MAX_REQUEST_BYTES_DEFAULT + 1);
    await assert.rejects(calls.put("above", above), {
      code: INVALID_ARGUMENT,
      details: "etcdserver: request is too large",
    });
    const message = Buffer.alloc(MAX_REQUEST_BYTES_DEFAULT + 524_288);
    await assert.rejects(calls.put("above", message), { code: RESOURCE_EXHAUSTED });
    assert.equal(await valueAt("above"), undefined);
  });

  test("takes keys of 60 KB that differ in their last byte only", async () => {
    const stem = "k".repeat(60_000);
    const keys = ["a", "b", "c"].map((end) => stem + end);
    for (const key of keys) await calls.put(key, Buffer.from(key.slice(-1)));
    await calls.put(keys[1] ?? "", Buffer.from("B"));
    assert.deepEqual(
      await Promise.all(keys.map(valueAt)),
      ["a", "B", "c"].map((text) => Buffer.from(text)),
    );
    const both = await calls.range({ key: Buffer.from(stem), rangeEnd: Buffer.from(`${stem}c`) });
    assert.deepEqual(
      both.kvs.map(({ key, version }) => [Buffer.from(key).toString().slice(-1), version]),
      [
        ["a", 1n],
        ["b", 2n],
      ],
    );
    assert.equal((await calls.deleteRange(stem, `${stem}~`)).deleted, 3n);
  });

  test("takes a transaction of 128 operations and refuses the 129th", async () => {
    const puts = (count: number): DeepPartial<RequestOp>[] =>
      Array.from({ length: count }, (_, i) => putOp(`txn/${i}`, Buffer.from("x")));
    const { responses } = await calls.txn({ success: puts(TXN_OPS) });
    assert.equal(responses.length, TXN_OPS);
    await assert.rejects(calls.txn({ success: puts(TXN_OPS + 1) }), {
      code: INVALID_ARGUMENT,
      details: "etcdserver: too many operations in txn request",
    });
  });

  test(`answers ranges over ${MANY_KEYS} keys whole while puts go on`, async (t) => {
    await fill(calls, MANY_KEYS);
    const alone = new Latencies();
    await writeDuring(server.target, alone, async (wrote) => wrote(2000));

    const beside = new Latencies();
    const ranges = new Latencies();
    // Decoded afterwards: decoding holds this thread, and the puts' times would be those of the client.
    const answers: Uint8Array[] = [];
    await writeDuring(server.target, beside, async () => {
      for (let i = 0; i < RANGES; i += 1) {
        answers.push(await ranges.time(() => calls.undecodedRange(prefix("many/"))));
      }
    });
    for (const bytes of answers) {
      const all = RangeResponse.decode(bytes);
      assert.equal(Number(all.count), MANY_KEYS);
      const wrong = all.kvs.findIndex(({ key }, at) => Buffer.from(key).toString() !== manyKey(at));
      assert.equal(wrong, -1, "keys of the range");
      assert.ok(all.kvs.every(({ modRevision }) => modRevision <= (all.header?.revision ?? 0n)));
    }
    t.diagnostic(`puts alone: ${alone}`);
    t.diagnostic(`puts beside ranges: ${beside}`);
    t.diagnostic(`ranges: ${ranges}`);
    t.diagnostic(memoryLine(server.pid));
  });
});

function prefix(text: string): { key: Buffer; rangeEnd: Buffer } {
  return { key: Buffer.from(text), rangeEnd: Buffer.from(`${text}~`) };
}

function putOp(key: string, value: Uint8Array): DeepPartial<RequestOp> {
  return { request: { $case: "requestPut", value: { key: Buffer.from(key), value } } };
}

function manyKey(index: number): string {
  return `many/${String(index).padStart(8, "0")}`;
}

async function fill(calls: Calls, count: number): Promise<void> {
  const value = Buffer.alloc(100, "many");
  let next = 0;
  const filler = async (): Promise<void> => {
    while (next < count) {
      const first = next;
      next = Math.min(count, first + TXN_OPS);
      const success = Array.from({ length: next - first }, (_, i) =>
        putOp(manyKey(first + i), value),
      );
      await calls.txn({ success });
    }
  };
  await Promise.all(Array.from({ length: WRITERS }, filler));
}

/** Keeps sequential writers going while something else is done; their puts are timed. */
async function writeDuring(
  target: string,
  latencies: Latencies,
  work: (wrote: (count: number) => Promise<void>) => Promise<void>,
): Promise<void> {
  const client = new RpcClient(target);
  const calls = new Calls(client);
  let done = false;
  let onPut = (): void => {};
  const writer = async (_: unknown, number: number): Promise<void> => {
    for (let i = 0; !done; i += 1) {
      await latencies.time(() => calls.put(`beside/${number}/${i % 100}`, Buffer.from(`${i}`)));
      onPut();
    }
  };
  const writers = Array.from({ length: WRITERS }, writer);
  const wrote = (count: number): Promise<void> =>
    new Promise((resolve) => {
      onPut = () => {
        if (latencies.count >= count) resolve();
      };
    });
  try {
    await Promise.race([work(wrote), Promise.all(writers)]);
  } finally {
    done = true;
    await Promise.allSettled(writers);
    client.close();
  }
}
