import { TxnRequest } from "../../src/shared/gen/etcdserverpb/rpc.js";
import { type Connection, RPC } from "../client/connection.js";
import type { TxnK8sLoad } from "../load/loads.js";
import type { Done, Operation } from "../load/tally.js";
import { benchKey } from "../wire/bench-key.js";
import { KeyTemplate } from "../wire/key-template.js";
import { modRevisionCompare, revisionAfter } from "../wire/revision-txn.js";
import { randomValue } from "../wire/value.js";
import type { Workload, WorkloadContext } from "./workload.js";

/** Prefix of the keys: their revisions must not change under the clients. */
const TXN_PREFIX = "btxns/";

/**
 * What a Kubernetes API server writes: create (if the key is not there) the first time, then update
 * (if the revision is the one seen last), with a read of the key in the other branch. Each client
 * has keys of its own.
 */
export function txnK8sWorkload(load: TxnK8sLoad, context: WorkloadContext): Workload {
  const { share, clients } = context;
  const branches = branchesTemplate(load, context.seed);
  const keysPerClient = Math.max(1, Math.floor(load.keySpaceSize / clients));
  return {
    unit: "txns",
    open: (connection, client) => {
      const first = (client * share.threads + share.thread) * keysPerClient;
      const keys = { first, count: keysPerClient, keyBytes: load.keySize };
      return Promise.resolve(objectWriter(connection, branches, keys));
    },
  };
}

function branchesTemplate(load: TxnK8sLoad, seed: number): KeyTemplate {
  const value = randomValue(load.valSize, seed);
  const shape = { prefix: TXN_PREFIX, keyBytes: load.keySize, keys: 1 };
  return new KeyTemplate(shape, ([key]) =>
    TxnRequest.encode(
      TxnRequest.fromPartial({
        success: [{ request: { $case: "requestPut", value: { key: key!, value } } }],
        failure: [{ request: { $case: "requestRange", value: { key: key! } } }],
      }),
    ).finish(),
  );
}

interface OwnKeys {
  readonly first: number;
  readonly count: number;
  readonly keyBytes: number;
}

function objectWriter(connection: Connection, branches: KeyTemplate, keys: OwnKeys): Operation {
  /** Revision of each key as it was seen last; 0 when it is not there. */
  const revisions = new Float64Array(keys.count);
  let turn = 0;
  return (done: Done) => {
    const own = turn % keys.count;
    turn += 1;
    const number = keys.first + own;
    const key = benchKey(TXN_PREFIX, number, keys.keyBytes);
    const compare = modRevisionCompare(key, revisions[own] ?? 0);
    const request = Buffer.allocUnsafe(compare.length + branches.length);
    request.set(compare);
    branches.fillInto(request, compare.length, number);
    connection.unary(RPC.txn, request, (failure, answer) => {
      if (failure === undefined) revisions[own] = revisionAfter(answer).revision;
      done(failure);
    });
  };
}
