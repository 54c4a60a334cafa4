import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Entry, HardState } from "../../src/raft-worker/core/entry.js";
import {
  LogMismatchError,
  type LogStart,
  type OpenedLog,
  openLog,
} from "../../src/raft-worker/open-log.js";
import { ConfChangeType, decodeConfChange } from "../../src/shared/messages/conf-change.js";
import { ENTRY_HEADER_BYTES, EntryKind, NO_FRONTEND } from "../../src/shared/messages/entry.js";
import type { LogPosition } from "../../src/wal/types.js";
import { DIRECTORY, METADATA, randomOf, simOptions } from "../wal/support/log-fixture.js";
import { SimDisk } from "../wal/support/sim-disk.js";
import { describeEntry } from "./support/describe.js";

const HARD_STATE: HardState = { term: 2, vote: 1n, commit: 0 };
const NOTHING = { index: 0, term: 0 };
const JUST_OPEN: LogStart = { bootstrap: [], forceNewCluster: false, installedSnapshot: undefined };
const BOOTSTRAP = [Buffer.from("one"), Buffer.from("two"), Buffer.from("three")];

function entriesOf(first: number, terms: readonly number[]): Entry[] {
  return terms.map((term, at) => ({ index: first + at, term, payload: Buffer.from("payload") }));
}

function open(
  disk: SimDisk,
  applied: LogPosition,
  start: Partial<LogStart> = {},
): Promise<OpenedLog> {
  return openLog(simOptions(disk), METADATA, applied, { ...JUST_OPEN, ...start });
}

/** A log on a disk that was left in order. */
async function diskWith(entries: readonly Entry[], hardState: HardState): Promise<SimDisk> {
  const disk = new SimDisk();
  const { wal } = await open(disk, NOTHING);
  await wal.append({ entries, hardState, sync: true });
  await wal.close();
  return disk;
}

/** What the log starts from, and finds again after a power cut right behind it. */
async function openTwice(
  disk: SimDisk,
  applied: LogPosition,
  start: Partial<LogStart>,
): Promise<OpenedLog> {
  const opened = await open(disk, applied, start);
  disk.crash(randomOf(1));
  const again = await open(disk, applied);
  assert.deepEqual(again.hardState, opened.hardState);
  assert.deepEqual(again.log.base, opened.log.base);
  assert.deepEqual(again.log.entries.map(describeEntry), opened.log.entries.map(describeEntry));
  await again.wal.close();
  return opened;
}

describe("openLog()", () => {
  test("makes the log of a new member, and finds it again with all that is in it", async () => {
    const disk = new SimDisk();
    const made = await open(disk, NOTHING);
    assert.deepEqual(made.log, { base: NOTHING, entries: [] });
    assert.deepEqual(made.hardState, { term: 0, vote: 0n, commit: 0 });
    await made.wal.append({ entries: entriesOf(1, [1, 2]), hardState: HARD_STATE, sync: true });
    await made.wal.close();
    const found = await open(disk, { index: 1, term: 1 }, { bootstrap: BOOTSTRAP });
    assert.deepEqual(found.hardState, { ...HARD_STATE, commit: 1 });
    assert.deepEqual(found.log.base, NOTHING);
    assert.deepEqual(found.log.entries.map(describeEntry), ["1/1:payload", "2/2:payload"]);
    await found.wal.close();
  });

  test("makes nothing when the store shows that there was a log", async () => {
    const disk = new SimDisk();
    await assert.rejects(open(disk, { index: 1, term: 1 }), LogMismatchError);
    assert.deepEqual(
      disk.paths().filter((path) => path.startsWith(DIRECTORY)),
      [],
    );
  });

  test("begins the log of a new cluster with its first entries, committed", async () => {
    const { hardState, log } = await openTwice(new SimDisk(), NOTHING, { bootstrap: BOOTSTRAP });
    assert.deepEqual(hardState, { term: 1, vote: 0n, commit: 3 });
    assert.deepEqual(log.base, NOTHING);
    assert.deepEqual(log.entries.map(describeEntry), ["1/1:one", "2/1:two", "3/1:three"]);
  });

  test("begins a log that a crash left empty", async () => {
    const disk = new SimDisk();
    const made = await open(disk, NOTHING);
    await made.wal.close();
    const { hardState, log } = await openTwice(disk, NOTHING, { bootstrap: BOOTSTRAP });
    assert.equal(hardState.commit, 3);
    assert.equal(log.entries.length, 3);
  });

  test("leaves a log alone that is empty but for a term", async () => {
    const disk = await diskWith([], { term: 4, vote: 7n, commit: 0 });
    const { hardState, log } = await openTwice(disk, NOTHING, { bootstrap: BOOTSTRAP });
    assert.deepEqual(hardState, { term: 4, vote: 7n, commit: 0 });
    assert.deepEqual(log.entries, []);
  });
});

describe("openLog(), --force-new-cluster", () => {
  test("commits all that the log holds, and that this member is alone", async () => {
    const disk = await diskWith(entriesOf(1, [1, 1, 2, 2, 2]), { term: 3, vote: 9n, commit: 3 });
    const applied = { index: 2, term: 1 };
    const opened = await openTwice(disk, applied, { forceNewCluster: true });
    assert.deepEqual(opened.hardState, { term: 4, vote: 0n, commit: 6 });
    assert.equal(opened.adoptedEntries, 2);
    assert.equal(opened.wal.last.index, 6);
    assert.deepEqual(
      opened.log.entries.map(({ index, term }) => [index, term]),
      [
        [1, 1],
        [2, 1],
        [3, 2],
        [4, 2],
        [5, 2],
        [6, 4],
      ],
    );
    const payload = opened.log.entries.at(-1)?.payload ?? new Uint8Array();
    assert.equal(payload[0], EntryKind.confChange);
    assert.equal(Buffer.from(payload).readUInt16LE(2), NO_FRONTEND);
    const change = decodeConfChange(payload.subarray(ENTRY_HEADER_BYTES));
    assert.equal(change.type, ConfChangeType.forceNewCluster);
    assert.equal(change.member.ID, METADATA.memberId);
  });

  test("counts what the store holds as committed", async () => {
    const disk = await diskWith(entriesOf(1, [1, 1, 2]), { term: 2, vote: 0n, commit: 0 });
    const start = { forceNewCluster: true };
    const { hardState, log, adoptedEntries } = await openTwice(disk, { index: 3, term: 2 }, start);
    assert.equal(hardState.commit, 4);
    assert.equal(log.entries.length, 4);
    assert.equal(adoptedEntries, 0);
  });

  test("is nothing to a member that has no log yet", async () => {
    const start = { forceNewCluster: true, bootstrap: BOOTSTRAP };
    const { hardState, adoptedEntries } = await openTwice(new SimDisk(), NOTHING, start);
    assert.equal(hardState.commit, 3);
    assert.equal(adoptedEntries, undefined);
  });
});

describe("openLog(), a snapshot that is in the store", () => {
  const installedSnapshot = { index: 10, term: 5 };

  test("restarts a log that ends before it", async () => {
    const disk = await diskWith(entriesOf(1, [1, 1, 2]), { term: 6, vote: 9n, commit: 3 });
    const opened = await openTwice(disk, installedSnapshot, { installedSnapshot });
    assert.equal(opened.isRestarted, true);
    assert.deepEqual(opened.hardState, { term: 6, vote: 9n, commit: 10 });
    assert.deepEqual(opened.log, { base: installedSnapshot, entries: [] });
    assert.deepEqual(opened.wal.snapshot, installedSnapshot);
  });

  test("restarts a log of another history, in the snapshot's term if that is newer", async () => {
    const disk = await diskWith(entriesOf(1, new Array(12).fill(2)), {
      term: 2,
      vote: 9n,
      commit: 3,
    });
    const opened = await openTwice(disk, installedSnapshot, { installedSnapshot });
    assert.deepEqual(opened.hardState, { term: 5, vote: 0n, commit: 10 });
    assert.deepEqual(opened.wal.last, installedSnapshot);
  });

  test("restarts it behind what was applied since", async () => {
    const disk = await diskWith(entriesOf(1, [1]), { term: 6, vote: 9n, commit: 1 });
    const applied = { index: 12, term: 6 };
    const opened = await openTwice(disk, applied, { installedSnapshot });
    assert.deepEqual(opened.log, { base: applied, entries: [] });
  });

  test("restarts the log of a member that joined and has nothing yet", async () => {
    const disk = await diskWith([], { term: 0, vote: 0n, commit: 0 });
    const opened = await openTwice(disk, installedSnapshot, { installedSnapshot });
    assert.deepEqual(opened.hardState, { term: 5, vote: 0n, commit: 10 });
  });

  test("leaves a log alone that leads to it and goes on", async () => {
    const terms = [...new Array(9).fill(4), 5, 5];
    const disk = await diskWith(entriesOf(1, terms), { term: 5, vote: 9n, commit: 10 });
    const opened = await openTwice(disk, installedSnapshot, { installedSnapshot });
    assert.equal(opened.isRestarted, false);
    assert.equal(opened.log.entries.length, 11);
    assert.deepEqual(opened.log.base, NOTHING);
  });

  test("does not excuse a store that is ahead of a log that was restarted already", async () => {
    const disk = await diskWith(entriesOf(1, [1]), { term: 6, vote: 9n, commit: 1 });
    const opened = await open(disk, installedSnapshot, { installedSnapshot });
    await opened.wal.close();
    const applied = { index: 12, term: 6 };
    await assert.rejects(open(disk, applied, { installedSnapshot }), LogMismatchError);
  });

  test("does not excuse a store that is ahead for no such reason", async () => {
    const disk = await diskWith(entriesOf(1, [1]), { term: 1, vote: 9n, commit: 1 });
    await assert.rejects(open(disk, { index: 4, term: 1 }), LogMismatchError);
    await assert.rejects(
      open(disk, { index: 4, term: 1 }, { installedSnapshot }),
      LogMismatchError,
    );
  });
});

describe("openLog(), the power cut at each of its steps", () => {
  const installedSnapshot = { index: 10, term: 5 };
  const tail = entriesOf(1, [1, 1, 2]);
  const cases: readonly (readonly [
    what: string,
    disk: () => Promise<SimDisk>,
    applied: LogPosition,
    start: Partial<LogStart>,
    check: (opened: OpenedLog) => void,
  ])[] = [
    [
      "a new cluster",
      async () => new SimDisk(),
      NOTHING,
      { bootstrap: BOOTSTRAP },
      ({ hardState, log }) => {
        assert.deepEqual(hardState, { term: 1, vote: 0n, commit: 3 });
        assert.deepEqual(log.entries.map(describeEntry), ["1/1:one", "2/1:two", "3/1:three"]);
      },
    ],
    [
      "--force-new-cluster",
      () => diskWith(tail, { term: 2, vote: 9n, commit: 2 }),
      { index: 1, term: 1 },
      { forceNewCluster: true },
      ({ hardState, log }) => {
        const last = log.entries.at(-1);
        assert.equal(last?.payload[0], EntryKind.confChange);
        assert.equal(hardState.commit, last?.index);
        assert.deepEqual(
          log.entries.slice(0, 3).map(({ index, term }) => [index, term]),
          [
            [1, 1],
            [2, 1],
            [3, 2],
          ],
        );
      },
    ],
    [
      "a snapshot that is in the store",
      () => diskWith(tail, { term: 2, vote: 9n, commit: 2 }),
      installedSnapshot,
      { installedSnapshot },
      ({ hardState, log }) => {
        assert.deepEqual(hardState, { term: 5, vote: 0n, commit: 10 });
        assert.deepEqual(log, { base: installedSnapshot, entries: [] });
      },
    ],
  ];
  for (const [what, prepare, applied, start, check] of cases) {
    test(`leaves ${what} to be done, or done`, async () => {
      const before = await prepare();
      let steps = 0;
      for (let isDone = false; !isDone; steps += 1) {
        const disk = before.clone();
        disk.rules.stopAt = disk.operationCount + 1 + steps;
        const opening = open(disk, applied, start).then(() => "done");
        isDone = (await Promise.race([opening, disk.whenStopped()])) === "done";
        disk.crash(randomOf(steps));
        const opened = await open(disk, applied, start);
        check(opened);
        await opened.wal.close();
      }
      assert.ok(steps > 3, `${steps} steps`);
    });
  }
});
