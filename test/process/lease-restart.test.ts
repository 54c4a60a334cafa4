import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { RpcClient } from "../../src/main/client/rpc-client.js";
import { Calls } from "./support/calls.js";
import { eventually } from "./support/eventually.js";
import { startSubject } from "./support/subject.js";

const LEASE = 77n;
const KEY = "held";
/** What a new leader adds to every lease (L-42), and rounding to whole seconds. */
const EXTENSION_SECONDS = 2;
/** A lease that nobody renews goes through the log when it has lost this much. */
const RECORDED_EVERY_SECONDS = 5;
const DEADLINE_MS = 40_000;

/** A server on a directory, started again after each end. */
class Restarted {
  readonly #dataDir = mkdtempSync(join(tmpdir(), "capstan-lease-"));
  #end: ((signal: NodeJS.Signals) => Promise<unknown>) | undefined;
  #client: RpcClient | undefined;

  constructor(t: TestContext) {
    t.after(async () => {
      await this.end("SIGKILL");
      rmSync(this.#dataDir, { recursive: true, force: true });
    });
  }

  async start(): Promise<Calls> {
    const server = await startSubject({ dataDir: this.#dataDir });
    this.#end = server.end;
    this.#client = new RpcClient(server.target);
    return new Calls(this.#client);
  }

  async end(signal: NodeJS.Signals): Promise<void> {
    this.#client?.close();
    await this.#end?.(signal);
  }
}

async function remaining(calls: Calls): Promise<number> {
  return Number((await calls.leaseTimeToLive(LEASE)).TTL);
}

/** Waits until the lease has at most these seconds left; gives what is left. */
function worn(calls: Calls, seconds: number): Promise<number> {
  return eventually(DEADLINE_MS, async () => {
    const left = await remaining(calls);
    return left <= seconds ? left : undefined;
  });
}

test("a lease keeps its remaining time over an orderly restart", async (t) => {
  const server = new Restarted(t);
  let calls = await server.start();
  const grantedMs = performance.now();
  await calls.leaseGrant(LEASE, 60);
  await calls.put(KEY, Buffer.from("x"), LEASE);
  const before = await worn(calls, 56);
  await server.end("SIGTERM");
  calls = await server.start();
  const { TTL, grantedTTL, keys } = await calls.leaseTimeToLive(LEASE);
  const passedSeconds = (performance.now() - grantedMs) / 1000;
  t.diagnostic(`${before} s left before the restart, ${TTL} s after it`);
  assert.ok(Number(TTL) <= before + EXTENSION_SECONDS, `it got time back: ${TTL} after ${before}`);
  assert.ok(Number(TTL) >= Math.floor(60 - passedSeconds) - 1, `it lost time: ${TTL}`);
  assert.equal(grantedTTL, 60n);
  assert.deepEqual(
    keys.map((key) => Buffer.from(key).toString()),
    [KEY],
  );
});

test("a lease keeps most of its lost time over kill -9, and gains none", async (t) => {
  const server = new Restarted(t);
  let calls = await server.start();
  const grantedMs = performance.now();
  await calls.leaseGrant(LEASE, 60);
  // Long enough after the record was due for it to have come.
  const before = await worn(calls, 60 - RECORDED_EVERY_SECONDS - 3);
  await server.end("SIGKILL");
  calls = await server.start();
  const left = await remaining(calls);
  const passedSeconds = (performance.now() - grantedMs) / 1000;
  t.diagnostic(`${before} s left before the kill, ${left} s after it`);
  assert.ok(left <= 60 - RECORDED_EVERY_SECONDS + EXTENSION_SECONDS, `${left} after ${before}`);
  assert.ok(left >= Math.floor(60 - passedSeconds) - 1, `it lost time: ${left}`);
});

test("a lease ends with its keys after a restart, and not before its time", async (t) => {
  const server = new Restarted(t);
  let calls = await server.start();
  const grantedMs = performance.now();
  await calls.leaseGrant(LEASE, 5);
  await calls.put(KEY, Buffer.from("x"), LEASE);
  await server.end("SIGKILL");
  calls = await server.start();
  assert.deepEqual(await calls.leases(), new Set([LEASE]));
  await eventually(DEADLINE_MS, async () => {
    const { kvs } = await calls.range({ key: Buffer.from(KEY) });
    return kvs.length === 0 ? true : undefined;
  });
  const livedMs = performance.now() - grantedMs;
  t.diagnostic(`a lease of 5 s ended after ${livedMs.toFixed(0)} ms`);
  assert.ok(livedMs >= 5000, `it ended early: after ${livedMs} ms`);
  assert.deepEqual(await calls.leases(), new Set());
});
