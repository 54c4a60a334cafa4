/** Something that will happen. */
interface Event {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

/** What is to happen, by time; what is due at the same time happens in the order in which it was planned. */
export class EventQueue {
  readonly #heap: Event[] = [];
  #order = 0;
  #nowMs = 0;

  /** The time of the event that runs, or ran last. */
  get nowMs(): number {
    return this.#nowMs;
  }

  get size(): number {
    return this.#heap.length;
  }

  /** Plans something for `delayMs` from now. */
  after(delayMs: number, run: () => void): void {
    this.at(this.#nowMs + delayMs, run);
  }

  /** Plans something for a time that is not over. */
  at(atMs: number, run: () => void): void {
    const event = { at: Math.max(atMs, this.#nowMs), order: this.#order, run };
    this.#order += 1;
    this.#heap.push(event);
    this.#up(this.#heap.length - 1);
  }

  /** Runs the next event; false when there is none until `untilMs`, which is then the time. */
  next(untilMs: number): boolean {
    const first = this.#heap[0];
    if (first === undefined || first.at > untilMs) {
      this.#nowMs = Math.max(this.#nowMs, untilMs);
      return false;
    }
    const last = this.#heap.pop();
    if (last !== undefined && this.#heap.length > 0) {
      this.#heap[0] = last;
      this.#down();
    }
    this.#nowMs = first.at;
    first.run();
    return true;
  }

  #up(start: number): void {
    const heap = this.#heap;
    let at = start;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isBefore(heap[at]!, heap[parent]!)) return;
      [heap[at], heap[parent]] = [heap[parent]!, heap[at]!];
      at = parent;
    }
  }

  #down(): void {
    const heap = this.#heap;
    let at = 0;
    for (;;) {
      const left = 2 * at + 1;
      const right = left + 1;
      let least = at;
      if (left < heap.length && isBefore(heap[left]!, heap[least]!)) least = left;
      if (right < heap.length && isBefore(heap[right]!, heap[least]!)) least = right;
      if (least === at) return;
      [heap[at], heap[least]] = [heap[least]!, heap[at]!];
      at = least;
    }
  }
}

function isBefore(a: Event, b: Event): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
