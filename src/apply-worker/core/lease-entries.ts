import { ErrorCode } from "../../shared/errors.js";
import {
  type LeaseCheckpointRequest,
  type LeaseGrantRequest,
  LeaseGrantResponse,
  type LeaseRevokeRequest,
} from "../../shared/gen/etcdserverpb/rpc.js";
import { LEASE_TTL_SECONDS_MAX } from "../../shared/limits.js";
import { LEASE_GRANT_COST_BYTES } from "../../shared/space-cost.js";
import {
  type ApplyResult,
  answered,
  type MachineContext,
  refused,
  withinQuota,
} from "./machine-context.js";
import { deleteKey } from "./write-ops.js";

/** Applies a LeaseGrant (L-01 to L-05). */
export function applyLeaseGrant(context: MachineContext, request: LeaseGrantRequest): ApplyResult {
  return withinQuota(context, LEASE_GRANT_COST_BYTES, () => {
    const granted = context.lessor.grant(request.ID, request.TTL, context.nowMs);
    if (!granted.ok) return refused(context, granted.code);
    context.tables.putLease(granted.value);
    context.counts.leasesGranted += 1;
    const response = {
      header: undefined,
      ID: request.ID,
      TTL: BigInt(granted.value.ttlSeconds),
      error: "",
    };
    return answered(context, LeaseGrantResponse.encode(response).finish());
  });
}

/** Applies a LeaseRevoke, asked for or by expiry: its keys go in one revision (L-06, L-07). */
export function applyLeaseRevoke(
  context: MachineContext,
  request: LeaseRevokeRequest,
): ApplyResult {
  const { space, lessor, leaseKeys } = context;
  if (lessor.get(request.ID) === undefined) return refused(context, ErrorCode.leaseNotFound);
  const keys = leaseKeys.keys(request.ID);
  if (keys.length > 0) {
    space.begin(space.view.revision + 1);
    for (const key of keys) deleteKey(context, key);
    space.end();
  }
  lessor.remove(request.ID);
  context.tables.removeLease(request.ID);
  context.counts.leasesRevoked += 1;
  return answered(context);
}

/** Applies a LeaseCheckpoint; leases that are gone and times out of range are passed over. */
export function applyLeaseCheckpoint(
  context: MachineContext,
  request: LeaseCheckpointRequest,
): ApplyResult {
  for (const { ID, remainingTTL } of request.checkpoints) {
    if (remainingTTL < 0n || remainingTTL > LEASE_TTL_SECONDS_MAX) continue;
    if (!context.lessor.checkpoint(ID, Number(remainingTTL), context.nowMs)) continue;
    const lease = context.lessor.get(ID);
    if (lease !== undefined) context.tables.putLease(lease);
  }
  return answered(context);
}
