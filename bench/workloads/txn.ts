import {
  Compare,
  Compare_CompareResult,
  Compare_CompareTarget,
  TxnRequest,
  TxnResponse,
} from "../../src/shared/gen/etcdserverpb/rpc.js";
import { type Connection, RPC } from "../client/connection.js";
import type { Done, Operation } from "../load/closed-loop.js";
import type { LoadPlan } from "../load/plan.js";
import { benchKey } from "../wire/bench-key.js";
import { KeyTemplate } from "../wire/key-template.js";
import { randomValue } from "../wire/value.js";
import type { Share, Workload } from "./workload.js";

/** Prefix of the keys: their revisions must not change under the clients. */
const TXN_PREFIX = "btxns/";

/**
 * What a Kubernetes API server writes: create (if the key is not there) the first time, then update
 * (if the revision is the one seen last), with a read of the key in the other branch. Each client
 * has keys of its own.
 */
export function txnWorkload(plan: LoadPlan, share: Share): Workload {
  const branches = branchesTemplate(plan);
  const keysPerClient = Math.max(1, Math.floor(plan.keySpaceSize / plan.clients));
  return {
    unit: "txns",
    unitsPerCall: 1,
    open: (connection, client) => {
      const first = (client * share.threads + share.thread) * keysPerClient;
      const keys = { first, count: keysPerClient, keyBytes: plan.keySize };
      return Promise.resolve(objectWriter(connection, branches, keys));
    },
  };
}

function branchesTemplate(plan: LoadPlan): KeyTemplate {
  const value = randomValue(plan.valSize, plan.seed);
  const shape = { prefix: TXN_PREFIX, keyBytes: plan.keySize, keys: 1 };
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
    const compare = revisionCompare(
      benchKey(TXN_PREFIX, number, keys.keyBytes),
      revisions[own] ?? 0,
    );
    const request = Buffer.allocUnsafe(compare.length + branches.length);
    request.set(compare);
    branches.fillInto(request, compare.length, number);
    connection.unary(RPC.txn, request, (failure, answer) => {
      if (failure === undefined) revisions[own] = revisionAfter(answer);
      done(failure);
    });
  };
}

/** The compare field of a TxnRequest; its other fields may follow. */
function revisionCompare(key: Buffer, modRevision: number): Uint8Array {
  const compare = Compare.fromPartial({
    key,
    target: Compare_CompareTarget.MOD,
    result: Compare_CompareResult.EQUAL,
    targetUnion: { $case: "modRevision", value: BigInt(modRevision) },
  });
  return TxnRequest.encode({ compare: [compare], success: [], failure: [] }).finish();
}

/**
 * The key's revision now: this transaction's, or, when another write was first, the one that was
 * read.
 */
function revisionAfter(answer: Buffer): number {
  const { header, succeeded, responses } = TxnResponse.decode(answer);
  if (succeeded) return Number(header?.revision ?? 0n);
  const response = responses[0]?.response;
  return response?.$case === "responseRange" ? Number(response.value.kvs[0]?.modRevision ?? 0n) : 0;
}
