import { assert } from "../../shared/assert.js";

/** Keys sorted in one go. */
const RUN_MAX = 1024;
/** Keys merged between two yields. */
const STEP_KEYS = 512;
/** Maps that the keys are spread over, so that none grows by a copy that holds the thread. */
const SHARD_COUNT = 64;

/**
 * Collects values by key (a string of bytes) and gives the keys back in order, without a step that holds
 * the thread for long however many keys there are.
 */
export class SortedCollector<T> {
  readonly #shards: Map<string, T>[] = Array.from({ length: SHARD_COUNT }, () => new Map());
  #runs: string[][] = [];
  #open: string[] = [];

  /** The value of a key, made when the key is new. */
  at(key: string, make: () => T): T {
    const shard = this.#shardOf(key);
    const known = shard.get(key);
    if (known !== undefined) return known;
    const value = make();
    shard.set(key, value);
    this.#open.push(key);
    if (this.#open.length === RUN_MAX) this.#closeRun();
    return value;
  }

  /** The value of a key that was collected. */
  get(key: string): T {
    const value = this.#shardOf(key).get(key);
    assert(value !== undefined, "key was collected");
    return value;
  }

  /** All keys, ascending by character. Nothing may be added from here on. */
  *sortedKeys(): Generator<void, readonly string[], undefined> {
    if (this.#open.length > 0) this.#closeRun();
    while (this.#runs.length > 1) {
      const merged: string[][] = [];
      for (let index = 0; index < this.#runs.length; index += 2) {
        const left = this.#runs[index] ?? [];
        const right = this.#runs[index + 1];
        merged.push(right ? yield* merge(left, right) : left);
      }
      this.#runs = merged;
    }
    return this.#runs[0] ?? [];
  }

  #shardOf(key: string): Map<string, T> {
    // The last characters are where keys of one prefix differ.
    const end = key.length;
    const hash = key.charCodeAt(end - 1) * 31 + key.charCodeAt(Math.max(end - 2, 0)) + end;
    const shard = this.#shards[hash % SHARD_COUNT];
    assert(shard, "keys are not empty");
    return shard;
  }

  #closeRun(): void {
    this.#runs.push(this.#open.sort());
    this.#open = [];
  }
}

function* merge(
  left: readonly string[],
  right: readonly string[],
): Generator<void, string[], undefined> {
  const merged: string[] = [];
  let leftIndex = 0;
  let rightIndex = 0;
  let leftKey = left[0];
  let rightKey = right[0];
  while (leftKey !== undefined || rightKey !== undefined) {
    if (rightKey === undefined || (leftKey !== undefined && leftKey < rightKey)) {
      merged.push(leftKey ?? "");
      leftKey = left[++leftIndex];
    } else {
      merged.push(rightKey);
      rightKey = right[++rightIndex];
    }
    if (merged.length % STEP_KEYS === 0) yield;
  }
  return merged;
}
