import { fillCalls } from "../workloads/fill.js";
import type { FillLoad } from "./loads.js";
import { type MeasureOptions, measure } from "./measure.js";
import { failureCount, type Measurement } from "./measurement.js";
import type { LoadPlan } from "./plan.js";

/** Transactions under way while filling: more only queue up, and time out on a slow disk. */
const FILL_CLIENTS = 32;
const FILL_CONNS = 4;
const FILL_SECONDS_MAX = 3600;

/** A plan that fills a key space, on the server of another plan. */
export function fillPlan(
  plan: LoadPlan,
  space: Omit<FillLoad, "kind">,
): LoadPlan & { load: FillLoad } {
  const { keySize, keySpaceSize, valSize } = space;
  const load: FillLoad = { kind: "fill", keySize, keySpaceSize, valSize };
  return { ...plan, load, threads: 1, conns: FILL_CONNS, clients: FILL_CLIENTS };
}

/** Writes all keys of a key space, and fails when one could not be written. */
export async function fill(
  plan: LoadPlan & { load: FillLoad },
  options: Omit<MeasureOptions, "limits" | "warmupSeconds"> = { settleSeconds: 0 },
): Promise<Measurement> {
  const limits = { calls: fillCalls(plan.load), seconds: FILL_SECONDS_MAX };
  const filled = await measure(plan, { ...options, limits, warmupSeconds: 0 });
  if (failureCount(filled) > 0) throw new Error(`cannot fill: ${filled.failures[0]?.text}`);
  return filled;
}
