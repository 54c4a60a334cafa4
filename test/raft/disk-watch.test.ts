import assert from "node:assert/strict";
import { test } from "node:test";
import { DiskWatch } from "../../src/raft-worker/disk-watch.js";

test("DiskWatch tells a write that takes too long, each time anew", () => {
  const watch = new DiskWatch(3);
  const stalled = { isIdle: false, finishedSequence: 7 };
  const verdicts = [1, 1, 1, 1, 1, 1, 1].map((ticks) => watch.tick(ticks, stalled));
  assert.deepEqual(verdicts, [false, false, false, true, false, false, true]);
});

test("DiskWatch is content while writes finish, however many wait, and while there are none", () => {
  const watch = new DiskWatch(2);
  for (let sequence = 1; sequence < 10; sequence += 1) {
    assert.equal(watch.tick(1, { isIdle: false, finishedSequence: sequence }), false);
  }
  for (let tick = 0; tick < 10; tick += 1) {
    assert.equal(watch.tick(1, { isIdle: true, finishedSequence: 9 }), false);
  }
});
