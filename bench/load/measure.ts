import { setTimeout as delay } from "node:timers/promises";
import type { LatencySummary } from "./latency-histogram.js";
import { LoadThreads } from "./load-threads.js";
import type { LoadLimits, LoadPlan } from "./plan.js";
import { type ProcessUsage, readDeviceWriteBytes, readUsage, sumUsage } from "./server-usage.js";

/** What to do around a run. */
export interface MeasureOptions {
  readonly limits: LoadLimits;
  /** Run that is not measured, before. */
  readonly warmupSeconds: number;
  /** Server to look at, by its processes: one, or the members of a cluster. */
  readonly pids?: readonly number[] | undefined;
  /** Its data directory, or one that is on the same disk, to see what reaches that. */
  readonly dataDir?: string | undefined;
  /** How long after the run its work in the background is still counted. */
  readonly settleSeconds: number;
}

/** What one run showed. */
export interface Measurement {
  readonly unit: string;
  readonly count: number;
  readonly failures: number;
  readonly firstFailure?: string | undefined;
  readonly seconds: number;
  readonly perSecond: number;
  readonly latency: LatencySummary;
  /** CPU time of this process per unit. */
  readonly clientCpuUsPerUnit: number;
  /** Of the server, where its processes were given; the sum over all of them. */
  readonly server?: ServerCost;
}

/** What a run cost the server. */
export interface ServerCost {
  readonly cpuUsPerUnit: number;
  /** Of pages that it dirtied, see ProcessUsage. */
  readonly writeBytesPerUnit: number;
  /** What reached the disk, other programs' writes included; where the data directory was given. */
  readonly deviceBytesPerUnit: number | undefined;
  readonly rssBytes: number;
  readonly anonymousBytes: number;
}

/** Makes a load and measures it. */
export async function measure(plan: LoadPlan, options: MeasureOptions): Promise<Measurement> {
  const threads = await LoadThreads.start(plan);
  try {
    if (options.warmupSeconds > 0) {
      const { calls } = await threads.run({
        calls: Number.POSITIVE_INFINITY,
        seconds: options.warmupSeconds,
      });
      await threads.settle(calls);
    }
    const before = serverState(options);
    const clientBefore = process.cpuUsage();
    const run = await threads.run(options.limits);
    const deliveries = await threads.settle(run.callsTotal);
    const clientCpu = process.cpuUsage(clientBefore);
    const count = deliveries?.count ?? run.calls * threads.unitsPerCall;
    const seconds = ((deliveries?.endedUs ?? run.endedUs) - run.startedUs) / 1_000_000;
    const cost = await serverCost(before, count, options);
    return {
      unit: threads.unit,
      count,
      failures: run.failures,
      firstFailure: run.firstFailure,
      seconds,
      perSecond: count / seconds,
      latency: (deliveries?.latencies ?? run.latencies).summary(),
      clientCpuUsPerUnit: (clientCpu.user + clientCpu.system) / count,
      ...(cost === undefined ? {} : { server: cost }),
    };
  } finally {
    await threads.stop();
  }
}

/** A server's figures at one moment. */
export interface ServerState {
  readonly usage: ProcessUsage;
  readonly deviceBytes: number | undefined;
}

/** Looks at the server; undefined when it was not said which it is. */
export function serverState({ pids, dataDir }: MeasureOptions): ServerState | undefined {
  if (pids === undefined) return undefined;
  const deviceBytes = dataDir === undefined ? undefined : readDeviceWriteBytes(dataDir);
  return { usage: sumUsage(pids.map(readUsage)), deviceBytes };
}

/**
 * What a run of `count` units cost a server since `before`, its work in the background included.
 */
export async function serverCost(
  before: ServerState | undefined,
  count: number,
  options: MeasureOptions,
): Promise<ServerCost | undefined> {
  if (before === undefined) return undefined;
  await delay(options.settleSeconds * 1000);
  const after = serverState(options);
  if (after === undefined) return undefined;
  const { usage, deviceBytes } = after;
  return {
    cpuUsPerUnit: (usage.cpuUs - before.usage.cpuUs) / count,
    writeBytesPerUnit: (usage.writeBytes - before.usage.writeBytes) / count,
    deviceBytesPerUnit:
      deviceBytes === undefined || before.deviceBytes === undefined
        ? undefined
        : (deviceBytes - before.deviceBytes) / count,
    rssBytes: usage.rssBytes,
    anonymousBytes: usage.anonymousBytes,
  };
}
