import { InvariantError } from "../assert.js";
import type { DeltaPosition } from "../messages/apply-to-main.js";
import { DeltaGeneration } from "./delta-generation.js";
import type { DeltaKeyCursor } from "./delta-sorted-keys.js";

/** More than this many generations are never kept apart: each costs every lookup a probe. */
const GENERATIONS_MAX = 4;

/**
 * Finds a key's changes in the delta, and walks its keys in order. Each reading thread has its own.
 *
 * Changes get ascending numbers, by which the caller asks for their place. The index is a short list of
 * generations: `dropBefore` moves a floor (at once: changes below it are never returned again), throws away
 * the generations that lie wholly below it, and begins a new one, so that nothing is ever removed key by
 * key. A checkpoint starts after the one before it was announced, so at most two generations live while
 * checkpoints are handled as they come.
 */
export class DeltaIndex {
  /** Oldest first, never empty. */
  #generations: DeltaGeneration[] = [new DeltaGeneration(0)];
  #floor = 0;

  /** Number after the newest change. */
  get end(): number {
    return this.#current.end;
  }

  /** Changes at or above the floor. */
  get size(): number {
    return this.end - this.#floor;
  }

  /** Adds the next change of the delta; `key` as made by `keyString`. Void for cursors. */
  insert(key: string, main: number, segment: number, offset: number): void {
    this.#current.add(key, main, segment, offset);
  }

  /** Number of the key's newest change with main <= `atMain`, -1 if the delta has none. */
  newest(key: string, atMain: number): number {
    for (let i = this.#generations.length - 1; i >= 0; i -= 1) {
      const number = this.#generations[i]!.newest(key, atMain);
      // Older generations hold only lower numbers: below the floor here is below it there.
      if (number >= 0) return number >= this.#floor ? number : -1;
    }
    return -1;
  }

  /** Number of the first change with main >= `main`, `end` if there is none. */
  firstFrom(main: number): number {
    for (const generation of this.#generations) {
      const number = generation.firstFrom(main);
      if (number < generation.end) return Math.max(number, this.#floor);
    }
    return this.end;
  }

  /** The generation that holds a change, which says where it lies. Below the floor or unknown: a bug. */
  generationOf(number: number): DeltaGeneration {
    if (number < this.#floor || number >= this.end) {
      throw new InvariantError("no such change in the delta", { number });
    }
    let i = this.#generations.length - 1;
    while (this.#generations[i]!.first > number) i -= 1;
    return this.#generations[i]!;
  }

  /** A cursor over all keys >= `start` that the delta may have changes of. Void after an insert. */
  cursor(start: string): DeltaIndexCursor {
    return new DeltaIndexCursor(this.#generations.map((one) => one.keys.cursor(start)));
  }

  /** Forgets the changes that lie before a place in the delta. Void for cursors. */
  dropBefore(position: DeltaPosition): void {
    this.#floor = Math.max(this.#floor, this.#firstAt(position));
    const current = this.#current;
    const live = this.#generations.filter((one) => one.end > this.#floor);
    if (current.count > 0 && live.length < GENERATIONS_MAX) {
      live.push(new DeltaGeneration(current.end));
    }
    this.#generations = live.length > 0 ? live : [current];
  }

  /** Forgets every change: the base holds something newer. Void for cursors. */
  clear(): void {
    this.#floor = this.end;
    this.#generations = [new DeltaGeneration(this.#floor)];
  }

  get #current(): DeltaGeneration {
    return this.#generations[this.#generations.length - 1]!;
  }

  #firstAt(position: DeltaPosition): number {
    for (const generation of this.#generations) {
      const number = generation.firstAt(position.segment, position.offset);
      if (number < generation.end) return number;
    }
    return this.end;
  }
}

/** Walks the keys of several generations as one ascending list without doubles. */
export class DeltaIndexCursor {
  /** The key under the cursor; undefined at the end. */
  key: string | undefined;
  readonly #cursors: readonly DeltaKeyCursor[];

  constructor(cursors: readonly DeltaKeyCursor[]) {
    this.#cursors = cursors;
    this.key = this.#lowest();
  }

  /** Moves to the next key. */
  next(): void {
    for (const cursor of this.#cursors) {
      if (cursor.key === this.key) cursor.next();
    }
    this.key = this.#lowest();
  }

  #lowest(): string | undefined {
    let lowest: string | undefined;
    for (const { key } of this.#cursors) {
      if (key !== undefined && (lowest === undefined || key < lowest)) lowest = key;
    }
    return lowest;
  }
}
