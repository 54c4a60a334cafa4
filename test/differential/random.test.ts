import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Random } from "../support/random.js";
import { skipWithoutEtcd, startEtcd } from "../support/server-process.js";
import { compareRun, type Difference, shrinkRun } from "./compare-run.js";
import { generateOperations } from "./generate.js";
import { describeOperation, type Operation } from "./operation.js";

/**
 * The same random calls to capstan and to real etcd, answers compared field by field.
 *   CAPSTAN_DIFF_SEED=N   first seed (default: from the clock, printed)
 *   CAPSTAN_DIFF_OPS=N    operations in all (default 2,000; CI runs 10,000)
 */
const OPERATIONS_PER_RUN = 250;
const SHRINK_TRIES_MAX = 60;
const operationsTotal = Number(process.env.CAPSTAN_DIFF_OPS ?? 2000);
const firstSeed = Number(process.env.CAPSTAN_DIFF_SEED ?? Date.now() % 1_000_000);
const runs = Math.ceil(operationsTotal / OPERATIONS_PER_RUN);

function report(seed: number, difference: Difference, operations: readonly Operation[]): string {
  const lines = operations.map((operation, index) => `  ${index}: ${describeOperation(operation)}`);
  return [
    `seed ${seed}: capstan and etcd differ (CAPSTAN_DIFF_SEED=${seed} CAPSTAN_DIFF_OPS=1 replays it)`,
    `at operation ${difference.index ?? "(watch)"}: ${difference.what}`,
    `etcd:    ${JSON.stringify(difference.etcd)}`,
    `capstan: ${JSON.stringify(difference.capstan)}`,
    "shortest sequence found:",
    ...lines,
  ].join("\n");
}

async function runSeed(seed: number): Promise<void> {
  const operations = generateOperations(new Random(seed), OPERATIONS_PER_RUN);
  const difference = await compareRun(operations);
  if (difference === undefined) return;
  const shortest = await shrinkRun(
    operations,
    async (candidate) => (await compareRun(candidate))?.kind === difference.kind,
    SHRINK_TRIES_MAX,
  );
  assert.fail(report(seed, (await compareRun(shortest)) ?? difference, shortest));
}

describe("random calls, capstan beside etcd", { skip: skipWithoutEtcd() }, () => {
  test("the harness finds no difference between etcd and etcd", async () => {
    const operations = generateOperations(new Random(firstSeed), OPERATIONS_PER_RUN);
    const difference = await compareRun(operations, () => startEtcd());
    assert.equal(difference, undefined);
  });

  test(`${runs * OPERATIONS_PER_RUN} operations from seed ${firstSeed}`, async (context) => {
    for (let run = 0; run < runs; run++) {
      context.diagnostic(`seed ${firstSeed + run}`);
      await runSeed(firstSeed + run);
    }
  });
});
