import { ErrorCode } from "../../shared/errors.js";
import type { DeleteRangeRequest, PutRequest } from "../../shared/gen/etcdserverpb/rpc.js";
import type { KeySpace } from "../../shared/mvcc/key-space.js";
import { storedValue } from "../../shared/mvcc/key-value.js";
import type { KeyVersion } from "../../shared/mvcc/key-version.js";
import { keyBounds } from "../../shared/mvcc/range-bounds.js";
import type { LeaseKeys } from "./lease-keys.js";
import type { Lessor } from "./lessor.js";

const NO_VALUE = new Uint8Array(0);

/** Counts of what was executed, for the metrics. */
export interface OpCounts {
  puts: number;
  deletes: number;
  ranges: number;
}

/** What the key operations work on. */
export interface OpContext {
  readonly space: KeySpace;
  readonly lessor: Lessor;
  readonly leaseKeys: LeaseKeys;
  readonly counts: OpCounts;
}

/**
 * Why a put must not run, 0 if it may: lease first, then the ignore flags (P-05, P-07, P-08, T-27). The
 * argument checks of the frontend are repeated, so that no log entry can break an invariant here.
 */
export function checkPut(context: OpContext, request: PutRequest): ErrorCode | 0 {
  if (request.key.length === 0) return ErrorCode.emptyKey;
  if (request.ignoreValue && request.value.length > 0) return ErrorCode.valueProvided;
  if (request.ignoreLease && request.lease !== 0n) return ErrorCode.leaseProvided;
  if (request.lease !== 0n && context.lessor.get(request.lease) === undefined) {
    return ErrorCode.leaseNotFound;
  }
  if (!request.ignoreValue && !request.ignoreLease) return 0;
  return context.space.view.get(request.key) === undefined ? ErrorCode.keyNotFound : 0;
}

/**
 * Puts, inside an open revision and after `checkPut` has passed. Returns the previous KeyValue when the
 * request asks for it and there was one (P-03, T-25): valid in this turn.
 */
export function runPut(context: OpContext, request: PutRequest): Uint8Array | undefined {
  const { space, leaseKeys } = context;
  const wanted = request.prevKv || request.ignoreValue || request.ignoreLease;
  const current = wanted ? space.view.get(request.key) : undefined;
  // A key that an earlier op of the txn deleted (T-17) has no value or lease to keep.
  const kept = current === undefined ? NO_VALUE : storedValue(current.keyValue);
  const value = request.ignoreValue ? kept : request.value;
  const lease = request.ignoreLease ? (current?.lease ?? 0n) : request.lease;
  const previousLease = space.put(request.key, value, lease)?.lease ?? 0n;
  if (previousLease !== lease) {
    if (previousLease !== 0n) leaseKeys.detach(previousLease, request.key);
    if (lease !== 0n) leaseKeys.attach(lease, request.key);
  }
  context.counts.puts += 1;
  return request.prevKv ? current?.keyValue : undefined;
}

/** What a delete range removed. */
export interface Deleted {
  readonly count: number;
  /** Ascending by key, when asked for (D-04); valid in this turn. */
  readonly previous: readonly Uint8Array[];
}

/** Deletes, inside an open revision, in ascending key order (D-03). */
export function runDeleteRange(context: OpContext, request: DeleteRangeRequest): Deleted {
  const deleted = context.space.deleteRange(keyBounds(request.key, request.rangeEnd));
  for (const version of deleted) detachDeleted(context, version);
  context.counts.deletes += 1;
  const previous = request.prevKv ? deleted.map((version) => version.keyValue) : [];
  return { count: deleted.length, previous };
}

/** Deletes one key, if it exists, inside an open revision. */
export function deleteKey(context: OpContext, key: Uint8Array): void {
  const deleted = context.space.delete(key);
  if (deleted !== undefined) detachDeleted(context, deleted);
}

/** A deleted key leaves its lease (D-05). */
function detachDeleted(context: OpContext, version: KeyVersion): void {
  if (version.lease !== 0n) context.leaseKeys.detach(version.lease, version.key);
}
