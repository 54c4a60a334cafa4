import {
  type DeepPartial,
  type RequestOp,
  TxnRequest,
} from "../../src/shared/gen/etcdserverpb/rpc.js";
import { RPC } from "../client/connection.js";
import type { FillLoad } from "../load/loads.js";
import { prefixFor } from "../wire/bench-key.js";
import { KeyTemplate } from "../wire/key-template.js";
import { randomValue } from "../wire/value.js";
import { COMMON_PREFIX } from "./put.js";
import type { Workload, WorkloadContext } from "./workload.js";

/** What --max-txn-ops allows by default (docs/facts/limits.md). */
const OPS_PER_TXN_MAX = 128;
/** Half of what --max-request-bytes allows by default. */
const TXN_BYTES_MAX = 768 * 1024;

/** Puts per transaction of a fill. */
function fillBatch(load: FillLoad): number {
  const fitting = Math.max(1, Math.floor(TXN_BYTES_MAX / (load.keySize + load.valSize)));
  return Math.min(OPS_PER_TXN_MAX, fitting, load.keySpaceSize);
}

/**
 * Calls that write every key of the key space; the last one writes some keys again where it does
 * not divide.
 */
export function fillCalls(load: FillLoad): number {
  return Math.ceil(load.keySpaceSize / fillBatch(load));
}

/** Writes the keys of the key space in order, many in a transaction. */
export function fillWorkload(load: FillLoad, { share, seed }: WorkloadContext): Workload {
  const batch = fillBatch(load);
  const value = randomValue(load.valSize, seed);
  const prefix = prefixFor(COMMON_PREFIX, load.keySize);
  const shape = { prefix, keyBytes: load.keySize, keys: batch };
  const template = new KeyTemplate(shape, (keys) => putsMessage(keys, value));
  let call = share.thread;
  const nextFirst = (): number => {
    const first = Math.min(call * batch, load.keySpaceSize - batch);
    call += share.threads;
    return first;
  };
  return {
    unit: "keys",
    unitsPerCall: batch,
    open: (connection) =>
      Promise.resolve((done) =>
        connection.unary(RPC.txn, template.fill(nextFirst()), (failure) => done(failure)),
      ),
  };
}

/** A transaction that puts all these keys. */
export function putsMessage(keys: readonly Buffer[], value: Buffer): Uint8Array {
  const success = keys.map((key): DeepPartial<RequestOp> => {
    return { request: { $case: "requestPut", value: { key, value } } };
  });
  return TxnRequest.encode(TxnRequest.fromPartial({ success })).finish();
}
