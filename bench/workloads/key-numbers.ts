import { seededRandom } from "../../src/shared/prng.js";
import type { WorkloadContext } from "./workload.js";

/** Gives the next key's number. */
export type NextNumber = () => number;

/** Numbers below `limit` in order, each thread its own, from the start again at the end. */
export function numbersInOrder(limit: number, { share }: WorkloadContext): NextNumber {
  let next = share.thread;
  return () => {
    const number = next % limit;
    next += share.threads;
    return number;
  };
}

/** Numbers below `limit` at random, by the seed. */
export function randomNumbers(limit: number, { seed, share }: WorkloadContext): NextNumber {
  const random = seededRandom(seed + share.thread);
  return () => random.below(limit);
}

/** Numbers of a key space, in order or at random. */
export function keyNumbers(
  load: { readonly keySpaceSize: number; readonly sequentialKeys: boolean },
  context: WorkloadContext,
): NextNumber {
  const numbers = load.sequentialKeys ? numbersInOrder : randomNumbers;
  return numbers(load.keySpaceSize, context);
}
