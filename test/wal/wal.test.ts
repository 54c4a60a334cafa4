import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { WalExistsError, WalFailedError, WalNotFoundError } from "../../src/wal/errors.js";
import { createWal, hasWal, openWal } from "../../src/wal/open-wal.js";
import type { Wal } from "../../src/wal/wal.js";
import {
  batchOf,
  DIRECTORY,
  entriesFrom,
  METADATA,
  newLog,
  reopen,
  simOptions,
} from "./support/log-fixture.js";
import { SimDisk, systemError } from "./support/sim-disk.js";

const HARD_STATE = { term: 3, vote: 0x8e9en, commit: 2 };

describe("createWal", () => {
  it("makes a log that opens empty, with its metadata", async () => {
    const disk = new SimDisk();
    assert.equal(await hasWal(disk.attach(), DIRECTORY), false);
    const wal = await createWal(simOptions(disk), METADATA);
    await wal.close();
    assert.equal(await hasWal(disk.attach(), DIRECTORY), true);
    const { recovered } = await reopen(disk);
    assert.deepEqual(recovered, {
      metadata: METADATA,
      hardState: { term: 0, vote: 0n, commit: 0 },
      snapshot: { index: 0, term: 0 },
      entries: [],
      last: { index: 0, term: 0 },
      torn: null,
    });
  });

  it("leaves a whole log or none when the machine stops at any operation", async () => {
    const outcomes = new Set<boolean>();
    for (let stopAt = 1; stopAt <= 7; stopAt++) {
      const disk = new SimDisk();
      disk.rules.stopAt = stopAt;
      const made = createWal(simOptions(disk), METADATA);
      await Promise.race([made, disk.whenStopped()]);
      disk.kill();
      const exists = await hasWal(disk.attach(), DIRECTORY);
      const opens = exists ? openWal(simOptions(disk)) : createWal(simOptions(disk), METADATA);
      await opens;
      outcomes.add(exists);
    }
    assert.deepEqual([...outcomes].sort(), [false, true]);
  });

  it("refuses a directory that has a log", async () => {
    const { disk } = await newLog();
    await assert.rejects(createWal(simOptions(disk), METADATA), WalExistsError);
  });
});

describe("openWal", () => {
  it("refuses a directory without a log", async () => {
    await assert.rejects(openWal(simOptions(new SimDisk())), WalNotFoundError);
  });

  it("makes no new file each time when nothing is written in between", async () => {
    const { disk, wal } = await newLog();
    await wal.append(batchOf(entriesFrom(1, 3)));
    for (let i = 0; i < 5; i++) {
      const opened = await reopen(disk);
      await opened.wal.close();
    }
    assert.equal(disk.paths().length, 2);
  });
});

describe("Wal.append", () => {
  it("makes one durable write per batch, however many entries it has", async () => {
    const { disk, wal } = await newLog({ segmentBytes: 1 << 20, allocationBytes: 1 << 18 });
    await wal.append(batchOf(entriesFrom(1, 1)));
    await settled(disk);
    const before = disk.operations.length;
    await wal.append(batchOf(entriesFrom(2, 5000), { hardState: HARD_STATE }));
    const kinds = disk.operations.slice(before).map((operation) => operation.kind);
    assert.deepEqual(kinds, ["writeDurably"]);
    assert.equal(wal.syncCount, 2);
  });

  it("goes on in the next segment when one is full, and keeps entries and hard state", async () => {
    const { disk, wal } = await newLog();
    await wal.append(batchOf(entriesFrom(1, 2), { hardState: HARD_STATE }));
    await appendOneByOne(wal, 3, 40);
    const { recovered } = await reopen(disk);
    assert.deepEqual(recovered.hardState, HARD_STATE);
    assert.deepEqual(
      recovered.entries.map((entry) => entry.index),
      Array.from({ length: 40 }, (_, i) => i + 1),
    );
    assert.ok(disk.paths().length > 3);
  });

  it("gives a batch that is larger than a segment a segment of its own", async () => {
    const { disk, wal } = await newLog();
    await wal.append(batchOf(entriesFrom(1, 1)));
    await wal.append(batchOf(entriesFrom(2, 3, { payloadBytes: 5000 })));
    await wal.append(batchOf(entriesFrom(5, 1)));
    const { recovered } = await reopen(disk);
    assert.deepEqual(recovered.last, { index: 5, term: 1 });
    assert.equal(recovered.entries[2]?.payload.length, 5000);
  });

  it("replaces entries that a batch of a later term repeats", async () => {
    const { disk, wal } = await newLog();
    await wal.append(batchOf(entriesFrom(1, 10)));
    await wal.append(batchOf(entriesFrom(4, 2, { term: 2 })));
    assert.deepEqual(wal.last, { index: 5, term: 2 });
    const { recovered } = await reopen(disk);
    assert.deepEqual(
      recovered.entries.map((entry) => [entry.index, entry.term]),
      [1, 2, 3]
        .map((index) => [index, 1])
        .concat([
          [4, 2],
          [5, 2],
        ]),
    );
  });

  it("forgets the log when a snapshot beyond it is installed", async () => {
    const { disk, wal } = await newLog();
    await wal.append(batchOf(entriesFrom(1, 3)));
    await wal.append(batchOf([], { snapshot: { index: 100, term: 4 } }));
    await wal.append(batchOf(entriesFrom(101, 1, { term: 4 })));
    const { recovered } = await reopen(disk);
    assert.deepEqual(recovered.snapshot, { index: 100, term: 4 });
    assert.deepEqual(
      recovered.entries.map((entry) => entry.index),
      [101],
    );
  });

  it("asserts that a batch follows the log, and that one is under way at a time", async () => {
    const { wal } = await newLog();
    await wal.append(batchOf(entriesFrom(1, 3, { term: 2 })));
    const wrong = [
      batchOf(entriesFrom(5, 1, { term: 2 })),
      batchOf(entriesFrom(4, 1, { term: 1 })),
      batchOf([], { hardState: { term: 2, vote: 0n, commit: 4 } }),
    ];
    for (const batch of wrong) await assert.rejects(wal.append(batch), /does not follow the log/);
    const first = wal.append(batchOf(entriesFrom(4, 1, { term: 2 })));
    await assert.rejects(wal.append(batchOf([])), /under way/);
    await first;
  });

  it("ends the log at the first failed write, and refuses ever after with the same error", async () => {
    for (const kind of ["writeDurably", "write", "sync"]) {
      const { disk, wal } = await newLog();
      await wal.append(batchOf(entriesFrom(1, 1)));
      await wal.append({ entries: entriesFrom(2, 1), sync: false });
      await settled(disk);
      let isBroken = true;
      disk.rules.fail = ({ kind: asked, path }) =>
        isBroken && kind.startsWith(asked) ? systemError("EIO", path) : null;
      const sync = kind !== "write";
      const error = await rejection(wal.append({ entries: entriesFrom(3, 1), sync }));
      assert.ok(error instanceof WalFailedError && !error.diskFull);
      isBroken = false;
      assert.equal(await rejection(wal.append(batchOf(entriesFrom(3, 1)))), error);
      assert.equal(wal.failure, error);
      await wal.close();
      const { recovered } = await reopen(disk);
      assert.deepEqual(recovered.entries[0]?.index, 1);
    }
  });
});

describe("Wal on a full disk", () => {
  it("warns while the next segment cannot be made, and fails by name when it is needed", async () => {
    const warnings: string[] = [];
    const { disk, wal } = await newLog({
      allocationBytes: 2048,
      warn: (message) => warnings.push(message),
    });
    disk.rules.capacityBytes = 2100;
    const written = await appendUntilRejected(wal);
    assert.match(warnings[0] ?? "", /no space to make the next WAL segment/);
    assert.equal(warnings.length, 1);
    const error = await rejection(wal.append(batchOf(entriesFrom(written + 1, 1))));
    assert.ok(error instanceof WalFailedError && error.diskFull);
    assert.match(error.message, /^WAL stopped: disk is full: \/data\/wal: ENOSPC/);
    disk.rules.capacityBytes = Number.POSITIVE_INFINITY;
    const { recovered } = await reopen(disk);
    assert.equal(recovered.last.index, written);
  });

  it("goes on when space came back before the next segment was needed", async () => {
    const warnings: string[] = [];
    const { disk, wal } = await newLog({
      allocationBytes: 2048,
      warn: (message) => warnings.push(message),
    });
    disk.rules.capacityBytes = 2100;
    await appendOneByOne(wal, 1, 5);
    await settled(disk);
    assert.equal(warnings.length, 1);
    disk.rules.capacityBytes = Number.POSITIVE_INFINITY;
    await appendOneByOne(wal, 6, 60);
    const { recovered } = await reopen(disk);
    assert.equal(recovered.last.index, 60);
  });

  it("says so when there is no room to open", async () => {
    const { disk, wal } = await newLog();
    await wal.append(batchOf(entriesFrom(1, 1)));
    disk.kill();
    disk.rules.capacityBytes = 600;
    const error = await rejection(openWal(simOptions(disk)));
    assert.ok(error instanceof WalFailedError && error.diskFull);
  });
});

describe("Wal.truncateBefore", () => {
  it("drops whole segments, reuses their files, and keeps what is not below the index", async () => {
    const { disk, wal } = await newLog();
    await wal.append(batchOf([], { hardState: { term: 3, vote: 9n, commit: 0 } }));
    await appendOneByOne(wal, 1, 60);
    await settled(disk);
    const before = disk.paths().length;
    wal.truncateBefore(55);
    await appendOneByOne(wal, 61, 61);
    await settled(disk);
    assert.ok(disk.paths().length < before);
    const creations = disk.operations.filter(isCreation).length;
    await appendOneByOne(wal, 62, 75);
    await settled(disk);
    assert.ok(disk.operations.filter(isCreation).length <= creations + 1, "files are reused");
    const { recovered, wal: reopened } = await reopen(disk);
    assert.deepEqual(recovered.snapshot, { index: 54, term: 1 });
    assert.deepEqual(recovered.hardState, { term: 3, vote: 9n, commit: 0 });
    assert.deepEqual(
      recovered.entries.map((entry) => entry.index),
      Array.from({ length: 21 }, (_, i) => 55 + i),
    );
    assert.deepEqual(reopened.snapshot, { index: 54, term: 1 });
  });

  it("never takes bytes of a reused file for the new segment's", async () => {
    const { disk, wal } = await newLog();
    for (let index = 1; index <= 200; index++) {
      await wal.append(batchOf(entriesFrom(index, 1, { payloadBytes: 100 + (index % 7) * 40 })));
      wal.truncateBefore(index);
      await settled(disk);
      const copy = disk.clone();
      const { recovered } = await openWal(simOptions(copy));
      assert.equal(recovered.last.index, index);
      assert.equal(recovered.torn, null);
    }
  });

  it("does nothing for an index that was let go, and stops at the log's end", async () => {
    const { disk, wal } = await newLog();
    await appendOneByOne(wal, 1, 4);
    wal.truncateBefore(100);
    wal.truncateBefore(2);
    await appendOneByOne(wal, 5, 5);
    assert.deepEqual(wal.snapshot, { index: 4, term: 1 });
    const { recovered } = await reopen(disk);
    assert.deepEqual(
      recovered.entries.map((entry) => entry.index),
      [5],
    );
  });

  it("ends the log when a directory cannot be synced", async () => {
    const { disk, wal } = await newLog();
    await appendOneByOne(wal, 1, 30);
    await settled(disk);
    disk.rules.fail = ({ kind, path }) =>
      kind === "syncDirectory" ? systemError("EIO", path) : null;
    wal.truncateBefore(30);
    await wal.append(batchOf(entriesFrom(31, 1)));
    await settled(disk);
    const error = await rejection(wal.append(batchOf(entriesFrom(32, 1))));
    assert.ok(error instanceof WalFailedError && !error.diskFull);
  });
});

/** One entry per batch, from `first` to `last`. */
async function appendOneByOne(wal: Wal, first: number, last: number): Promise<void> {
  for (let index = first; index <= last; index++) {
    await wal.append(batchOf(entriesFrom(index, 1, { payloadBytes: 120 })));
  }
}

/** Appends until it is refused; the index of the last entry that was taken. */
async function appendUntilRejected(wal: Wal): Promise<number> {
  for (let index = 1; index < 1000; index++) {
    const entries = entriesFrom(index, 1, { payloadBytes: 120 });
    const error = await rejection(wal.append(batchOf(entries)));
    if (error !== null) return index - 1;
  }
  return 1000;
}

async function rejection(work: Promise<unknown>): Promise<unknown> {
  try {
    await work;
    return null;
  } catch (error) {
    return error;
  }
}

/** Waits until the disk has had nothing to do for some turns. */
async function settled(disk: SimDisk): Promise<void> {
  for (let count = -1; count !== disk.operations.length; ) {
    count = disk.operations.length;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

function isCreation({ kind, path }: { kind: string; path: string }): boolean {
  return kind === "open" && path.endsWith(".tmp");
}
