import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { nativeCrc32 } from "../../src/wal/crc32.js";
import {
  WalCorruptError,
  WalForeignFileError,
  WalMissingSegmentError,
  WalTooNewError,
} from "../../src/wal/errors.js";
import { openWal } from "../../src/wal/open-wal.js";
import { encodeSegmentHeader } from "../../src/wal/segment-format.js";
import type { WalBatch } from "../../src/wal/types.js";
import { batchOf, DIRECTORY, entriesFrom, newLog, simOptions } from "./support/log-fixture.js";
import { applyToTwin, EMPTY_TWIN, plainLog, plainTwin } from "./support/log-twin.js";
import type { SimDisk } from "./support/sim-disk.js";

/** Where each batch's frame begins, and the log's state before it. */
interface Mark {
  readonly file: string;
  readonly offset: number;
  readonly stateBefore: string;
}

interface Sample {
  readonly disk: SimDisk;
  readonly files: readonly string[];
  readonly marks: readonly Mark[];
  readonly finalState: string;
  /** Place after the last frame. */
  readonly end: { readonly file: string; readonly offset: number };
}

const BATCHES: readonly WalBatch[] = [
  batchOf(entriesFrom(1, 2), { hardState: { term: 1, vote: 7n, commit: 0 } }),
  batchOf(entriesFrom(3, 3, { payloadBytes: 90 }), { hardState: { term: 1, vote: 7n, commit: 3 } }),
  batchOf(entriesFrom(6, 1, { payloadBytes: 200 })),
  batchOf(entriesFrom(7, 2, { payloadBytes: 60 })),
  batchOf(entriesFrom(8, 3, { term: 2 }), { hardState: { term: 2, vote: 0n, commit: 7 } }),
  batchOf(entriesFrom(11, 1, { term: 2, payloadBytes: 150 }), { snapshot: { index: 2, term: 1 } }),
  batchOf(entriesFrom(12, 2, { term: 2 })),
];

describe("openWal on a damaged log", () => {
  let open: Sample;
  let closed: Sample;

  before(async () => {
    open = await makeSample(false);
    closed = await makeSample(true);
    assert.ok(open.files.length >= 3, "the sample has several segments");
  });

  it("refuses every flipped byte that a later frame vouches for, and cuts only the last write", async () => {
    for (const sample of [open, closed]) {
      for (const { file, offset, disk } of flips(sample)) {
        const found = outcome(await tryOpen(disk));
        assert.equal(found, expectedAfterFlip(sample, file, offset), `${file} byte ${offset}`);
      }
    }
  });

  it("names the file and the frame of a flipped byte", async () => {
    let named = 0;
    for (const mark of closed.marks.slice(0, -1)) {
      const disk = closed.disk.clone();
      const bytes = disk.contents(path(mark.file));
      bytes[mark.offset + 40] = (bytes[mark.offset + 40] ?? 0) ^ 4;
      disk.setContents(path(mark.file), bytes);
      const { error } = await tryOpen(disk);
      assert.ok(error instanceof WalCorruptError);
      assert.deepEqual(error.place, { file: mark.file, offset: mark.offset });
      const text = `WAL is corrupt: ${mark.file} at offset ${mark.offset}: expected a frame with`;
      assert.ok(error.message.startsWith(text), error.message);
      named++;
    }
    assert.equal(named, BATCHES.length);
  });

  it("recovers a whole prefix, or refuses, when a file ends at any byte", async () => {
    const known = new Set([...open.marks.map((mark) => mark.stateBefore), open.finalState]);
    for (const file of open.files) {
      const bytes = open.disk.contents(path(file));
      for (let size = 0; size < bytes.length; size++) {
        const disk = open.disk.clone();
        disk.setContents(path(file), bytes.slice(0, size));
        const found = outcome(await tryOpen(disk));
        const cutsTail = file === open.end.file && size >= 160;
        const isWhole = size >= endOf(open, file);
        const wrong = isWhole ? found !== open.finalState : found !== "refused";
        assert.ok(cutsTail ? known.has(found) : !wrong, `${file} of ${size} bytes: ${found}`);
      }
    }
  });

  it("says how many bytes of a torn write it cut", async () => {
    const last = open.marks[open.marks.length - 1];
    assert.ok(last !== undefined && last.file === open.end.file);
    const disk = open.disk.clone();
    const bytes = disk.contents(path(last.file));
    bytes.fill(0, open.end.offset - 8);
    disk.setContents(path(last.file), bytes);
    const { recovered } = await openWal(simOptions(disk));
    const { offset } = last;
    assert.deepEqual(recovered.torn, { file: last.file, offset, bytes: open.end.offset - offset });
    const again = await openWal(simOptions(disk));
    assert.equal(JSON.stringify(plainLog(again.recovered)), JSON.stringify(plainLog(recovered)));
  });

  it("refuses a log of which any segment but one not begun is gone", async () => {
    for (const file of open.files.slice(0, -1)) {
      const disk = open.disk.clone();
      disk.discard(path(file));
      const { error } = await tryOpen(disk);
      assert.ok(error instanceof WalMissingSegmentError, `${file}: ${error}`);
    }
  });

  it("tells a newer format from damage, by name", async () => {
    const file = open.files[1] ?? "";
    const disk = open.disk.clone();
    const bytes = disk.contents(path(file));
    const header = encodeSegmentHeader(
      { sequence: 2, clusterId: 1n, memberId: 2n, salt: 3n },
      nativeCrc32,
    );
    header[8] = 2;
    const checksum = nativeCrc32(header.subarray(0, 60), 0);
    new DataView(header.buffer).setUint32(60, checksum, true);
    bytes.set(header);
    disk.setContents(path(file), bytes);
    const { error } = await tryOpen(disk);
    assert.ok(error instanceof WalTooNewError);
    assert.equal(error.version, 2);
    assert.match(error.message, /WAL is too new: 0000000000000002\.wal has format version 2/);
  });

  it("refuses another program's .wal, and another member's segment, and leaves other files be", async () => {
    const foreign = open.disk.clone();
    foreign.setContents(path("0000000000000000-0000000000000000.wal"), new Uint8Array(64));
    assert.ok((await tryOpen(foreign)).error instanceof WalForeignFileError);

    const mixed = open.disk.clone();
    const { disk: other } = await newLog();
    mixed.setContents(path("0000000000000002.wal"), other.contents(path("0000000000000001.wal")));
    assert.ok((await tryOpen(mixed)).error instanceof WalCorruptError);

    const noted = open.disk.clone();
    noted.setContents(path("lost+found"), new Uint8Array(3));
    noted.setContents(path("0000000000000009.wal.tmp"), new Uint8Array(3));
    assert.equal((await tryOpen(noted)).state, open.finalState);
    assert.ok(noted.paths().includes(path("lost+found")));
    assert.ok(!noted.paths().includes(path("0000000000000009.wal.tmp")));
  });

  it("changes nothing on disk when it refuses", async () => {
    const disk = open.disk.clone();
    const file = open.files[0] ?? "";
    const bytes = disk.contents(path(file));
    bytes[170] = (bytes[170] ?? 0) ^ 0xff;
    disk.setContents(path(file), bytes);
    const operations = disk.operations.length;
    assert.ok((await tryOpen(disk)).error instanceof WalCorruptError);
    const kinds = new Set(disk.operations.slice(operations).map((operation) => operation.kind));
    assert.deepEqual([...kinds].sort(), ["close", "list", "open", "read", "size"]);
  });
});

async function makeSample(closes: boolean): Promise<Sample> {
  const { disk, wal } = await newLog({ segmentBytes: 900, allocationBytes: 64 });
  const marks: Mark[] = [];
  let state = EMPTY_TWIN;
  for (const batch of BATCHES) {
    const before = JSON.stringify(plainTwin(state));
    await wal.append(batch);
    const write = disk.operations.findLast((operation) => operation.kind === "writeDurably");
    marks.push({ ...frameOf(disk, write?.path ?? "", marks), stateBefore: before });
    state = applyToTwin(state, batch);
  }
  const finalState = JSON.stringify(plainTwin(state));
  // Without close: as a process leaves it that is killed when all is quiet.
  await new Promise((resolve) => setImmediate(resolve));
  if (closes) {
    await wal.close();
    marks.push({
      ...frameOf(disk, path(marks.at(-1)?.file ?? ""), marks),
      stateBefore: finalState,
    });
  }
  disk.kill();
  const files = disk.paths().map((file) => file.slice(DIRECTORY.length + 1));
  const last = marks.at(-1);
  assert.ok(last !== undefined);
  const end = { file: last.file, offset: frameEnd(disk, path(last.file), last.offset) };
  return { disk, files: files.filter((file) => file <= end.file), marks, finalState, end };
}

/** The last frame in a file, by walking from the first. */
function frameOf(disk: SimDisk, file: string, marks: readonly Mark[]): Omit<Mark, "stateBefore"> {
  const name = file.slice(DIRECTORY.length + 1);
  const before = marks.at(-1);
  const offset = before?.file === name ? frameEnd(disk, file, before.offset) : 160;
  return { file: name, offset };
}

function frameEnd(disk: SimDisk, file: string, offset: number): number {
  const bytes = disk.contents(file);
  return offset + 32 + new DataView(bytes.buffer).getUint32(offset + 20, true);
}

/** Where what counts of a file ends. */
function endOf(sample: Sample, file: string): number {
  const last = sample.marks.findLast((mark) => mark.file === file);
  return last === undefined ? 0 : frameEnd(sample.disk, path(file), last.offset);
}

function* flips(sample: Sample): Generator<{ file: string; offset: number; disk: SimDisk }> {
  for (const file of sample.files) {
    const bytes = sample.disk.contents(path(file));
    for (let offset = 0; offset < bytes.length; offset++) {
      const disk = sample.disk.clone();
      const flipped = bytes.slice();
      flipped[offset] = (flipped[offset] ?? 0) ^ (1 << (offset % 8));
      disk.setContents(path(file), flipped);
      yield { file, offset, disk };
    }
  }
}

async function tryOpen(disk: SimDisk): Promise<{ state: string | null; error: unknown }> {
  try {
    const { recovered } = await openWal(simOptions(disk));
    return { state: JSON.stringify(plainLog(recovered)), error: null };
  } catch (error) {
    return { state: null, error };
  }
}

/** The state that was recovered, or "refused" by one of the named errors. */
function outcome(found: { state: string | null; error: unknown }): string {
  if (found.state !== null) return found.state;
  const named = [WalCorruptError, WalForeignFileError, WalMissingSegmentError, WalTooNewError];
  return named.some((type) => found.error instanceof type) ? "refused" : String(found.error);
}

/** Only the last frame may be taken for a torn write; what is behind it never counts. */
function expectedAfterFlip(sample: Sample, file: string, offset: number): string {
  const last = sample.marks.at(-1);
  assert.ok(last !== undefined);
  if (offset >= endOf(sample, file)) return sample.finalState;
  return file === last.file && offset >= last.offset ? last.stateBefore : "refused";
}

function path(file: string): string {
  return `${DIRECTORY}/${file}`;
}
