import { sendCommittedEntry, sendRole } from "../shared/messages/raft-to-apply.js";
import type { RingWriter } from "../shared/ring/writer.js";
import type { Entry } from "./core/entry.js";

interface RoleNews {
  readonly isLeader: boolean;
  readonly term: number;
  /** It is told after this entry. */
  readonly afterIndex: number;
}

/** Hands committed entries to the apply worker, in order, as far as its ring has room. */
export class ApplyLink {
  readonly #output: RingWriter;
  #handedOver: number;
  #commitUpTo: number;
  /** The newest change that was not told yet: while the ring is full, several become one. */
  #role: RoleNews | undefined;

  /** The store holds everything up to `appliedIndex`. */
  constructor(output: RingWriter, appliedIndex: number) {
    this.#output = output;
    this.#handedOver = appliedIndex;
    this.#commitUpTo = appliedIndex;
  }

  /** Everything up to here was handed over. */
  get handedOver(): number {
    return this.#handedOver;
  }

  /** Whether the ring is full, and so nothing new should be started. */
  get isBlocked(): boolean {
    return this.#output.blocked;
  }

  /** Entries up to `index` may be handed over. */
  commit(index: number): void {
    this.#commitUpTo = index;
  }

  /** A snapshot at `index` was taken over: what it covers is not handed over any more. */
  restarted(index: number): void {
    this.#handedOver = Math.max(this.#handedOver, index);
    this.#commitUpTo = Math.max(this.#commitUpTo, index);
  }

  /** Tells of a role, after all entries that may be handed over by now. */
  roleChanged(role: { readonly isLeader: boolean; readonly term: number }): void {
    this.#role = { ...role, afterIndex: this.#commitUpTo };
  }

  /** Hands over what it can; the number of entries. */
  advance(entryAt: (index: number) => Entry): number {
    const before = this.#handedOver;
    this.#tellRole();
    while (this.#handedOver < this.#commitUpTo && !this.#output.blocked) {
      sendCommittedEntry(this.#output, entryAt(this.#handedOver + 1));
      this.#handedOver += 1;
      this.#tellRole();
    }
    return this.#handedOver - before;
  }

  /** Wakes the apply worker if there is something to read. */
  flush(): void {
    this.#output.flush();
  }

  #tellRole(): void {
    if (this.#role === undefined || this.#role.afterIndex > this.#handedOver) return;
    if (this.#output.blocked) return;
    sendRole(this.#output, this.#role);
    this.#role = undefined;
  }
}
