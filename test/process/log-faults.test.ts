import assert from "node:assert/strict";
import { cpSync, readdirSync, readFileSync, rmSync, truncateSync } from "node:fs";
import { basename, join } from "node:path";
import { after, before, describe, test } from "node:test";
import { Random } from "../support/random.js";
import { startCapstan } from "../support/server-process.js";
import {
  flipBit,
  mustRefuse,
  mustStart,
  patch,
  readSample,
  SAMPLE_KEYS,
  Samples,
  sampleLines,
  tryStart,
} from "./support/damage.js";
import { TEST_SEED } from "./support/scale.js";

/** In every frame of the log, behind its checksum. */
const FRAME_MAGIC = Buffer.of(0xc7, 0x46, 0x52, 0x4d);
const MAGIC_OFFSET = 4;
const OFFSET_OFFSET = 16;
const BODY_BYTES_OFFSET = 20;
const FRAME_HEADER_BYTES = 32;
const SECTOR_BYTES = 512;

/** A segment of the log and where its frames begin. */
interface Segment {
  readonly path: string;
  readonly frames: readonly number[];
}

function segmentsOf(dataDir: string): Segment[] {
  const folder = join(dataDir, "member", "wal");
  return readdirSync(folder)
    .filter((name) => name.endsWith(".wal"))
    .sort()
    .map((name) => join(folder, name))
    .map((path) => ({ path, frames: frameStarts(readFileSync(path)) }))
    .filter(({ frames }) => frames.length > 0);
}

function frameStarts(bytes: Buffer): number[] {
  const starts: number[] = [];
  for (let at = bytes.indexOf(FRAME_MAGIC); at >= 0; at = bytes.indexOf(FRAME_MAGIC, at + 1)) {
    const start = at - MAGIC_OFFSET;
    if (bytes.readUInt32LE(start + OFFSET_OFFSET) === start) starts.push(start);
  }
  return starts;
}

/** The last segment with frames, and where the last frame ends. */
function lastSegment(dataDir: string): Segment & { readonly end: number } {
  const segment = segmentsOf(dataDir).at(-1);
  assert.ok(segment !== undefined && segment.frames.length > 100, "no log of many frames");
  const last = segment.frames.at(-1) ?? 0;
  const bodyBytes = readFileSync(segment.path).readUInt32LE(last + BODY_BYTES_OFFSET);
  return { ...segment, end: last + FRAME_HEADER_BYTES + bodyBytes };
}

describe(`a log that was damaged (seed ${TEST_SEED}, CAPSTAN_TEST_SEED replays it)`, () => {
  const random = new Random(TEST_SEED);
  const samples = new Samples();
  before(() => samples.make());
  after(() => samples.remove());

  test("starts with everything when a write was under way as the power went", async (t) => {
    const dataDir = samples.copyOf(samples.killed);
    const { path, frames, end } = lastSegment(dataDir);
    const whole = readFileSync(path).subarray(frames.at(-2), frames.at(-1));
    // Half of a frame where the next one would stand, and a sector of noise behind it.
    patch(path, end, whole.subarray(0, whole.length / 2));
    const noise = Array.from({ length: SECTOR_BYTES }, () => random.integer(0, 255));
    patch(path, end + SECTOR_BYTES, Buffer.from(noise));
    const calls = await mustStart(t, dataDir);
    assert.deepEqual(await readSample(calls), sampleLines());
    await calls.put("more", Buffer.from("x"));
  });

  test("starts with everything when zeros or nothing follow its end", async (t) => {
    for (const cut of ["zeros", "nothing"]) {
      const dataDir = samples.copyOf(samples.killed);
      const { path, end } = lastSegment(dataDir);
      if (cut === "nothing") truncateSync(path, end);
      else patch(path, end, Buffer.alloc(8 * SECTOR_BYTES));
      assert.deepEqual(await readSample(await mustStart(t, dataDir)), sampleLines());
    }
  });

  test("starts with all before its last write when that one lost bytes", async (t) => {
    const dataDir = samples.copyOf(samples.killed);
    const { path, end } = lastSegment(dataDir);
    truncateSync(path, end - 9);
    const lines = await readSample(await mustStart(t, dataDir));
    assert.ok(lines.length >= SAMPLE_KEYS - 1, `${lines.length} of ${SAMPLE_KEYS} keys`);
    assert.deepEqual(lines, sampleLines(lines.length));
  });

  test("is refused with file and offset when a bit in its middle flipped", async (t) => {
    for (let i = 0; i < 3; i += 1) {
      const dataDir = samples.copyOf(samples.killed);
      const { path, frames } = lastSegment(dataDir);
      const frame = random.integer(10, frames.length - 20);
      const start = frames[frame] ?? 0;
      const next = frames[frame + 1] ?? 0;
      flipBit(path, random.integer(start, next - 1), random.integer(0, 7));
      const words = `WAL is corrupt: .*${basename(path)} at offset ${start}`;
      await mustRefuse(t, dataDir, new RegExp(words));
    }
  });

  test("is refused by name when a segment is gone", async (t) => {
    const dataDir = samples.copyOf(samples.killed);
    // A second run makes a second segment.
    const start = await tryStart(t, dataDir);
    assert.ok("server" in start);
    await start.server.end("SIGKILL");
    const segments = segmentsOf(dataDir);
    assert.ok(segments.length >= 2);
    rmSync(segments[0]?.path ?? "");
    await mustRefuse(t, dataDir, /WAL segment is missing: .*\.wal/);
  });

  test("is refused when it ends before what the store has applied", async (t) => {
    const dataDir = join(samples.folder, "young");
    const server = await startCapstan({ dataDir });
    assert.equal(await server.end("SIGTERM"), 0, server.output());
    const store = join(dataDir, "member", "store");
    rmSync(store, { recursive: true });
    cpSync(join(samples.stopped, "member", "store"), store, { recursive: true });
    await mustRefuse(t, dataDir, /"msg":"failed to start etcd".*"error":"[^"]*(log|WAL|store)/);
  });
});
