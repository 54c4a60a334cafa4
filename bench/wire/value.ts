import { seededRandom } from "../../src/shared/prng.js";

/**
 * A value that looks like nothing else in a message and does not compress; the same for the same
 * seed.
 */
export function randomValue(bytes: number, seed: number): Buffer {
  const random = seededRandom(seed);
  return Buffer.from(Array.from({ length: bytes }, () => random.below(256)));
}
