/** A half-open interval of keys, as latin1 strings, which order as bytes do. */
export interface Interval {
  readonly start: string;
  readonly end: string;
}

/**
 * A set of keys made of intervals. Intervals are gathered first and put in order when the set is asked, so
 * that a client cannot make a look-up cost more than a search: a transaction may hold 100,000 of them.
 */
export class IntervalSet {
  /** Ascending, neither touching nor overlapping. */
  #ordered: readonly Interval[] = [];
  #added: Interval[] = [];

  /** Adds an interval; one that holds nothing changes nothing. */
  add(interval: Interval): void {
    if (interval.start < interval.end) this.#added.push(interval);
  }

  /** Adds all of another set. */
  addAll(other: IntervalSet): void {
    for (const interval of other.#ordered) this.#added.push(interval);
    for (const interval of other.#added) this.#added.push(interval);
  }

  /** Whether a key lies in one of the intervals. */
  has(key: string): boolean {
    if (this.#added.length > 0) this.#order();
    let low = 0;
    let high = this.#ordered.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#ordered[middle]!.end <= key) low = middle + 1;
      else high = middle;
    }
    const candidate = this.#ordered[low];
    return candidate !== undefined && candidate.start <= key;
  }

  #order(): void {
    const all = [...this.#ordered, ...this.#added];
    all.sort((a, b) => (a.start < b.start ? -1 : a.start > b.start ? 1 : 0));
    const merged: { start: string; end: string }[] = [];
    for (const { start, end } of all) {
      const last = merged.at(-1);
      if (last === undefined || last.end < start) merged.push({ start, end });
      else if (last.end < end) last.end = end;
    }
    this.#ordered = merged;
    this.#added = [];
  }
}
