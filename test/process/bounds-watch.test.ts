import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type { ClientDuplexStream } from "@grpc/grpc-js";
import { RpcClient } from "../../src/main/client/rpc-client.js";
import {
  type DeepPartial,
  type RequestOp,
  type WatchCreateRequest,
  WatchDefinition,
  WatchRequest,
  type WatchResponse,
} from "../../src/shared/gen/etcdserverpb/rpc.js";
import { Calls } from "./support/calls.js";
import { eventually } from "./support/eventually.js";
import { memoryLine, memoryOf } from "./support/memory.js";
import { scaled, TEST_SCALE } from "./support/scale.js";
import { startSubject } from "./support/subject.js";

const WATCHERS = scaled(10_000);
const CONNECTIONS = 10;
const STREAMS = 20;
const TXN_OPS = 100;
const DEADLINE_MS = 60_000;
/** How long writes go on past the watcher that does not read: a minute in CI. */
const DEAF_MS = (process.env.CI === "true" ? 60_000 : 10_000) * TEST_SCALE;
const WRITERS = 8;
const VALUE_BYTES = 16_384;
/** What memory, mapped files aside, may grow by long after all buffers must be full, whatever is written. */
const GROWTH_MIB_MAX = 256;

function putOp(key: string, value: Uint8Array): DeepPartial<RequestOp> {
  return { request: { $case: "requestPut", value: { key: Buffer.from(key), value } } };
}

function createRequest(value: DeepPartial<WatchCreateRequest>): WatchRequest {
  return WatchRequest.fromPartial({ requestUnion: { $case: "createRequest", value } });
}

/** A stream of watchers, and what each was told: keys of events by watch id. */
class WatchStream {
  readonly told = new Map<bigint, string[]>();
  created = 0;
  events = 0;
  readonly #stream: ClientDuplexStream<WatchRequest, WatchResponse>;
  readonly #failures: Error[] = [];

  constructor(client: RpcClient) {
    this.#stream = client.bidi(WatchDefinition, WatchDefinition.methods.watch);
    this.#stream.on("error", (error: Error) => this.#failures.push(error));
    this.#stream.on("data", (response: WatchResponse) => {
      if (response.created) this.created += 1;
      const keys = this.told.get(response.watchId) ?? [];
      keys.push(...response.events.map(({ kv }) => Buffer.from(kv?.key ?? []).toString()));
      this.told.set(response.watchId, keys);
      this.events += response.events.length;
    });
  }

  watch(watchId: number, key: string): void {
    // Id 0 would ask the server to choose.
    this.#stream.write(createRequest({ key: Buffer.from(key), watchId: BigInt(watchId + 1) }));
  }

  close(): void {
    this.#stream.cancel();
    assert.deepEqual(this.#failures, []);
  }
}

test(`${WATCHERS} watchers are each told their own event, once`, async (t) => {
  const server = await startSubject();
  t.after(() => server.dispose());
  const emptyLine = memoryLine(server.pid);
  const clients = Array.from({ length: CONNECTIONS }, () => new RpcClient(server.target));
  t.after(() => {
    for (const client of clients) client.close();
  });
  const streams = Array.from({ length: STREAMS }, (_, i) => {
    const client = clients[i % CONNECTIONS];
    assert.ok(client !== undefined);
    return new WatchStream(client);
  });
  const startedMs = performance.now();
  for (let i = 0; i < WATCHERS; i += 1) streams[i % STREAMS]?.watch(i, `watched/${i}`);
  const total = (of: (stream: WatchStream) => number): number =>
    streams.reduce((sum, stream) => sum + of(stream), 0);
  await eventually(DEADLINE_MS, () => total(({ created }) => created) === WATCHERS || undefined);
  const createdMs = performance.now();
  const calls = new Calls(new RpcClient(server.target));
  t.after(() => calls.client.close());
  for (let first = 0; first < WATCHERS; first += TXN_OPS) {
    const success = Array.from({ length: Math.min(TXN_OPS, WATCHERS - first) }, (_, i) =>
      putOp(`watched/${first + i}`, Buffer.from("x")),
    );
    await calls.txn({ success });
  }
  await eventually(DEADLINE_MS, () => total(({ events }) => events) >= WATCHERS || undefined);
  const toldMs = performance.now();
  for (let i = 0; i < WATCHERS; i += 1) {
    assert.deepEqual(streams[i % STREAMS]?.told.get(BigInt(i + 1)), [`watched/${i}`]);
  }
  for (const stream of streams) stream.close();
  t.diagnostic(
    `created in ${(createdMs - startedMs).toFixed(0)} ms, all told in ${(toldMs - createdMs).toFixed(0)} ms; ` +
      `${memoryLine(server.pid)} (empty: ${emptyLine})`,
  );
});

test(`a watcher that does not read for ${DEAF_MS / 1000} s costs bounded memory, and misses nothing`, async (t) => {
  const server = await startSubject();
  t.after(() => server.dispose());
  const clients = Array.from({ length: 2 }, () => new RpcClient(server.target));
  t.after(() => {
    for (const client of clients) client.close();
  });
  const [deafClient, writeClient] = clients;
  assert.ok(deafClient !== undefined && writeClient !== undefined);
  const deaf = deafStream(deafClient);
  const head = await writeFor(t, new Calls(writeClient), server.pid);
  const seen = await listenAtLast(deaf, head);
  assert.deepEqual(
    seen,
    Array.from({ length: head - 1 }, (_, i) => i + 2),
  );
  t.diagnostic(`${seen.length} revisions told late; ${memoryLine(server.pid)}`);
});

/** A watch of everything on which nobody listens yet: flow control closes, and stays closed. */
function deafStream(client: RpcClient): ClientDuplexStream<WatchRequest, WatchResponse> {
  const stream = client.bidi<WatchRequest, WatchResponse>(
    WatchDefinition,
    WatchDefinition.methods.watch,
  );
  const everything = { key: Buffer.of(0), rangeEnd: Buffer.of(0) };
  stream.write(createRequest({ ...everything, startRevision: 2n }));
  return stream;
}

/** Writes all that goes, and watches the memory. Gives the last revision. */
async function writeFor(t: TestContext, calls: Calls, pid: number): Promise<number> {
  const endMs = performance.now() + DEAF_MS;
  const settledMs = performance.now() + DEAF_MS / 2;
  const value = Buffer.alloc(VALUE_BYTES, "x");
  const samples: number[] = [];
  let settledMiB = 0;
  let written = 0;
  let head = 0;
  const writer = async (_: unknown, number: number): Promise<void> => {
    for (let i = 0; performance.now() < endMs; i += 1) {
      const { header } = await calls.put(`deaf/${number}/${i % 50}`, value);
      head = Math.max(head, Number(header?.revision));
      written += VALUE_BYTES;
      if (number !== 0 || i % 100 !== 0) continue;
      samples.push(memoryOf(pid).ownMiB);
      if (performance.now() < settledMs) settledMiB = Math.max(settledMiB, ...samples);
    }
  };
  await Promise.all(Array.from({ length: WRITERS }, writer));
  const most = Math.max(...samples);
  const mib = (written / 1024 / 1024).toFixed(0);
  t.diagnostic(
    `${mib} MiB written; memory: at most ${settledMiB} MiB in the first half, ${most} in all`,
  );
  assert.ok(most - settledMiB < GROWTH_MIB_MAX, `memory grows: ${samples.join(" ")}`);
  return head;
}

/** Begins to read, and gives the revisions told up to the head. */
function listenAtLast(
  stream: ClientDuplexStream<WatchRequest, WatchResponse>,
  head: number,
): Promise<number[]> {
  const seen: number[] = [];
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new Error(`only ${seen.length} revisions in ${DEADLINE_MS} ms`)),
      DEADLINE_MS,
    );
    stream.on("error", reject);
    stream.on("data", (response: WatchResponse) => {
      seen.push(...response.events.map(({ kv }) => Number(kv?.modRevision)));
      if (response.canceled) reject(new Error(`canceled: ${response.cancelReason}`));
      if (seen.at(-1) !== head) return;
      clearTimeout(timer);
      stream.removeAllListeners("error").on("error", () => {});
      stream.cancel();
      resolve(seen);
    });
  });
}
