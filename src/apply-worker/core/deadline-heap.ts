/** What a `DeadlineHeap` orders. */
export interface HeapItem<T> {
  readonly atMs: number;
  readonly value: T;
}

/**
 * A binary min-heap of values by time. A value whose time moves later is left where it is: whoever
 * takes it out looks at its real time and puts it back. So moving a deadline later costs nothing,
 * which is what a lease renewal does thousands of times a second.
 */
export class DeadlineHeap<T> {
  readonly #items: HeapItem<T>[] = [];

  /** Values in the heap, stale ones included. */
  get size(): number {
    return this.#items.length;
  }

  /** The earliest time, or undefined when empty. */
  get earliestMs(): number | undefined {
    return this.#items[0]?.atMs;
  }

  /** Adds a value. */
  push(atMs: number, value: T): void {
    const items = this.#items;
    let hole = items.length;
    const item = { atMs, value };
    items.push(item);
    while (hole > 0) {
      const parent = (hole - 1) >> 1;
      const above = items[parent]!;
      if (above.atMs <= atMs) break;
      items[hole] = above;
      hole = parent;
    }
    items[hole] = item;
  }

  /** Takes out the earliest value, if its time is at or before `nowMs`. */
  popDue(nowMs: number): T | undefined {
    const first = this.#items[0];
    if (first === undefined || first.atMs > nowMs) return undefined;
    const last = this.#items.pop();
    if (last !== undefined && this.#items.length > 0) this.#sink(last);
    return first.value;
  }

  /** Forgets everything. */
  clear(): void {
    this.#items.length = 0;
  }

  #sink(item: HeapItem<T>): void {
    const items = this.#items;
    let hole = 0;
    for (;;) {
      let child = hole * 2 + 1;
      const left = items[child];
      if (left === undefined) break;
      const right = items[child + 1];
      let smaller = left;
      if (right !== undefined && right.atMs < left.atMs) {
        smaller = right;
        child += 1;
      }
      if (smaller.atMs >= item.atMs) break;
      items[hole] = smaller;
      hole = child;
    }
    items[hole] = item;
  }
}
