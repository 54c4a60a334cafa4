/** One lease as the lessor keeps it. Times are milliseconds of the caller's monotonic clock. */
export interface Lease {
  readonly id: bigint;
  /** Granted TTL in seconds: what was asked for, raised to the minimum (L-02). */
  readonly ttlSeconds: number;
  /** Last remaining TTL that went through the log, 0 for the full one. */
  checkpointedSeconds: number;
  /** When it may be revoked; Infinity on a member that is not the leader. */
  deadlineMs: number;
  /** The remaining time a new leader would give it, were it elected now and every proposal applied. */
  recordedMs: number;
  /** Was renewed since this member leads: its holder is alive, so checkpoints are worth less. */
  renewed: boolean;
  /** A checkpoint was proposed and is not applied yet. */
  checkpointInFlight: boolean;
  /** When a reset to the full TTL was proposed; -1 when none is on its way. */
  resetProposedMs: number;
  /** Revoked: still in a heap perhaps, but no lease any more. */
  gone: boolean;
}

/** Drops of the remaining time below this are not worth a log entry. */
export const LEASE_CHECKPOINT_DROP_MS_MIN = 5000;
/** Share of the TTL that may pass before the remaining time is recorded. */
const CHECKPOINT_SHARE = 0.05;
/**
 * The same for a lease that its holder renews. Clients renew after a third of the TTL, so a lease in
 * good hands never costs a log entry.
 */
const CHECKPOINT_SHARE_RENEWED = 0.5;

/** Makes a lease that never expires, as long as this member does not lead. */
export function makeLease(id: bigint, ttlSeconds: number, checkpointedSeconds: number): Lease {
  return {
    id,
    ttlSeconds,
    checkpointedSeconds,
    deadlineMs: Number.POSITIVE_INFINITY,
    recordedMs: (checkpointedSeconds > 0 ? checkpointedSeconds : ttlSeconds) * 1000,
    renewed: false,
    checkpointInFlight: false,
    resetProposedMs: -1,
    gone: false,
  };
}

/** Remaining milliseconds; negative once the deadline has passed. */
export function remainingMs(lease: Lease, nowMs: number): number {
  return lease.deadlineMs - nowMs;
}

/** When the lease has lost enough of its recorded time that the rest should be recorded. */
export function checkpointDueMs(lease: Lease): number {
  const share = lease.renewed ? CHECKPOINT_SHARE_RENEWED : CHECKPOINT_SHARE;
  const drop = Math.max(LEASE_CHECKPOINT_DROP_MS_MIN, lease.ttlSeconds * 1000 * share);
  return lease.deadlineMs - lease.recordedMs + drop;
}
