import { TxnRequest } from "../../src/shared/gen/etcdserverpb/rpc.js";
import { seededRandom } from "../../src/shared/prng.js";
import { RPC } from "../client/connection.js";
import type { TxnMixedLoad } from "../load/loads.js";
import { prefixFor } from "../wire/bench-key.js";
import { KeyTemplate } from "../wire/key-template.js";
import { randomValue } from "../wire/value.js";
import { putsMessage } from "./fill.js";
import { numbersInOrder } from "./key-numbers.js";
import { COMMON_PREFIX } from "./put.js";
import type { Workload, WorkloadContext } from "./workload.js";

const SERIES = { read: 0, write: 1 } as const;
/** From the smallest key on; as the end of a range, to the largest (docs/facts: range_end). */
const FIRST_KEY = Buffer.from([0]);

/** Transactions of one operation: `rwRatio` ranges for each put, at random. */
export function txnMixedWorkload(load: TxnMixedLoad, context: WorkloadContext): Workload {
  const value = randomValue(load.valSize, context.seed);
  const prefix = prefixFor(COMMON_PREFIX, load.keySize);
  const write = new KeyTemplate({ prefix, keyBytes: load.keySize, keys: 1 }, (keys) =>
    putsMessage(keys, value),
  );
  const read = readMessage(load);
  const next = numbersInOrder(load.keySpaceSize, context);
  const random = seededRandom(context.seed + context.share.thread);
  const readShare = load.rwRatio / (1 + load.rwRatio);
  return {
    unit: "txns",
    series: Object.keys(SERIES),
    open: (connection) =>
      Promise.resolve((done) => {
        const isRead = random.below(RANDOM_STEPS) < readShare * RANDOM_STEPS;
        const series = isRead ? SERIES.read : SERIES.write;
        const message = isRead ? read : write.fill(next());
        connection.unary(RPC.txn, message, (failure) => done(failure, series));
      }),
  };
}

const RANDOM_STEPS = 2 ** 32;

function readMessage({ endKey, limit, serializable }: TxnMixedLoad): Buffer {
  const rangeEnd = endKey === "" ? FIRST_KEY : Buffer.from(endKey);
  const value = { key: FIRST_KEY, rangeEnd, limit: BigInt(limit), serializable };
  const request = TxnRequest.fromPartial({
    success: [{ request: { $case: "requestRange", value } }],
  });
  return Buffer.from(TxnRequest.encode(request).finish());
}
