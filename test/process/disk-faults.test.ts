import assert from "node:assert/strict";
import {
  closeSync,
  cpSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, type TestContext, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { RpcClient } from "../../src/main/client/rpc-client.js";
import { Random } from "../support/random.js";
import { type ServerProcess, startCapstan } from "../support/server-process.js";
import { Calls } from "./support/calls.js";
import { fingerprint } from "./support/directory.js";
import { scaled, TEST_SEED } from "./support/scale.js";
import { describeValue, markedValue } from "./support/value.js";

const KEYS = 400;
const VALUE_BYTES = 200;
const FLIPS = scaled(24);
const PAGE_BYTES = 4096;
const READY_TIMEOUT_MS = 15_000;
/** How long a server that found damage may take to end. */
const STOP_MS = 2000;
/** First bytes of every frame of the log, behind its checksum. */
const FRAME_MAGIC = Buffer.of(0xc7, 0x46, 0x52, 0x4d);
const FRAME_HEADER_BYTES = 32;

const random = new Random(TEST_SEED);

/** Key number -> operation number, so that all values are known. */
function keyName(index: number): string {
  return `key/${String(index).padStart(5, "0")}`;
}

/** Segments of the log with their first-to-last frames: offsets of frame starts. */
interface Segment {
  readonly path: string;
  readonly frames: readonly number[];
}

function segmentsOf(dataDir: string): Segment[] {
  const folder = join(dataDir, "member", "wal");
  return readdirSync(folder)
    .filter((name) => name.endsWith(".wal"))
    .sort()
    .map((name) => {
      const path = join(folder, name);
      return { path, frames: frameStarts(readFileSync(path)) };
    })
    .filter(({ frames }) => frames.length > 0);
}

function frameStarts(bytes: Buffer): number[] {
  const starts: number[] = [];
  let at = bytes.indexOf(FRAME_MAGIC);
  while (at >= 0) {
    // Bytes of an older life of the file have the same magic, but not their own offset behind the tag.
    if (bytes.readUInt32LE(at + 12) === at - 4) starts.push(at - 4);
    at = bytes.indexOf(FRAME_MAGIC, at + 1);
  }
  return starts;
}

function endOfFrame(path: string, start: number): number {
  return start + FRAME_HEADER_BYTES + readFileSync(path).readUInt32LE(start + 20);
}

function patch(path: string, offset: number, bytes: Uint8Array): void {
  const fd = openSync(path, "r+");
  try {
    writeSync(fd, bytes, 0, bytes.length, offset);
  } finally {
    closeSync(fd);
  }
}

function flipBit(path: string, offset: number): void {
  const byte = readFileSync(path)[offset] ?? 0;
  patch(path, offset, Buffer.of(byte ^ (1 << random.integer(0, 7))));
}

/** What a start on damaged data came to. */
type Start = { readonly server: ServerProcess } | { readonly refusal: string };

async function tryStart(t: TestContext, dataDir: string): Promise<Start> {
  try {
    const server = await startCapstan({ dataDir, readyTimeoutMs: READY_TIMEOUT_MS });
    t.after(() => server.dispose());
    return { server };
  } catch (error) {
    return { refusal: String(error) };
  }
}

async function mustStart(t: TestContext, dataDir: string): Promise<Calls> {
  const start = await tryStart(t, dataDir);
  assert.ok("server" in start, "refusal" in start ? start.refusal : "");
  const client = new RpcClient(start.server.target);
  t.after(() => client.close());
  return new Calls(client);
}

/** It must not start, say this, and leave the directory as it found it. */
async function mustRefuse(t: TestContext, dataDir: string, words: RegExp): Promise<void> {
  const before = fingerprint(dataDir);
  const start = await tryStart(t, dataDir);
  assert.ok("refusal" in start, "it started on a damaged log");
  assert.match(start.refusal, words);
  assert.match(start.refusal, /server ended \(1\)/);
  assert.deepEqual(fingerprint(dataDir), before, "it changed what it refused");
}

describe(`files that were damaged (seed ${TEST_SEED}, CAPSTAN_TEST_SEED replays it)`, () => {
  let folder = "";
  /** Killed under way: most of the writes are in the log only. */
  let killed = "";
  /** Ended in order: everything is in the store. */
  let stopped = "";
  let copies = 0;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), "capstan-faults-"));
    killed = join(folder, "killed");
    stopped = join(folder, "stopped");
    const server = await startCapstan({ dataDir: killed });
    const client = new RpcClient(server.target);
    const calls = new Calls(client);
    for (let i = 0; i < KEYS; i += 1) {
      await calls.put(keyName(i), markedValue(i, VALUE_BYTES));
    }
    client.close();
    await server.end("SIGKILL");
    cpSync(killed, stopped, { recursive: true });
    const second = await startCapstan({ dataDir: stopped });
    assert.equal(await second.end("SIGTERM"), 0, second.output());
  });

  after(() => rmSync(folder, { recursive: true, force: true }));

  function copyOf(template: string): string {
    copies += 1;
    const copy = join(folder, `copy-${copies}`);
    cpSync(template, copy, { recursive: true });
    return copy;
  }

  async function holdsAll(calls: Calls, count = KEYS): Promise<void> {
    const { kvs } = await calls.range({ key: Buffer.from("key/"), rangeEnd: Buffer.from("key0") });
    assert.deepEqual(
      kvs.map(({ key, value }) => [Buffer.from(key).toString(), describeValue(value)]),
      Array.from({ length: count }, (_, i) => [keyName(i), `${i}:${VALUE_BYTES}`]),
    );
  }

  function lastSegment(dataDir: string): Segment {
    const segment = segmentsOf(dataDir).at(-1);
    assert.ok(segment !== undefined && segment.frames.length > 100, "no log of many frames");
    return segment;
  }

  test("a log whose end was being written when the power went starts with everything", async (t) => {
    const dataDir = copyOf(killed);
    const { path, frames } = lastSegment(dataDir);
    const end = endOfFrame(path, frames.at(-1) ?? 0);
    const whole = readFileSync(path).subarray(frames.at(-2), frames.at(-1));
    // Half of a frame where the next one would stand, and a sector of noise behind it.
    patch(path, end, whole.subarray(0, whole.length / 2));
    patch(path, end + 512, Buffer.from(Array.from({ length: 512 }, () => random.integer(0, 255))));
    const calls = await mustStart(t, dataDir);
    await holdsAll(calls);
    await calls.put("more", Buffer.from("x"));
  });

  test("a log that was cut at its end by zeros or by length starts with everything", async (t) => {
    for (const cut of ["zeros", "length"]) {
      const dataDir = copyOf(killed);
      const { path, frames } = lastSegment(dataDir);
      const end = endOfFrame(path, frames.at(-1) ?? 0);
      if (cut === "length") truncateSync(path, end);
      else patch(path, end, Buffer.alloc(4096));
      await holdsAll(await mustStart(t, dataDir));
    }
  });

  test("a log that lost part of its last write starts with all writes before it", async (t) => {
    const dataDir = copyOf(killed);
    const { path, frames } = lastSegment(dataDir);
    truncateSync(path, endOfFrame(path, frames.at(-1) ?? 0) - 9);
    const calls = await mustStart(t, dataDir);
    const { count } = await calls.range({
      ...{ key: Buffer.from("key/"), rangeEnd: Buffer.from("key0"), countOnly: true },
    });
    assert.ok(Number(count) >= KEYS - 1, `${count} of ${KEYS} keys`);
    await holdsAll(calls, Number(count));
  });

  test("a flipped bit in the middle of the log is refused with file and offset", async (t) => {
    for (let i = 0; i < 3; i += 1) {
      const dataDir = copyOf(killed);
      const { path, frames } = lastSegment(dataDir);
      const frame = random.integer(10, frames.length - 20);
      const start = frames[frame] ?? 0;
      flipBit(path, start + random.integer(0, (frames[frame + 1] ?? 0) - start - 1));
      const file = path.split("/").at(-1);
      await mustRefuse(t, dataDir, new RegExp(`WAL is corrupt: .*${file} at offset ${start}`));
    }
  });

  test("a segment of the log that is gone is refused by name", async (t) => {
    const dataDir = copyOf(killed);
    // A second run makes a second segment.
    const start = await tryStart(t, dataDir);
    assert.ok("server" in start);
    await start.server.end("SIGKILL");
    const segments = segmentsOf(dataDir);
    assert.ok(segments.length >= 2);
    rmSync(segments[0]?.path ?? "");
    await mustRefuse(t, dataDir, /WAL segment is missing: .*\.wal/);
  });

  test(`${FLIPS} flipped bits in the store never give a wrong value`, async (t) => {
    const outcomes: Record<string, number> = {};
    for (let i = 0; i < FLIPS; i += 1) {
      const dataDir = copyOf(stopped);
      const file = join(dataDir, "member", "store", "data.mdb");
      const pages = Math.floor(statSync(file).size / PAGE_BYTES);
      const bytes = readFileSync(file);
      // Pages that are empty tell nothing.
      const used = Array.from({ length: pages }, (_, page) => page).filter((page) =>
        bytes.subarray(page * PAGE_BYTES, (page + 1) * PAGE_BYTES).some((byte) => byte !== 0),
      );
      const offset = random.pick(used) * PAGE_BYTES + random.integer(0, PAGE_BYTES - 1);
      flipBit(file, offset);
      const outcome = await readDamaged(t, dataDir, holdsAll);
      assert.ok(outcome !== "wrong", `bit flipped at ${offset} (page ${offset / PAGE_BYTES})`);
      outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
      rmSync(dataDir, { recursive: true });
    }
    t.diagnostic(`flipped bits in the store: ${JSON.stringify(outcomes)}`);
  });

  test("a store that lost its second half is refused, or its loss is named", async (t) => {
    const dataDir = copyOf(stopped);
    const file = join(dataDir, "member", "store", "data.mdb");
    truncateSync(file, Math.floor(statSync(file).size / 2 / PAGE_BYTES) * PAGE_BYTES);
    assert.notEqual(await readDamaged(t, dataDir, holdsAll), "wrong");
  });

  test("a log that ends before what the store has applied is refused", async (t) => {
    const dataDir = join(folder, "young");
    const server = await startCapstan({ dataDir });
    assert.equal(await server.end("SIGTERM"), 0, server.output());
    rmSync(join(dataDir, "member", "store"), { recursive: true });
    cpSync(join(stopped, "member", "store"), join(dataDir, "member", "store"), { recursive: true });
    await mustRefuse(t, dataDir, /"msg":"failed to start etcd".*"error":"[^"]*(log|WAL)/);
  });
});

/** A clear last line; without one, native code crashed. */
function namesDamage(output: string): boolean {
  return /"level":"fatal".*store/.test(output);
}

/** Starts on a damaged store and reads everything, once by range and key by key. */
async function readDamaged(
  t: TestContext,
  dataDir: string,
  holdsAll: (calls: Calls) => Promise<void>,
): Promise<"right" | "refused" | "stopped" | "refused a read" | "crashed" | "wrong"> {
  const start = await tryStart(t, dataDir);
  if ("refusal" in start) return namesDamage(start.refusal) ? "refused" : "crashed";
  const { server } = start;
  const client = new RpcClient(server.target);
  const calls = new Calls(client);
  try {
    await holdsAll(calls);
    for (let i = 0; i < KEYS; i += 7) {
      const { kvs } = await calls.range({ key: Buffer.from(keyName(i)) });
      assert.deepEqual(
        kvs.map(({ value }) => describeValue(value)),
        [`${i}:${VALUE_BYTES}`],
      );
    }
    return "right";
  } catch (error) {
    if (error instanceof assert.AssertionError) {
      t.diagnostic(error.message.split("\n").slice(0, 6).join(" | "));
      return "wrong";
    }
    const code = await Promise.race([server.exited, delay(STOP_MS, "alive")]);
    if (code === "alive") return "refused a read";
    return namesDamage(server.output()) ? "stopped" : "crashed";
  } finally {
    client.close();
    await server.end("SIGKILL");
  }
}
