import { DeadlineHeap } from "./deadline-heap.js";
import type { Lease } from "./lease.js";

/** Leases that one scan may find expired (limits.md section 7). */
export const EXPIRED_PER_SCAN_MAX = 500;
/** Revokes proposed and not yet applied. */
export const REVOKES_IN_FLIGHT_MAX = 64;
/** A revoke that was not applied after this long is proposed again. */
export const REVOKE_RETRY_MS = 7000;

/**
 * Finds leases past their deadline and paces their revokes, on the leader (L-40, L-41). At most
 * `EXPIRED_PER_SCAN_MAX` leases enter the queue per scan, so the queue is bounded by what expired.
 */
export class LeaseExpiry {
  readonly #heap = new DeadlineHeap<Lease>();
  readonly #due: Lease[] = [];
  readonly #inFlight = new Map<bigint, { readonly lease: Lease; readonly sinceMs: number }>();

  /** Watches a lease's deadline. Once per lease and leadership. */
  watch(lease: Lease): void {
    this.#heap.push(lease.deadlineMs, lease);
  }

  /** Queues what expired, and what was proposed in vain. */
  scan(nowMs: number): void {
    for (const [id, { lease, sinceMs }] of this.#inFlight) {
      // A Map keeps insertion order: the first young one ends the search.
      if (nowMs - sinceMs < REVOKE_RETRY_MS) break;
      this.#inFlight.delete(id);
      this.#due.push(lease);
    }
    let found = 0;
    while (found < EXPIRED_PER_SCAN_MAX) {
      const lease = this.#heap.popDue(nowMs);
      if (lease === undefined) return;
      if (lease.gone) continue;
      if (lease.deadlineMs > nowMs) {
        this.#heap.push(lease.deadlineMs, lease);
        continue;
      }
      this.#due.push(lease);
      found += 1;
    }
  }

  /** Takes the ids to revoke now, as many as may be on their way at once. */
  takeRevokes(nowMs: number): bigint[] {
    const ids: bigint[] = [];
    while (this.#inFlight.size < REVOKES_IN_FLIGHT_MAX) {
      const lease = this.#due.shift();
      if (lease === undefined) break;
      if (lease.gone) continue;
      this.#inFlight.set(lease.id, { lease, sinceMs: nowMs });
      ids.push(lease.id);
    }
    return ids;
  }

  /** A revoke was applied, whoever proposed it. */
  revoked(id: bigint): void {
    this.#inFlight.delete(id);
  }

  /** Something waits to be proposed. */
  get hasDue(): boolean {
    return this.#due.length > 0 && this.#inFlight.size < REVOKES_IN_FLIGHT_MAX;
  }

  /** Forgets everything: this member leads no more, or anew. */
  clear(): void {
    this.#heap.clear();
    this.#due.length = 0;
    this.#inFlight.clear();
  }
}
