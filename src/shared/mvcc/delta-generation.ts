import { DeltaSortedKeys } from "./delta-sorted-keys.js";

const INITIAL_CAPACITY = 1024;

/**
 * The changes between two checkpoints, by key: a stretch of the index that is built record by record and
 * thrown away whole. Changes are numbered across all generations; a generation holds [first, end).
 */
export class DeltaGeneration {
  readonly first: number;
  readonly keys = new DeltaSortedKeys();
  #count = 0;
  #mains = new Float64Array(INITIAL_CAPACITY);
  #segments = new Uint32Array(INITIAL_CAPACITY);
  #offsets = new Uint32Array(INITIAL_CAPACITY);
  /** Key to the change numbers of the key, counted from `first`: one, or an ascending list. */
  readonly #changes = new Map<string, number | number[]>();

  constructor(first: number) {
    this.first = first;
  }

  get count(): number {
    return this.#count;
  }

  /** Number after the last change. */
  get end(): number {
    return this.first + this.#count;
  }

  /** Adds the next change. */
  add(key: string, main: number, segment: number, offset: number): void {
    const index = this.#count;
    if (index === this.#mains.length) this.#grow();
    this.#mains[index] = main;
    this.#segments[index] = segment;
    this.#offsets[index] = offset;
    this.#count = index + 1;
    const known = this.#changes.get(key);
    if (known === undefined) {
      this.#changes.set(key, index);
      this.keys.insert(key);
    } else if (typeof known === "number") this.#changes.set(key, [known, index]);
    else known.push(index);
  }

  /** Number of the key's newest change with main <= `atMain`, -1 if there is none here. */
  newest(key: string, atMain: number): number {
    const known = this.#changes.get(key);
    if (known === undefined) return -1;
    if (typeof known === "number") {
      return this.#mains[known]! <= atMain ? this.first + known : -1;
    }
    const newest = known[known.length - 1]!;
    if (this.#mains[newest]! <= atMain) return this.first + newest;
    const place = this.#countUpTo(known, atMain);
    return place === 0 ? -1 : this.first + known[place - 1]!;
  }

  /** Number of the first change with main >= `main`; `end` if there is none. */
  firstFrom(main: number): number {
    let low = 0;
    let high = this.#count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#mains[middle]! < main) low = middle + 1;
      else high = middle;
    }
    return this.first + low;
  }

  /** Number of the first change at or behind a place in the delta; `end` if there is none. */
  firstAt(segment: number, offset: number): number {
    let low = 0;
    let high = this.#count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const middleSegment = this.#segments[middle]!;
      const before =
        middleSegment < segment || (middleSegment === segment && this.#offsets[middle]! < offset);
      if (before) low = middle + 1;
      else high = middle;
    }
    return this.first + low;
  }

  mainOf(number: number): number {
    return this.#mains[number - this.first]!;
  }

  segmentOf(number: number): number {
    return this.#segments[number - this.first]!;
  }

  offsetOf(number: number): number {
    return this.#offsets[number - this.first]!;
  }

  #countUpTo(changes: readonly number[], atMain: number): number {
    let low = 0;
    let high = changes.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#mains[changes[middle]!]! <= atMain) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #grow(): void {
    const capacity = this.#mains.length * 2;
    const mains = new Float64Array(capacity);
    const segments = new Uint32Array(capacity);
    const offsets = new Uint32Array(capacity);
    mains.set(this.#mains);
    segments.set(this.#segments);
    offsets.set(this.#offsets);
    this.#mains = mains;
    this.#segments = segments;
    this.#offsets = offsets;
  }
}
