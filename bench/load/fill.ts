import { fillCalls } from "../workloads/fill.js";
import { type Measurement, type MeasureOptions, measure } from "./measure.js";
import type { LoadPlan } from "./plan.js";

/** Transactions under way while filling: more only queue up, and time out on a slow disk. */
const FILL_CLIENTS = 32;
const FILL_CONNS = 4;
const FILL_SECONDS_MAX = 3600;

/** How the key space of a plan is filled. */
export function fillPlan(plan: LoadPlan): LoadPlan {
  return { ...plan, workload: "fill", threads: 1, conns: FILL_CONNS, clients: FILL_CLIENTS };
}

/** Writes all keys of a plan's key space, and fails when one could not be written. */
export async function fill(
  plan: LoadPlan,
  options: Omit<MeasureOptions, "limits" | "warmupSeconds"> = { settleSeconds: 0 },
): Promise<Measurement> {
  const filling = fillPlan(plan);
  const limits = { calls: fillCalls(filling), seconds: FILL_SECONDS_MAX };
  const filled = await measure(filling, { ...options, limits, warmupSeconds: 0 });
  if (filled.failures > 0) throw new Error(`cannot fill: ${filled.firstFailure}`);
  return filled;
}
