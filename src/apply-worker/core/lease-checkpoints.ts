import { DeadlineHeap } from "./deadline-heap.js";
import { checkpointDueMs, type Lease, remainingMs } from "./lease.js";

/** Leases in one checkpoint entry (limits.md section 7). */
export const CHECKPOINTS_PER_ENTRY_MAX = 1000;
/** Checkpoint entries that one scan may propose; the rest waits for the next one. */
export const CHECKPOINT_ENTRIES_PER_SCAN_MAX = 10;

/** The remaining TTL of one lease on its way through the log; 0 stands for the full TTL. */
export interface RemainingTtl {
  readonly id: bigint;
  readonly remainingSeconds: number;
}

/** Decides which leases' remaining time should go through the log, on the leader. */
export class LeaseCheckpoints {
  readonly #heap = new DeadlineHeap<Lease>();
  #resets: RemainingTtl[] = [];

  /** Watches a lease. Once per lease and leadership. */
  watch(lease: Lease): void {
    this.#heap.push(checkpointDueMs(lease), lease);
  }

  /** The lease was renewed though less than its full TTL is recorded: record the full one. */
  reset(lease: Lease, nowMs: number): void {
    lease.resetProposedMs = nowMs;
    this.#resets.push({ id: lease.id, remainingSeconds: 0 });
  }

  /** A reset is to be proposed at once: somebody waits for it. */
  get hasResets(): boolean {
    return this.#resets.length > 0;
  }

  /** Takes the resets. */
  takeResets(): RemainingTtl[] {
    const resets = this.#resets;
    this.#resets = [];
    return resets;
  }

  /** Takes the leases whose remaining time should be recorded now. */
  scan(nowMs: number): RemainingTtl[] {
    const found: RemainingTtl[] = [];
    while (found.length < CHECKPOINTS_PER_ENTRY_MAX * CHECKPOINT_ENTRIES_PER_SCAN_MAX) {
      const lease = this.#heap.popDue(nowMs);
      if (lease === undefined) break;
      if (lease.gone) continue;
      // Past its deadline: the revoke is on its way.
      if (remainingMs(lease, nowMs) <= 0) continue;
      if (checkpointDueMs(lease) <= nowMs) {
        const recorded = recordRemaining(lease, nowMs);
        if (recorded !== undefined) found.push(recorded);
      }
      this.#heap.push(checkpointDueMs(lease), lease);
    }
    return found;
  }

  /** Forgets everything: this member leads no more, or anew. */
  clear(): void {
    this.#heap.clear();
    this.#resets = [];
  }
}

/**
 * Notes that the remaining time is on its way to the log. Undefined when it must not go there: the
 * lease is past its deadline, or a reset is on its way, after which less than the full TTL would
 * be wrong.
 */
export function recordRemaining(lease: Lease, nowMs: number): RemainingTtl | undefined {
  // Rounded up: a lease may outlive its TTL, never fall short of it (L-43).
  const remainingSeconds = Math.ceil(remainingMs(lease, nowMs) / 1000);
  if (remainingSeconds <= 0) return undefined;
  lease.recordedMs = remainingSeconds * 1000;
  if (lease.resetProposedMs >= 0) return undefined;
  lease.checkpointInFlight = true;
  return { id: lease.id, remainingSeconds };
}
