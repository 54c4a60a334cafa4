import {
  type DeepPartial,
  type RequestOp,
  TxnRequest,
} from "../../src/shared/gen/etcdserverpb/rpc.js";
import { RPC } from "../client/connection.js";
import type { LoadPlan } from "../load/plan.js";
import { KeyTemplate } from "../wire/key-template.js";
import { randomValue } from "../wire/value.js";
import { COMMON_PREFIX } from "./put.js";
import type { Share, Workload } from "./workload.js";

/** What --max-txn-ops allows by default (docs/facts/limits.md). */
const OPS_PER_TXN_MAX = 128;

/** Puts per transaction of a fill. */
export function fillBatch(plan: LoadPlan): number {
  return Math.min(OPS_PER_TXN_MAX, plan.keySpaceSize);
}

/**
 * Calls that write every key of the key space; the last one writes some keys again where it does
 * not divide.
 */
export function fillCalls(plan: LoadPlan): number {
  return Math.ceil(plan.keySpaceSize / fillBatch(plan));
}

/** Writes the keys of the key space in order, many in a transaction. */
export function fillWorkload(plan: LoadPlan, share: Share): Workload {
  const batch = fillBatch(plan);
  const value = randomValue(plan.valSize, plan.seed);
  const shape = { prefix: COMMON_PREFIX, keyBytes: plan.keySize, keys: batch };
  const template = new KeyTemplate(shape, (keys) => {
    const success = keys.map((key): DeepPartial<RequestOp> => {
      return { request: { $case: "requestPut", value: { key, value } } };
    });
    return TxnRequest.encode(TxnRequest.fromPartial({ success })).finish();
  });
  let call = share.thread;
  const nextFirst = (): number => {
    const first = Math.min(call * batch, plan.keySpaceSize - batch);
    call += share.threads;
    return first;
  };
  return {
    unit: "keys",
    unitsPerCall: batch,
    open: (connection) =>
      Promise.resolve((done) => connection.unary(RPC.txn, template.fill(nextFirst()), done)),
  };
}
