import { setTimeout as delay } from "node:timers/promises";
import { RpcClient } from "../../src/main/client/rpc-client.js";
import { KVDefinition, RangeRequest } from "../../src/shared/gen/etcdserverpb/rpc.js";
import { freePort, type ServerProcess } from "../../test/support/server-process.js";
import { PLAIN_CONNECT } from "../client/open-connection.js";
import { fill, fillPlan } from "../load/fill.js";
import type { FillLoad } from "../load/loads.js";
import type { Metric } from "../report/metrics.js";
import { readUsage } from "../servers/process-usage.js";
import { benchKey, prefixEnd } from "../wire/bench-key.js";
import { COMMON_PREFIX } from "../workloads/put.js";
import { type SubjectName, startSubject } from "./subjects.js";

const START_TIMEOUT_MS = 300_000;
const BYTES_PER_MIB = 1024 * 1024;

/** What a restart is measured with. */
export interface RestartOptions {
  readonly dataDir: string;
  readonly space: Omit<FillLoad, "kind">;
  readonly seed: number;
}

/**
 * Fills a server, kills it, and measures how long it takes from the signal until a new process on
 * the same directory answers a linearizable read; then looks whether all keys are there.
 */
export async function measureRestart(
  subject: SubjectName,
  { dataDir, space, seed }: RestartOptions,
): Promise<Metric[]> {
  const start = async (): Promise<ServerProcess> =>
    startSubject(subject, { dataDir, port: await freePort(), readyTimeoutMs: START_TIMEOUT_MS });
  let server = await start();
  try {
    const load: FillLoad = { kind: "fill", ...space };
    const endpoints = [server.target];
    const one = { threads: 1, conns: 1, clients: 1 };
    const plan = { load, endpoints, connect: PLAIN_CONNECT, seed, ...one };
    const filled = await fill(fillPlan(plan, space));
    const rssFilled = readUsage(server.pid).rssBytes;
    const killedMs = performance.now();
    await server.end("SIGKILL");
    server = await start();
    await firstRead(server.target, load);
    const restartMs = performance.now() - killedMs;
    const { rssBytes, anonymousBytes = Number.NaN } = readUsage(server.pid);
    await checkCount(server.target, space.keySpaceSize);
    return [
      { name: "ms to the first read", value: restartMs },
      { name: "RSS MiB filled", value: rssFilled / BYTES_PER_MIB },
      { name: "RSS MiB restarted", value: rssBytes / BYTES_PER_MIB },
      { name: "RSS MiB restarted without files", value: anonymousBytes / BYTES_PER_MIB },
      { name: "fill keys/s", value: filled.perSecond },
    ];
  } finally {
    await server.dispose();
  }
}

const RETRY_MS = 2;
const READ_TIMEOUT_MS = 1000;

/** Reads the key that was written last, again and again until it is answered. */
async function firstRead(target: string, load: FillLoad): Promise<void> {
  const key = benchKey(COMMON_PREFIX, load.keySpaceSize - 1, load.keySize);
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
async function checkCount(target: string, keys: number): Promise<void> {
  const rpc = new RpcClient(target);
  try {
    const key = Buffer.from(COMMON_PREFIX);
    const rangeEnd = prefixEnd(COMMON_PREFIX);
    const request = RangeRequest.fromPartial({ key, rangeEnd, countOnly: true });
    const answer = await rpc.unary(KVDefinition, KVDefinition.methods.range, request);
    if (Number(answer.count) !== keys) {
      throw new Error(`${answer.count} of ${keys} keys are there after the restart`);
    }
  } finally {
    rpc.close();
  }
}
