import { assert } from "../../shared/assert.js";
import { ErrorCode, type Outcome, refuse, succeed } from "../../shared/errors.js";
import { LEASE_TTL_SECONDS_MAX } from "../../shared/limits.js";
import { type Lease, makeLease, remainingMs } from "./lease.js";
import {
  CHECKPOINT_ENTRIES_PER_SCAN_MAX,
  CHECKPOINTS_PER_ENTRY_MAX,
  LeaseCheckpoints,
  type RemainingTtl,
  recordRemaining,
} from "./lease-checkpoints.js";
import { LeaseExpiry } from "./lease-expiry.js";
import { type RenewalAnswer, RenewalQueue, type RenewalRequest } from "./renewal-queue.js";

/** Time between two scans for expired leases (L-40). */
export const LEASE_SCAN_MS = 500;
/** Leases that may expire per second after a change of leadership; larger piles are spread (L-42). */
export const LEASE_EXPIRIES_PER_SECOND = 750;
/** A renewal's reset that was not applied after this long is proposed again. */
const RESET_RETRY_MS = 2000;

/** What the lessor wants put through the log. */
export interface LeaseProposals {
  readonly revokes: readonly bigint[];
  /** Each list is one entry. */
  readonly checkpoints: readonly (readonly RemainingTtl[])[];
}

/** What is left of a lease, as LeaseTimeToLive tells it (L-30 to L-32). */
export interface LeaseStatus {
  /** Whole seconds; -1 for an unknown lease. */
  readonly remainingSeconds: number;
  /** 0 for an unknown lease. */
  readonly grantedSeconds: number;
}

/** Shape of the group that the minimum TTL and the extension on promotion depend on. */
export interface LessorOptions {
  readonly heartbeatMs: number;
  readonly electionMs: number;
}

/**
 * The leases. Granting, revoking and checkpoints come out of the log and are the same on every
 * member; deadlines exist on the leader alone, between `promote` and `demote`. Time is given with
 * every call, in milliseconds of a monotonic clock (L-44).
 */
export class Lessor {
  readonly #leases = new Map<bigint, Lease>();
  readonly #expiry = new LeaseExpiry();
  readonly #checkpoints = new LeaseCheckpoints();
  readonly #renewals = new RenewalQueue();
  readonly #ttlSecondsMin: number;
  readonly #electionMs: number;
  #primary = false;
  #nextScanMs = Number.POSITIVE_INFINITY;

  constructor(options: LessorOptions) {
    this.#ttlSecondsMin = leaseTtlSecondsMin(options);
    this.#electionMs = options.electionMs;
  }

  /** Leases that exist. */
  get count(): number {
    return this.#leases.size;
  }

  /** Whether deadlines run here. */
  get isPrimary(): boolean {
    return this.#primary;
  }

  /** The lease of an id. The object is the lessor's own. */
  get(id: bigint): Readonly<Lease> | undefined {
    return this.#leases.get(id);
  }

  /** All leases, in no order. */
  all(): IterableIterator<Readonly<Lease>> {
    return this.#leases.values();
  }

  /** Takes a stored lease in at start. */
  restore(id: bigint, ttlSeconds: number, checkpointedSeconds: number): void {
    assert(!this.#leases.has(id), "a lease is stored twice", { id });
    this.#leases.set(id, makeLease(id, ttlSeconds, checkpointedSeconds));
  }

  /** Applies a grant (L-01 to L-03). The frontend has chosen the id; 0 is nobody's. */
  grant(id: bigint, ttlSeconds: bigint, nowMs: number): Outcome<Readonly<Lease>> {
    if (id === 0n) return refuse(ErrorCode.leaseNotFound);
    if (ttlSeconds > LEASE_TTL_SECONDS_MAX) return refuse(ErrorCode.leaseTtlTooLarge);
    if (this.#leases.has(id)) return refuse(ErrorCode.leaseExists);
    const lease = makeLease(id, Math.max(Number(ttlSeconds), this.#ttlSecondsMin), 0);
    this.#leases.set(id, lease);
    if (this.#primary) this.#start(lease, nowMs + lease.ttlSeconds * 1000);
    return succeed(lease);
  }

  /** Applies a revoke, after its keys were deleted. Whoever waits to renew it is told (L-23). */
  remove(id: bigint): void {
    const lease = this.#leases.get(id);
    assert(lease !== undefined, "revoke of an unknown lease", { id });
    lease.gone = true;
    this.#leases.delete(id);
    this.#expiry.revoked(id);
    this.#renewals.settle(id, { code: 0, ttlSeconds: 0 });
  }

  /**
   * Applies a recorded remaining TTL; 0 is the full one. False when there is no such lease (any more).
   */
  checkpoint(id: bigint, remainingSeconds: number, nowMs: number): boolean {
    const lease = this.#leases.get(id);
    if (lease === undefined) return false;
    lease.checkpointedSeconds = remainingSeconds;
    lease.checkpointInFlight = false;
    if (remainingSeconds !== 0) return true;
    lease.resetProposedMs = -1;
    if (this.#primary && remainingMs(lease, nowMs) > 0) {
      this.#extend(lease, nowMs);
      this.#renewals.settle(id, { code: 0, ttlSeconds: lease.ttlSeconds });
    }
    return true;
  }

  /**
   * Renews a lease (L-20 to L-23). Answered at once, or through `takeAnswers`: a lease past its
   * deadline when its revoke is applied; a lease with a checkpoint when the reset is, since else a new
   * leader could give it less time than its holder was promised.
   */
  renew(request: RenewalRequest, nowMs: number): RenewalAnswer | undefined {
    if (!this.#primary) return { ...request, code: ErrorCode.notPrimaryLessor, ttlSeconds: 0 };
    const lease = this.#leases.get(request.id);
    if (lease === undefined) return { ...request, code: 0, ttlSeconds: 0 };
    const expired = remainingMs(lease, nowMs) <= 0;
    if (!expired) {
      const recorded = lease.checkpointedSeconds > 0 || lease.checkpointInFlight;
      this.#extend(lease, nowMs);
      if (!recorded) return { ...request, code: 0, ttlSeconds: lease.ttlSeconds };
      if (lease.resetProposedMs < 0 || nowMs - lease.resetProposedMs > RESET_RETRY_MS) {
        this.#checkpoints.reset(lease, nowMs);
      }
    }
    if (this.#renewals.wait(request, nowMs)) return undefined;
    return { ...request, code: ErrorCode.tooManyRequests, ttlSeconds: 0 };
  }

  /** What is left of a lease (L-30 to L-32); refused on a member that does not lead (L-34). */
  timeToLive(id: bigint, nowMs: number): Outcome<LeaseStatus> {
    if (!this.#primary) return refuse(ErrorCode.notPrimaryLessor);
    const lease = this.#leases.get(id);
    if (lease === undefined) return succeed({ remainingSeconds: -1, grantedSeconds: 0 });
    // Just after a grant the clock has not moved, but etcd's has: 10 s granted read 9 (L-30).
    const remainingSeconds = Math.trunc((remainingMs(lease, nowMs) - 1) / 1000);
    return succeed({ remainingSeconds, grantedSeconds: lease.ttlSeconds });
  }

  /** Ids, nearest expiry first on the leader (L-35). */
  list(): bigint[] {
    const leases = [...this.#leases.values()];
    if (this.#primary) leases.sort((a, b) => a.deadlineMs - b.deadlineMs);
    return leases.map((lease) => lease.id);
  }

  /**
   * This member leads now: every lease gets its recorded remaining TTL, or the full one, and an
   * election timeout on top. No more than `LEASE_EXPIRIES_PER_SECOND` deadlines fall into a second.
   */
  promote(nowMs: number): void {
    this.demote();
    this.#primary = true;
    this.#nextScanMs = nowMs + LEASE_SCAN_MS;
    const leases = [...this.#leases.values()];
    leases.sort((a, b) => fullMs(a) - fullMs(b));
    let earliestMs = 0;
    for (const lease of leases) {
      const deadlineMs = Math.max(nowMs + fullMs(lease) + this.#electionMs, earliestMs);
      earliestMs = deadlineMs + 1000 / LEASE_EXPIRIES_PER_SECOND;
      this.#start(lease, deadlineMs);
    }
  }

  /** This member leads no more: nothing expires here, nobody is renewed here. */
  demote(): void {
    this.#primary = false;
    this.#nextScanMs = Number.POSITIVE_INFINITY;
    this.#expiry.clear();
    this.#checkpoints.clear();
    this.#renewals.refuseAll(ErrorCode.notPrimaryLessor);
    for (const lease of this.#leases.values()) {
      lease.deadlineMs = Number.POSITIVE_INFINITY;
      lease.recordedMs = fullMs(lease);
      lease.renewed = false;
      lease.checkpointInFlight = false;
      lease.resetProposedMs = -1;
    }
  }

  /** When `tick` has something to do; Infinity for never. */
  nextTickMs(nowMs: number): number {
    if (this.#expiry.hasDue || this.#checkpoints.hasResets) return nowMs;
    return this.#leases.size > 0 || this.#renewals.size > 0
      ? this.#nextScanMs
      : Number.POSITIVE_INFINITY;
  }

  /** Looks for what is due and hands out what to propose, in order. */
  tick(nowMs: number): LeaseProposals {
    let recorded = this.#checkpoints.takeResets();
    if (nowMs >= this.#nextScanMs) {
      this.#nextScanMs = nowMs + LEASE_SCAN_MS;
      this.#expiry.scan(nowMs);
      this.#renewals.expire(nowMs);
      recorded = recorded.concat(this.#checkpoints.scan(nowMs));
    }
    const revokes = this.#primary ? this.#expiry.takeRevokes(nowMs) : [];
    return { revokes, checkpoints: inEntries(recorded) };
  }

  /**
   * Records what is left of every lease, for an orderly stop; of the nearest to expire when there are
   * too many for a quick stop.
   */
  recordAll(nowMs: number): LeaseProposals {
    const recorded: RemainingTtl[] = [];
    const max = CHECKPOINTS_PER_ENTRY_MAX * CHECKPOINT_ENTRIES_PER_SCAN_MAX;
    for (const id of this.#primary ? this.list() : []) {
      const lease = this.#leases.get(id);
      assert(lease !== undefined, "a listed lease is unknown", { id });
      // Less than a second gained is not worth a record.
      if (lease.recordedMs - remainingMs(lease, nowMs) < 1000) continue;
      const remaining = recordRemaining(lease, nowMs);
      if (remaining !== undefined) recorded.push(remaining);
      if (recorded.length === max) break;
    }
    return { revokes: [], checkpoints: inEntries(recorded) };
  }

  /** Takes the answers to renewals that had to wait. */
  takeAnswers(): RenewalAnswer[] {
    return this.#renewals.takeAnswers();
  }

  #start(lease: Lease, deadlineMs: number): void {
    lease.deadlineMs = deadlineMs;
    this.#expiry.watch(lease);
    this.#checkpoints.watch(lease);
  }

  #extend(lease: Lease, nowMs: number): void {
    lease.deadlineMs = nowMs + lease.ttlSeconds * 1000;
    lease.recordedMs = lease.ttlSeconds * 1000;
    lease.renewed = true;
  }
}

/** Smallest TTL that is granted: more than an election takes (limits.md section 7). */
export function leaseTtlSecondsMin(options: LessorOptions): number {
  const electionTicks = Math.floor(options.electionMs / options.heartbeatMs);
  return Math.ceil((Math.floor((3 * electionTicks) / 2) * options.heartbeatMs) / 1000);
}

function fullMs(lease: Lease): number {
  return (lease.checkpointedSeconds > 0 ? lease.checkpointedSeconds : lease.ttlSeconds) * 1000;
}

function inEntries(recorded: readonly RemainingTtl[]): RemainingTtl[][] {
  const entries: RemainingTtl[][] = [];
  for (let at = 0; at < recorded.length; at += CHECKPOINTS_PER_ENTRY_MAX) {
    entries.push(recorded.slice(at, at + CHECKPOINTS_PER_ENTRY_MAX));
  }
  return entries;
}
