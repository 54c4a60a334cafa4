import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type CompactionPlan, compactionPlan } from "../../src/main/compaction/auto-compaction.js";

const HOUR_MS = 3_600_000;

/** Runs a plan over time, the revision being the number of milliseconds gone by. */
function run(plan: CompactionPlan, forMs: number): { at: number; to: number }[] {
  const compactions: { at: number; to: number }[] = [];
  for (let now = 0; now <= forMs; now += plan.sampleEveryMs) {
    const to = plan.sample(now);
    if (to !== undefined) compactions.push({ at: now, to });
  }
  return compactions;
}

describe("compactionPlan()", () => {
  test("gives none when it is off", () => {
    assert.equal(compactionPlan({ kind: "off" }), undefined);
  });

  test("periodic, under an hour: after one period, then every period, to one period ago", () => {
    const plan = compactionPlan({ kind: "periodic", retentionMs: HOUR_MS / 2 })!;
    assert.equal(plan.sampleEveryMs, HOUR_MS / 20);
    const half = HOUR_MS / 2;
    assert.deepEqual(run(plan, 1.6 * HOUR_MS), [
      { at: half, to: 0 },
      { at: 2 * half, to: half },
      { at: 3 * half, to: 2 * half },
    ]);
  });

  test("periodic, over an hour: after one period, then every hour", () => {
    const plan = compactionPlan({ kind: "periodic", retentionMs: 3 * HOUR_MS })!;
    assert.equal(plan.sampleEveryMs, HOUR_MS / 10);
    assert.deepEqual(run(plan, 5.5 * HOUR_MS), [
      { at: 3 * HOUR_MS, to: 0 },
      { at: 4 * HOUR_MS, to: HOUR_MS },
      { at: 5 * HOUR_MS, to: 2 * HOUR_MS },
    ]);
  });

  test("revision: every five minutes, to what is beyond the retention", () => {
    const plan = compactionPlan({ kind: "revision", retentionRevisions: 1000 })!;
    assert.equal(plan.sampleEveryMs, 300_000);
    assert.equal(plan.sample(1000), undefined);
    assert.equal(plan.sample(1001), 1);
    assert.equal(plan.sample(5000), 4000);
  });
});
