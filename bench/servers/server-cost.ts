import { setTimeout as delay } from "node:timers/promises";
import { readDeviceWriteBytes } from "./device-writes.js";
import { readMetricsUsage } from "./metrics-usage.js";
import { readUsage, type ServerUsage, sumUsage } from "./process-usage.js";

/** Where a server's figures come from. */
export type ServerSource =
  | {
      readonly kind: "processes";
      /** One, or the members of a cluster. */
      readonly pids: readonly number[];
      /** Its data directory, or one on the same disk, to see what reaches that. */
      readonly dataDir?: string | undefined;
    }
  | {
      /** What the servers say of themselves at /metrics, host:port each. */
      readonly kind: "metrics";
      readonly endpoints: readonly string[];
    };

/** What a run cost the server; the sum over all its processes. */
export interface ServerCost {
  readonly cpuUsPerUnit: number;
  readonly rssBytes: number;
  /** Of pages that it dirtied, see ServerUsage; where the process was given. */
  readonly writeBytesPerUnit: number | undefined;
  /** What reached the disk, other programs' writes included; where the data directory was given. */
  readonly deviceBytesPerUnit: number | undefined;
  readonly anonymousBytes: number | undefined;
}

/** A server's figures at one moment. */
export interface ServerState {
  readonly usage: ServerUsage;
  readonly deviceBytes: number | undefined;
}

/** Looks at the server; undefined when it was not said where, or nothing can be had there. */
export async function serverState(
  source: ServerSource | undefined,
): Promise<ServerState | undefined> {
  if (source === undefined) return undefined;
  if (source.kind === "metrics") {
    const usages = await Promise.all(source.endpoints.map(readMetricsUsage));
    const known = usages.filter((each) => each !== undefined);
    // A part of a cluster is not its cost.
    if (known.length < usages.length) return undefined;
    return { usage: sumUsage(known), deviceBytes: undefined };
  }
  const { pids, dataDir } = source;
  const deviceBytes = dataDir === undefined ? undefined : readDeviceWriteBytes(dataDir);
  return { usage: sumUsage(pids.map(readUsage)), deviceBytes };
}

/**
 * What a run of `count` units cost a server since `before`, its work in the background included.
 */
export async function serverCost(
  before: ServerState | undefined,
  count: number,
  options: { readonly server?: ServerSource | undefined; readonly settleSeconds: number },
): Promise<ServerCost | undefined> {
  if (before === undefined) return undefined;
  await delay(options.settleSeconds * 1000);
  const after = await serverState(options.server);
  if (after === undefined) return undefined;
  const { usage } = after;
  const perUnit = (now: number | undefined, then: number | undefined): number | undefined =>
    now === undefined || then === undefined ? undefined : (now - then) / count;
  return {
    cpuUsPerUnit: (usage.cpuUs - before.usage.cpuUs) / count,
    rssBytes: usage.rssBytes,
    writeBytesPerUnit: perUnit(usage.writeBytes, before.usage.writeBytes),
    deviceBytesPerUnit: perUnit(after.deviceBytes, before.deviceBytes),
    anonymousBytes: usage.anonymousBytes,
  };
}
