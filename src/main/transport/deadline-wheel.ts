// Hot file: most calls have a deadline, and nearly none reaches it.

/** Slots and their width: deadlines further away than one turn of the wheel go round more than once. */
const SLOTS = 512;
const SLOT_MS = 8;

/** What can run out. The fields are the wheel's. */
export abstract class Expiring {
  /** Monotonic milliseconds. */
  expiryMs = 0;
  nextExpiring: Expiring | undefined;
  previousExpiring: Expiring | undefined;
  /** -1 while it is in no wheel. */
  expirySlot = -1;

  /** Its time has passed; it is out of the wheel. */
  abstract expire(): void;
}

/**
 * Deadlines in slots of a few milliseconds: putting one in and taking it out again costs a few assignments, however
 * many there are. None fires early, and each at most two slots late. Time comes in as monotonic milliseconds.
 */
export class DeadlineWheel {
  readonly #slots: (Expiring | undefined)[] = new Array(SLOTS).fill(undefined);
  #count = 0;
  /** The slot, counted since time zero, up to which all has been looked at. */
  #passed: number;

  constructor(nowMs: number) {
    this.#passed = Math.floor(nowMs / SLOT_MS);
  }

  /** Entries that wait. */
  get count(): number {
    return this.#count;
  }

  /** Puts an entry in, which must not be in yet. */
  add(entry: Expiring, expiryMs: number): void {
    // The slot after: when it is passed, the time is over for sure.
    const slot = Math.max(Math.floor(expiryMs / SLOT_MS), this.#passed) + 1;
    const index = slot % SLOTS;
    const first = this.#slots[index];
    entry.expiryMs = expiryMs;
    entry.expirySlot = index;
    entry.nextExpiring = first;
    if (first !== undefined) first.previousExpiring = entry;
    this.#slots[index] = entry;
    this.#count += 1;
  }

  /** Takes an entry out, if it is in. */
  remove(entry: Expiring): void {
    if (entry.expirySlot < 0) return;
    const { nextExpiring, previousExpiring } = entry;
    if (previousExpiring === undefined) this.#slots[entry.expirySlot] = nextExpiring;
    else previousExpiring.nextExpiring = nextExpiring;
    if (nextExpiring !== undefined) nextExpiring.previousExpiring = previousExpiring;
    entry.nextExpiring = undefined;
    entry.previousExpiring = undefined;
    entry.expirySlot = -1;
    this.#count -= 1;
  }

  /** Expires everything whose time has passed. */
  advance(nowMs: number): void {
    const now = Math.floor(nowMs / SLOT_MS);
    // After a long stop one turn sees every slot.
    const from = Math.max(this.#passed, now - SLOTS);
    this.#passed = now;
    for (let slot = from + 1; slot <= now; slot++) this.#expireSlot(slot % SLOTS, nowMs);
  }

  /** When to advance next: the first slot that has an entry, or undefined when none has. */
  nextMs(): number | undefined {
    if (this.#count === 0) return undefined;
    for (let ahead = 1; ahead <= SLOTS; ahead++) {
      const slot = this.#passed + ahead;
      if (this.#slots[slot % SLOTS] !== undefined) return slot * SLOT_MS;
    }
    return undefined;
  }

  #expireSlot(index: number, nowMs: number): void {
    const due: Expiring[] = [];
    for (let entry = this.#slots[index]; entry !== undefined; entry = entry.nextExpiring) {
      if (entry.expiryMs <= nowMs) due.push(entry);
    }
    for (const entry of due) {
      // The one before may have ended this one.
      if (entry.expirySlot < 0) continue;
      this.remove(entry);
      entry.expire();
    }
  }
}
