import { seededRandom } from "../../src/shared/prng.js";
import type { LoadPlan } from "../load/plan.js";
import type { Share } from "./workload.js";

/** Gives the next key's number. */
export type NextNumber = () => number;

/**
 * Numbers below the plan's key space: in order (each thread its own), or at random by the plan's
 * seed.
 */
export function keyNumbers(plan: LoadPlan, share: Share): NextNumber {
  if (plan.sequentialKeys) {
    let next = share.thread;
    return () => {
      const number = next % plan.keySpaceSize;
      next += share.threads;
      return number;
    };
  }
  const random = seededRandom(plan.seed + share.thread);
  return () => random.below(plan.keySpaceSize);
}
