import { setTimeout as delay } from "node:timers/promises";
import { RpcClient } from "../src/main/client/rpc-client.js";
import { KVDefinition, RangeRequest } from "../src/shared/gen/etcdserverpb/rpc.js";
import { freePort, type ServerProcess } from "../test/support/server-process.js";
import { fill } from "./load/fill.js";
import type { LoadPlan } from "./load/plan.js";
import { readUsage } from "./load/server-usage.js";
import { countFlag, type FlagValues, LOAD_FLAGS, planOf, textFlag } from "./options.js";
import { figure, median, table } from "./report/table.js";
import {
  clearAwayOnSignals,
  type SubjectName,
  startSubject,
  subjects,
  withDataDir,
} from "./servers/subjects.js";
import { benchKey, prefixEnd } from "./wire/bench-key.js";
import { COMMON_PREFIX } from "./workloads/put.js";

const { seed, json, help, client } = LOAD_FLAGS;
const { "key-size": keySize, "val-size": valSize } = LOAD_FLAGS;

/** Flags of `restart`. */
export const RESTART_FLAGS = {
  "key-space-size": { type: "string", default: "1000000", help: "keys to make first" },
  runs: { type: "string", default: "3", help: "kills per server" },
  only: { type: "string", help: "capstan or etcd alone" },
  dir: { type: "string", help: "where data directories are made (the temporary directory)" },
  ...{ "key-size": keySize, "val-size": valSize, seed, client, json, help },
} as const;

const START_TIMEOUT_MS = 300_000;
const BYTES_PER_MIB = 1024 * 1024;

/** What was seen of one server. */
interface RestartResult {
  readonly subject: SubjectName;
  readonly fillSeconds: number;
  /** From the signal to the answer, one per kill. */
  readonly restartMs: readonly number[];
  readonly rssMib: { readonly filled: number; readonly restarted: number };
  readonly anonymousMib: { readonly filled: number; readonly restarted: number };
}

/**
 * Fills servers, kills them, and prints how long each takes until it answers a linearizable read.
 */
export async function restartCommand(values: FlagValues): Promise<number> {
  const runs = countFlag(values, "runs");
  clearAwayOnSignals();
  const results: RestartResult[] = [];
  for (const subject of subjects(textFlag(values, "only"))) {
    const result = await withDataDir(textFlag(values, "dir"), (dataDir) =>
      measureRestarts(subject, { dataDir, runs, values }),
    );
    results.push(result);
  }
  if (values.json === true) console.log(JSON.stringify({ node: process.version, results }));
  else printResults(results, countFlag(values, "key-space-size"));
  return 0;
}

interface RestartOptions {
  readonly dataDir: string;
  readonly runs: number;
  readonly values: FlagValues;
}

async function measureRestarts(
  subject: SubjectName,
  { dataDir, runs, values }: RestartOptions,
): Promise<RestartResult> {
  const start = async (): Promise<ServerProcess> =>
    startSubject(subject, {
      dataDir,
      port: await freePort(),
      readyTimeoutMs: START_TIMEOUT_MS,
    });
  let server = await start();
  try {
    const defaults = Object.entries(LOAD_FLAGS).map(([name, flag]) => [
      name,
      "default" in flag ? flag.default : undefined,
    ]);
    const plan = planOf("fill", [server.target], { ...Object.fromEntries(defaults), ...values });
    const filled = await fill(plan);
    const before = readUsage(server.pid);
    const restartMs: number[] = [];
    for (let run = 0; run < runs; run += 1) {
      const killedMs = performance.now();
      await server.end("SIGKILL");
      server = await start();
      await firstRead(server.target, plan);
      restartMs.push(performance.now() - killedMs);
    }
    const after = readUsage(server.pid);
    await checkCount(server.target, plan);
    return {
      subject,
      fillSeconds: filled.seconds,
      restartMs,
      rssMib: mib(before.rssBytes, after.rssBytes),
      anonymousMib: mib(before.anonymousBytes, after.anonymousBytes),
    };
  } finally {
    await server.dispose();
  }
}

function mib(filled: number, restarted: number): { filled: number; restarted: number } {
  return { filled: filled / BYTES_PER_MIB, restarted: restarted / BYTES_PER_MIB };
}

const RETRY_MS = 2;
const READ_TIMEOUT_MS = 1000;

/** Reads the key that was written last, again and again until it is answered. */
async function firstRead(target: string, plan: LoadPlan): Promise<void> {
  const key = benchKey(COMMON_PREFIX, plan.keySpaceSize - 1, plan.keySize);
  const giveUpMs = performance.now() + START_TIMEOUT_MS;
  for (;;) {
    const rpc = new RpcClient(target);
    try {
      const request = RangeRequest.fromPartial({ key });
      const options = { timeoutMs: READ_TIMEOUT_MS };
      const answer = await rpc.unary(KVDefinition, KVDefinition.methods.range, request, options);
      if (answer.kvs.length === 1) return;
      throw new Error(`after a restart of ${target} the last key is not there`);
    } catch (error) {
      if (performance.now() > giveUpMs) throw error;
      await delay(RETRY_MS);
    } finally {
      rpc.close();
    }
  }
}

/** Fails when not all keys are there: a fast restart that lost something is none. */
async function checkCount(target: string, plan: LoadPlan): Promise<void> {
  const rpc = new RpcClient(target);
  try {
    const key = Buffer.from(COMMON_PREFIX);
    const rangeEnd = prefixEnd(COMMON_PREFIX);
    const request = RangeRequest.fromPartial({ key, rangeEnd, countOnly: true });
    const answer = await rpc.unary(KVDefinition, KVDefinition.methods.range, request);
    if (Number(answer.count) !== plan.keySpaceSize) {
      throw new Error(`${answer.count} of ${plan.keySpaceSize} keys are there after the restarts`);
    }
  } finally {
    rpc.close();
  }
}

function printResults(results: readonly RestartResult[], keys: number): void {
  console.log(`SIGKILL to the first linearizable read, ${keys} keys, node ${process.version}`);
  const rows = results.map((result) => [
    result.subject,
    figure(median(result.restartMs)),
    result.restartMs.map((each) => figure(each)).join(" "),
    figure(result.fillSeconds),
    `${figure(result.rssMib.filled)} / ${figure(result.anonymousMib.filled)}`,
    `${figure(result.rssMib.restarted)} / ${figure(result.anonymousMib.restarted)}`,
  ]);
  const head = ["", "median ms", "each ms", "fill s", "RSS MiB filled", "RSS MiB restarted"];
  console.log(table([head, ...rows], 1));
  console.log("RSS: resident / without pages of files");
}
