/** Keys per block at which it is split in two. */
const BLOCK_KEYS_MAX = 128;

/**
 * A growing set of latin1 strings in order: blocks of sorted keys behind a list of their first keys, that is
 * a B+-tree of two levels. With 200,000 keys the upper level has about 2,000 entries and an insert moves
 * about 32 of them at most 64 places.
 */
export class DeltaSortedKeys {
  readonly #blocks: string[][] = [];
  /** First key of each block. */
  readonly #firsts: string[] = [];

  /** Inserts a key that is not in the set. */
  insert(key: string): void {
    if (this.#blocks.length === 0) {
      this.#blocks.push([key]);
      this.#firsts.push(key);
      return;
    }
    const at = Math.max(0, lastAtMost(this.#firsts, key));
    const block = this.#blocks[at]!;
    const place = lastAtMost(block, key) + 1;
    insertAt(block, place, key);
    if (place === 0) this.#firsts[at] = key;
    if (block.length > BLOCK_KEYS_MAX) this.#split(at, block, place);
  }

  /** A cursor at the first key >= `start`. Void after an insert. */
  cursor(start: string): DeltaKeyCursor {
    const block = Math.max(0, lastAtMost(this.#firsts, start));
    const keys = this.#blocks[block];
    if (keys === undefined) return new DeltaKeyCursor(this.#blocks, 0, 0);
    const place = lastAtMost(keys, start);
    const found = place >= 0 && keys[place] === start;
    return new DeltaKeyCursor(this.#blocks, block, found ? place : place + 1);
  }

  #split(at: number, block: string[], place: number): void {
    // Keys that come in order fill their blocks instead of leaving them all half empty.
    const middle = place === block.length - 1 ? block.length - 1 : block.length >>> 1;
    const upper = block.splice(middle);
    this.#blocks.splice(at + 1, 0, upper);
    this.#firsts.splice(at + 1, 0, upper[0]!);
  }
}

/** Walks a `DeltaSortedKeys` upwards. */
export class DeltaKeyCursor {
  /** The key under the cursor; undefined at the end. */
  key: string | undefined;
  readonly #blocks: readonly (readonly string[])[];
  #block: number;
  #place: number;

  constructor(blocks: readonly (readonly string[])[], block: number, place: number) {
    this.#blocks = blocks;
    this.#block = block;
    this.#place = place;
    this.#settle();
  }

  /** Moves to the next key. */
  next(): void {
    this.#place += 1;
    this.#settle();
  }

  #settle(): void {
    let keys = this.#blocks[this.#block];
    if (keys !== undefined && this.#place >= keys.length) {
      this.#block += 1;
      this.#place = 0;
      keys = this.#blocks[this.#block];
    }
    this.key = keys?.[this.#place];
  }
}

/** Index of the last key <= `key` in a sorted list, -1 if there is none. */
function lastAtMost(keys: readonly string[], key: string): number {
  let low = 0;
  let high = keys.length;
  // Keys that come in ascending order end up at the end: look there first.
  if (high > 0 && keys[high - 1]! <= key) return high - 1;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (keys[middle]! <= key) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** What `splice` does, without the array that it returns. */
function insertAt(keys: string[], place: number, key: string): void {
  let moving = key;
  for (let i = place; i < keys.length; i += 1) {
    const next = keys[i]!;
    keys[i] = moving;
    moving = next;
  }
  keys.push(moving);
}
