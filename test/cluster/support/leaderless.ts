import { setTimeout as delay } from "node:timers/promises";
import type { Cluster } from "./cluster.js";
import type { ClusterRun } from "./cluster-run.js";

const POLL_MS = 10;

/** How long a fault left the clients without. */
export interface Gap {
  /** Until a majority agreed on another leader. */
  readonly leaderMs: number;
  /** Until a write that was called after the fault was answered. */
  readonly writeMs: number;
}

/** Does something to the leader, and measures until there is another one and until it writes. */
export async function measureGap(
  run: ClusterRun,
  leader: number,
  fault: () => unknown,
): Promise<Gap> {
  const startedMs = performance.now();
  fault();
  const written = run.untilWrite();
  await untilAnother(run.cluster, leader);
  const leaderMs = performance.now() - startedMs;
  return { leaderMs, writeMs: await written };
}

async function untilAnother(cluster: Cluster, leader: number): Promise<void> {
  for (;;) {
    const now = await cluster.leader();
    if (now !== undefined && now !== leader) return;
    await delay(POLL_MS);
  }
}

/** Median, least and most, for a printed line. */
export function summary(samplesMs: readonly number[]): string {
  const sorted = samplesMs.toSorted((a, b) => a - b);
  const middle = median(samplesMs).toFixed(0);
  return `median ${middle} ms (${sorted[0]?.toFixed(0)} to ${sorted.at(-1)?.toFixed(0)})`;
}

/** The median. */
export function median(samples: readonly number[]): number {
  return samples.toSorted((a, b) => a - b)[Math.floor(samples.length / 2)] ?? Number.NaN;
}
