import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { explainFailure, runSeed } from "./run-seed.js";

/** Seeds of an ordinary run; continuous integration asks for more. */
const SEEDS_DEFAULT = 100;

/** What does not happen in every run. */
const RARER = { snapshots: 0, restarts: 0, changes: 0 };

const seeds = Number(process.env.CAPSTAN_SIM_SEEDS ?? SEEDS_DEFAULT);
const firstSeed = Number(process.env.CAPSTAN_SIM_FIRST_SEED ?? 1);

describe("a simulated cluster", () => {
  it("keeps its promises under faults and heals when they end", async (t) => {
    const sums = { operations: 0, elections: 0, reads: 0, watchEvents: 0, leases: 0, ...RARER };
    for (let seed = firstSeed; seed < firstSeed + seeds; seed += 1) {
      try {
        const outcome = await runSeed(seed);
        for (const name of Object.keys(sums) as (keyof typeof sums)[]) sums[name] += outcome[name];
      } catch (error) {
        assert.fail(await explainFailure(seed, error));
      }
    }
    t.diagnostic(`seeds ${firstSeed} to ${firstSeed + seeds - 1}: ${JSON.stringify(sums)}`);
    // Runs in which nothing happens would prove nothing.
    for (const [name, sum] of Object.entries(sums)) {
      const least = name in RARER ? seeds / 4 : seeds;
      assert.ok(sum > least, `only ${sum} ${name}`);
    }
  });

  it("does the same again from the same seed", async () => {
    for (const seed of [7, 8, 9]) {
      const [first, second] = [await runSeed(seed), await runSeed(seed)];
      assert.deepEqual(first, second);
    }
  });
});
