import type { PutRequest, RequestOp, TxnRequest } from "./gen/etcdserverpb/rpc.js";

/** Cost of a LeaseGrant (limits.md section 6). */
export const LEASE_GRANT_COST_BYTES = 64;
/** What a put costs beside its key and value. */
const PUT_COST_BYTES = 256;

/** Bytes that a put may add to the store. */
export function putCostBytes(request: PutRequest): number {
  return PUT_COST_BYTES + request.key.length + request.value.length;
}

/** Bytes that a txn may add: the dearer branch's puts, nested txns included. 0 when it has no put. */
export function txnCostBytes(request: TxnRequest): number {
  return Math.max(branchCostBytes(request.success), branchCostBytes(request.failure));
}

function branchCostBytes(ops: readonly RequestOp[]): number {
  let bytes = 0;
  for (const { request } of ops) {
    if (request?.$case === "requestPut") bytes += putCostBytes(request.value);
    else if (request?.$case === "requestTxn") bytes += txnCostBytes(request.value);
  }
  return bytes;
}
