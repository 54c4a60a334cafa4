import type {
  DeleteRangeResponse,
  PutResponse,
  RangeResponse,
  TxnResponse,
} from "../../../src/shared/gen/etcdserverpb/rpc.js";
import type { KeyValue } from "../../../src/shared/gen/mvccpb/kv.js";
import { text } from "../../apply/support/machine.js";
import type { KeyView, KvStep, KvStepOutput } from "../../support/linearizability/kv-operation.js";

/** A key as a client reads it. */
export function keyView(keyValue: KeyValue | undefined): KeyView | undefined {
  if (keyValue === undefined) return undefined;
  return {
    value: text(keyValue.value),
    createRevision: Number(keyValue.createRevision),
    modRevision: Number(keyValue.modRevision),
    version: Number(keyValue.version),
  };
}

/** What a put that asked for the previous value was told. */
export function putOutput({ prevKv }: PutResponse): KvStepOutput {
  return { kind: "put", previous: keyView(prevKv) ?? "none" };
}

/** What a delete that asked for the previous value was told. */
export function deleteOutput({ deleted, prevKvs }: DeleteRangeResponse): KvStepOutput {
  return { kind: "delete", deleted: Number(deleted), previous: keyView(prevKvs[0]) ?? "none" };
}

/** What a read of one key was told. */
export function getOutput({ kvs }: RangeResponse): KvStepOutput {
  return { kind: "get", found: keyView(kvs[0]) };
}

/** What a transaction's branch was told. */
export function txnOutputs(response: TxnResponse, steps: readonly KvStep[]): KvStepOutput[] {
  return steps.map((_step, at) => {
    const op = response.responses[at]?.response;
    if (op?.$case === "responsePut") return putOutput(op.value);
    if (op?.$case === "responseDeleteRange") return deleteOutput(op.value);
    if (op?.$case === "responseRange") return getOutput(op.value);
    throw new Error("an operation without its answer");
  });
}
