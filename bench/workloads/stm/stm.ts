import { type Random, seededRandom } from "../../../src/shared/prng.js";
import type { StmLoad } from "../../load/loads.js";
import { benchKey } from "../../wire/bench-key.js";
import { randomValue } from "../../wire/value.js";
import type { Workload, WorkloadContext } from "../workload.js";
import { type Job, runTransaction } from "./attempt.js";
import { openLocker } from "./locker.js";

const STM_PREFIX = "bstmx/";
const KEY_BYTES = 16;

/** Software transactions on keys at random: what contention costs. */
export function stmWorkload(load: StmLoad, { share, seed }: WorkloadContext): Workload {
  const random = seededRandom(seed + share.thread);
  const value = randomValue(load.valSize, seed);
  const nextJob = (): Job => {
    const reads = distinct(load.keysPerTxn, load.keys, random).map((number) =>
      benchKey(STM_PREFIX, number, KEY_BYTES),
    );
    const writes = Math.floor((load.keysPerTxn * load.writePercent) / 100);
    return { reads, writes: reads.slice(0, writes), value };
  };
  return {
    unit: "txns",
    open: async (connection) => {
      const locker = await openLocker(load.locker, connection);
      const run = async (): Promise<void> => {
        await locker.lock();
        try {
          await runTransaction(connection, nextJob(), load.isolation);
        } finally {
          await locker.unlock();
        }
      };
      return (done) => void run().then(() => done(), done);
    },
  };
}

/** `count` different numbers below `limit`. */
function distinct(count: number, limit: number, random: Random): number[] {
  const numbers = new Set<number>();
  while (numbers.size < count) numbers.add(random.below(limit));
  return [...numbers];
}
