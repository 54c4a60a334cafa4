import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { ChaosRun } from "./support/chaos.js";

const SCALE = Number(process.env.CAPSTAN_TEST_SCALE ?? 1);
const STEPS = 4000;

for (const size of [3, 4, 5]) {
  test(`a group of ${size} stays safe under faults and recovers when they end`, (t) => {
    let committed = 0;
    let reads = 0;
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 31 }), (seed) => {
        const run = new ChaosRun(seed, size);
        run.disturb(STEPS);
        committed += run.checker.committed.length;
        reads += run.checker.readsAnswered;
        run.heal();
      }),
      { numRuns: Math.ceil(250 * SCALE) },
    );
    t.diagnostic(`${committed} committed, ${reads} reads`);
    // A schedule in which nothing ever happens would prove nothing.
    assert.ok(committed > 100, `only ${committed} entries were committed`);
    assert.ok(reads > 100, `only ${reads} reads were answered`);
  });
}
