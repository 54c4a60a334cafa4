import { RPC } from "../client/connection.js";
import type { TxnPutLoad } from "../load/loads.js";
import { prefixFor } from "../wire/bench-key.js";
import { KeyTemplate } from "../wire/key-template.js";
import { randomValue } from "../wire/value.js";
import { putsMessage } from "./fill.js";
import { numbersInOrder } from "./key-numbers.js";
import { COMMON_PREFIX } from "./put.js";
import type { Workload, WorkloadContext } from "./workload.js";

/**
 * Transactions of `txnOps` puts each on the next keys of the key space in order. Where the key space is at
 * its end, a transaction takes its last keys: none may have the same key twice.
 */
export function txnPutWorkload(load: TxnPutLoad, context: WorkloadContext): Workload {
  const value = randomValue(load.valSize, context.seed);
  const prefix = prefixFor(COMMON_PREFIX, load.keySize);
  const shape = { prefix, keyBytes: load.keySize, keys: load.txnOps };
  const template = new KeyTemplate(shape, (keys) => putsMessage(keys, value));
  const batches = numbersInOrder(Math.ceil(load.keySpaceSize / load.txnOps), context);
  const last = load.keySpaceSize - load.txnOps;
  return {
    unit: "txns",
    open: (connection) =>
      Promise.resolve((done) => {
        const first = Math.min(last, batches() * load.txnOps);
        connection.unary(RPC.txn, template.fill(first), (failure) => done(failure));
      }),
  };
}
