import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Entry, HardState } from "../../src/raft-worker/core/entry.js";
import { WalLogStore } from "../../src/raft-worker/log-store.js";
import { WriteQueue } from "../../src/raft-worker/write-queue.js";
import { D14_SECONDS, SharedHistogram } from "../../src/shared/histogram.js";
import { WAL_SEGMENTS_RETAINED_MAX } from "../../src/shared/limits.js";
import { BoardSlot, StatusBoard } from "../../src/shared/status-board.js";
import { WalFailedError } from "../../src/wal/errors.js";
import type { Wal } from "../../src/wal/wal.js";
import { newLog, reopen } from "../wal/support/log-fixture.js";
import { systemError } from "../wal/support/sim-disk.js";

const HARD_STATE: HardState = { term: 2, vote: 1n, commit: 0 };

function entriesOf(first: number, terms: readonly number[]): Entry[] {
  return terms.map((term, at) => ({ index: first + at, term, payload: Buffer.from("payload") }));
}

function storeOver(wal: Wal) {
  const board = new StatusBoard();
  const syncSeconds = new SharedHistogram(D14_SECONDS);
  let timeMs = 0;
  const failures: unknown[] = [];
  let failed: () => void = () => {};
  const failure = new Promise<void>((resolve) => {
    failed = resolve;
  });
  const store = new WalLogStore({
    wal,
    board,
    syncSeconds,
    nowMs: () => {
      timeMs += 3;
      return timeMs;
    },
    fatal: (error) => {
      failures.push(error);
      failed();
    },
  });
  return { store, board, syncSeconds, failures, failure };
}

describe("WalLogStore", () => {
  test("append() says when a batch is on disk, and counts it", async () => {
    const { wal } = await newLog();
    const { store, board, syncSeconds } = storeOver(wal);
    await new Promise<void>((resolve) => {
      store.append({ entries: entriesOf(1, [1, 2]), hardState: HARD_STATE }, resolve);
    });
    assert.deepEqual(wal.last, { index: 2, term: 2 });
    assert.equal(board.get(BoardSlot.walSyncs), 1);
    assert.ok(board.get(BoardSlot.walBytes) > 0);
    assert.deepEqual(syncSeconds.snapshot().cumulativeCounts.slice(0, 3), [0, 0, 1]);
    await store.close();
  });

  test("append() is fatal, and never says done, when the disk fails", async () => {
    const { disk, wal } = await newLog();
    const { store, failures, failure } = storeOver(wal);
    disk.rules.fail = ({ path }) => systemError("EIO", path);
    let isDone = false;
    store.append({ entries: entriesOf(1, [1]), hardState: HARD_STATE }, () => {
      isDone = true;
    });
    await failure;
    assert.equal(failures.length, 1);
    assert.ok(failures[0] instanceof WalFailedError);
    assert.equal(isDone, false);
  });
});

describe("WalLogStore.truncate()", () => {
  /** Each start of a process begins a segment; every life writes one entry here. */
  async function walOfLives(lives: number) {
    const { disk, wal: first } = await newLog();
    let wal = first;
    for (let life = 1; life <= lives; life += 1) {
      await wal.append({ entries: entriesOf(life, [1]), hardState: HARD_STATE, sync: true });
      ({ wal } = await reopen(disk));
    }
    return wal;
  }

  test("keeps what is wanted, though it is held elsewhere", async () => {
    const wal = await walOfLives(WAL_SEGMENTS_RETAINED_MAX);
    const { store } = storeOver(wal);
    store.truncate({ wantedFrom: 4, heldBefore: 6 });
    await wal.append({ entries: [], hardState: HARD_STATE, sync: true });
    assert.deepEqual(wal.snapshot, { index: 3, term: 1 });
  });

  test("keeps no more segments than the bound for it, and nothing too few", async () => {
    const wal = await walOfLives(WAL_SEGMENTS_RETAINED_MAX + 5);
    const { store } = storeOver(wal);
    store.truncate({ wantedFrom: 1, heldBefore: 4 });
    await wal.append({ entries: [], hardState: HARD_STATE, sync: true });
    assert.deepEqual(wal.snapshot, { index: 3, term: 1 }, "the rest is not held elsewhere yet");
    store.truncate({ wantedFrom: 1, heldBefore: 100 });
    await wal.append({ entries: [], hardState: HARD_STATE, sync: true });
    assert.deepEqual(wal.snapshot, { index: 5, term: 1 });
    assert.equal(wal.lastIndexBeyond(WAL_SEGMENTS_RETAINED_MAX), 5);
  });
});

describe("WriteQueue", () => {
  test("add() leaves out entries that were replaced before they were written", () => {
    const batches: (readonly Entry[])[] = [];
    const dones: (() => void)[] = [];
    const queue = new WriteQueue(
      {
        append: ({ entries }, done) => {
          batches.push(entries);
          dones.push(done);
        },
        truncate: () => {},
        close: async () => {},
      },
      () => {},
    );
    const add = (sequence: number, entries: readonly Entry[]): void =>
      queue.add({
        kind: "persist",
        sequence,
        snapshot: undefined,
        entries,
        hardState: HARD_STATE,
      });
    add(1, entriesOf(1, [1]));
    queue.start();
    add(2, entriesOf(2, [1, 1]));
    add(3, entriesOf(3, [2]));
    queue.start();
    assert.equal(batches.length, 1, "one write at a time");
    dones[0]?.();
    assert.equal(queue.finishedSequence, 1);
    queue.start();
    assert.deepEqual(batches[1], [...entriesOf(2, [1]), ...entriesOf(3, [2])]);
    dones[1]?.();
    assert.equal(queue.finishedSequence, 3);
    assert.equal(queue.isIdle, true);
  });
});
