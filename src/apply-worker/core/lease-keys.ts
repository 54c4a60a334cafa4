import { keyString } from "../../shared/mvcc/key-string.js";

/** Attached keys as the durable base knows them. */
export interface LeaseKeyBase {
  /** Visits the keys attached to a lease, in any order. Arrays are valid during the call. */
  visitLeaseKeys(leaseId: bigint, visit: (key: Uint8Array) => void): void;
}

/** By lease: keys that were attached to it (true) or detached from it (false). */
type Overlay = Map<bigint, Map<string, boolean>>;

/**
 * Which keys are attached to which lease (L-08): the base's table under an overlay of what changed since
 * the last checkpoint. Neither memory nor start-up grows with the number of attached keys. An overlay
 * entry says how things are, not what happened, so that reading it over a base that has it already
 * changes nothing: the base may move on at any moment of a checkpoint.
 */
export class LeaseKeys {
  readonly #base: LeaseKeyBase;
  #recent: Overlay = new Map();
  /** What the running checkpoint writes. */
  #frozen: Overlay = new Map();

  constructor(base: LeaseKeyBase) {
    this.#base = base;
  }

  /** The key carries this lease now. */
  attach(leaseId: bigint, key: Uint8Array): void {
    this.#note(leaseId, key, true);
  }

  /** The key carries this lease no more. */
  detach(leaseId: bigint, key: Uint8Array): void {
    this.#note(leaseId, key, false);
  }

  /** The attached keys, ascending bytewise; arrays of the caller's own. */
  keys(leaseId: bigint): Uint8Array[] {
    const keys = new Set<string>();
    this.#base.visitLeaseKeys(leaseId, (key) => {
      keys.add(keyString(key));
    });
    for (const overlay of [this.#frozen, this.#recent]) {
      for (const [key, attached] of overlay.get(leaseId) ?? []) {
        if (attached) keys.add(key);
        else keys.delete(key);
      }
    }
    return [...keys].sort(byCodeUnit).map((key) => Buffer.from(key, "latin1"));
  }

  /** A checkpoint begins, which writes what has changed so far; it stays visible here until `thaw`. */
  freeze(): void {
    this.#frozen = this.#recent;
    this.#recent = new Map();
  }

  /** The checkpoint is committed and the base shows it. */
  thaw(): void {
    this.#frozen = new Map();
  }

  #note(leaseId: bigint, key: Uint8Array, attached: boolean): void {
    let changes = this.#recent.get(leaseId);
    if (changes === undefined) {
      changes = new Map();
      this.#recent.set(leaseId, changes);
    }
    changes.set(keyString(key), attached);
  }
}

/** Latin1 strings: code units are bytes (M-08). */
function byCodeUnit(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
