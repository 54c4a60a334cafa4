import assert from "node:assert/strict";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { after, before, describe, it } from "node:test";
import { dumpWal } from "../../src/wal/dump.js";
import { nodeDisk } from "../../src/wal/node-disk.js";
import { createWal, hasWal, openWal, type WalOptions } from "../../src/wal/open-wal.js";
import { batchOf, countingSalt, entriesFrom, METADATA } from "./support/log-fixture.js";

describe("nodeDisk", () => {
  let parent = "";

  before(() => {
    parent = fs.mkdtempSync(path.join(os.tmpdir(), "capstan-wal-"));
  });

  after(() => fs.rmSync(parent, { recursive: true, force: true }));

  it("carries a log through rolls, truncation, restarts and a torn tail", async () => {
    const options = realOptions(path.join(parent, "deep", "member", "wal"));
    const { disk, directory } = options;
    assert.equal(await hasWal(disk, directory), false);
    let wal = await createWal(options, METADATA);
    for (let index = 1; index <= 300; index++) {
      const entries = entriesFrom(index, 1, { payloadBytes: 1000 });
      await wal.append({ entries, sync: index % 3 !== 0 });
      if (index % 50 === 0) wal.truncateBefore(index - 20);
    }
    await wal.append(batchOf([], { hardState: { term: 1, vote: 5n, commit: 300 } }));
    await wal.close();
    const opened = await openWal(options);
    wal = opened.wal;
    assert.deepEqual(opened.recovered.last, { index: 300, term: 1 });
    assert.deepEqual(opened.recovered.snapshot, { index: 279, term: 1 });
    assert.deepEqual(opened.recovered.hardState, { term: 1, vote: 5n, commit: 300 });
    assert.equal(opened.recovered.entries[0]?.payload.length, 1000);
    assert.ok(fs.readdirSync(directory).length < 8);
    await wal.append(batchOf(entriesFrom(301, 2)));
    await wal.append(batchOf(entriesFrom(303, 1)));
    await wal.close();
    // As a crash would: without the mark of the end, and with half of the last entry's frame.
    const newest = fs.readdirSync(directory).sort().at(-2) ?? "";
    const bytes = fs.readFileSync(path.join(directory, newest));
    fs.writeFileSync(path.join(directory, newest), bytes.fill(0, lastNonZero(bytes) - 60));
    const { recovered } = await openWal(options);
    assert.deepEqual(recovered.last, { index: 302, term: 1 });
    assert.ok((recovered.torn?.bytes ?? 0) > 32);
  });

  it("writes many chunks where they belong, and reads what is there", async () => {
    const file = await nodeDisk.open(path.join(parent, "chunks"), "create");
    const chunks = Array.from({ length: 40 }, (_, i) => Buffer.alloc(i * 37, i));
    await file.write(chunks, 100);
    await file.writeDurably([Buffer.from("head")], 0);
    await file.sync();
    const whole = Buffer.concat([Buffer.from("head"), Buffer.alloc(96), ...chunks]);
    assert.equal(await file.size(), whole.length);
    assert.deepEqual(Buffer.from(await file.read(0, whole.length + 50)), whole);
    assert.equal((await file.read(whole.length + 5, 10)).length, 0);
    await file.close();
  });

  it("says what the system said when it fails", async () => {
    await assert.rejects(nodeDisk.open(path.join(parent, "none"), "read"), { code: "ENOENT" });
    await assert.rejects(nodeDisk.remove(path.join(parent, "none")), { code: "ENOENT" });
    assert.deepEqual(await nodeDisk.list(path.join(parent, "none")), []);
  });

  it("lets the log be printed while it is written", async () => {
    const options = realOptions(path.join(parent, "live"));
    const wal = await createWal(options, METADATA);
    let isDone = false;
    const writing = (async () => {
      for (let index = 1; index <= 200; index++) {
        await wal.append(batchOf(entriesFrom(index, 1, { payloadBytes: 300 })));
      }
      isDone = true;
    })();
    const problems: string[] = [];
    while (!isDone) {
      const lines: string[] = [];
      await dumpWal(nodeDisk, options.directory, (line) => lines.push(line));
      problems.push(...lines.filter((line) => line.startsWith("problem")));
    }
    await writing;
    await wal.close();
    assert.deepEqual(problems, []);
  });
});

function realOptions(directory: string): WalOptions {
  return {
    disk: nodeDisk,
    directory,
    drawSalt: countingSalt(),
    segmentBytes: 32 * 1024,
    allocationBytes: 4096,
  };
}

function lastNonZero(bytes: Uint8Array): number {
  let last = bytes.length - 1;
  while (last > 0 && bytes[last] === 0) last--;
  return last;
}
