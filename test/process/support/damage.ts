import assert from "node:assert/strict";
import { closeSync, cpSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { RpcClient } from "../../../src/main/client/rpc-client.js";
import { type ServerProcess, startCapstan } from "../../support/server-process.js";
import { Calls } from "./calls.js";
import { fingerprint } from "./directory.js";
import { describeValue, markedValue } from "./value.js";

const READY_TIMEOUT_MS = 60_000;

/** What a sample holds: this many keys, each with a value of this many bytes that names it. */
export const SAMPLE_KEYS = 400;
export const SAMPLE_VALUE_BYTES = 200;

/** The key of a number. */
export function sampleKey(index: number): string {
  return `key/${String(index).padStart(5, "0")}`;
}

/** The keys and described values of a sample that lost everything from `count` on. */
export function sampleLines(count = SAMPLE_KEYS): string[] {
  return Array.from({ length: count }, (_, i) => `${sampleKey(i)} = ${i}:${SAMPLE_VALUE_BYTES}`);
}

/** What a server has of the sample, described as `sampleLines`. */
export async function readSample(calls: Calls): Promise<string[]> {
  const { kvs } = await calls.range({ key: Buffer.from("key/"), rangeEnd: Buffer.from("key0") });
  return kvs.map(({ key, value }) => `${Buffer.from(key).toString()} = ${describeValue(value)}`);
}

/** Data directories to be damaged: copies of a sample that was killed, or ended in order. */
export class Samples {
  readonly folder = mkdtempSync(join(tmpdir(), "capstan-faults-"));
  /** Killed under way: most of the writes are in the log only. */
  readonly killed = join(this.folder, "killed");
  /** Ended in order: everything is in the store. */
  readonly stopped = join(this.folder, "stopped");
  #copies = 0;

  async make(): Promise<void> {
    const server = await startCapstan({ dataDir: this.killed });
    const client = new RpcClient(server.target);
    const calls = new Calls(client);
    for (let i = 0; i < SAMPLE_KEYS; i += 1) {
      await calls.put(sampleKey(i), markedValue(i, SAMPLE_VALUE_BYTES));
    }
    client.close();
    await server.end("SIGKILL");
    cpSync(this.killed, this.stopped, { recursive: true });
    const second = await startCapstan({ dataDir: this.stopped });
    assert.equal(await second.end("SIGTERM"), 0, second.output());
  }

  /** A copy to be damaged. */
  copyOf(sample: string): string {
    this.#copies += 1;
    const copy = join(this.folder, `copy-${this.#copies}`);
    cpSync(sample, copy, { recursive: true });
    return copy;
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Writes bytes into a file, in place. */
export function patch(path: string, offset: number, bytes: Uint8Array): void {
  const fd = openSync(path, "r+");
  try {
    writeSync(fd, bytes, 0, bytes.length, offset);
  } finally {
    closeSync(fd);
  }
}

/** Flips one bit, 0 to 7, of the byte at an offset. */
export function flipBit(path: string, offset: number, bit: number): void {
  const byte = readFileSync(path)[offset] ?? 0;
  patch(path, offset, Buffer.of(byte ^ (1 << bit)));
}

/** What a start on damaged data came to. */
export type Start = { readonly server: ServerProcess } | { readonly refusal: string };

/** Starts a server that may refuse to. */
export async function tryStart(t: TestContext, dataDir: string): Promise<Start> {
  try {
    const server = await startCapstan({ dataDir, readyTimeoutMs: READY_TIMEOUT_MS });
    t.after(() => server.dispose());
    return { server };
  } catch (error) {
    return { refusal: String(error) };
  }
}

/** Starts a server that must start; gives calls to it. */
export async function mustStart(t: TestContext, dataDir: string): Promise<Calls> {
  const start = await tryStart(t, dataDir);
  assert.ok("server" in start, "refusal" in start ? start.refusal : "");
  const client = new RpcClient(start.server.target);
  t.after(() => client.close());
  return new Calls(client);
}

/** It must not start, say this, and leave the directory as it found it. */
export async function mustRefuse(t: TestContext, dataDir: string, words: RegExp): Promise<void> {
  const before = fingerprint(dataDir);
  const start = await tryStart(t, dataDir);
  assert.ok("refusal" in start, "it started on damaged data");
  assert.match(start.refusal, words);
  assert.match(start.refusal, /server ended \(1\)/);
  assert.deepEqual(fingerprint(dataDir), before, "it changed what it refused");
}
