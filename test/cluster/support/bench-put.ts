import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Cluster } from "./cluster.js";

const run = promisify(execFile);
const BENCH_MAIN = join(import.meta.dirname, "..", "..", "..", "bench", "main.js");

/** Keys of the load generator begin so. */
export const BENCH_PREFIX = "bench/";

/** Writes this many puts, each an entry of the log, by the load generator through these members. */
export async function benchPut(
  cluster: Cluster,
  puts: {
    readonly total: number;
    readonly valueBytes: number;
    readonly through: readonly number[];
  },
): Promise<void> {
  const endpoints = puts.through.map((member) => cluster.network.target(member)).join(",");
  const flags = {
    endpoints,
    total: puts.total,
    // Long enough for the prefix.
    "key-size": 32,
    "val-size": puts.valueBytes,
    clients: 400,
    conns: 8,
    "key-space-size": 5000,
    "warmup-seconds": 0,
    "settle-seconds": 0,
  };
  const args = Object.entries(flags).map(([name, value]) => `--${name}=${value}`);
  await run(process.execPath, [BENCH_MAIN, "put", ...args]);
}
