import {
  Compare_CompareResult,
  Compare_CompareTarget,
  type DeepPartial,
  KVDefinition,
  type PutRequest,
  RangeRequest,
  type RequestOp,
  type ResponseOp,
  TxnRequest,
} from "../../../src/shared/gen/etcdserverpb/rpc.js";
import type { KeyValue } from "../../../src/shared/gen/mvccpb/kv.js";
import type {
  Guard,
  KeyView,
  KvInput,
  KvOutput,
  KvStep,
  KvStepOutput,
} from "../../support/linearizability/kv-operation.js";
import type { MemberClient } from "./member-client.js";

const KV = KVDefinition.methods;

/** How a call is made. */
export interface KvCallOptions {
  readonly timeoutMs: number;
  /** Of a read: by the member alone. */
  readonly serializable?: boolean;
  /** Of a put. */
  readonly lease?: bigint;
}

/** Makes a call of the model at a member: a lone step by the RPC of its own, else a transaction. */
export async function callKv(
  client: MemberClient,
  input: KvInput,
  options: KvCallOptions,
): Promise<KvOutput> {
  const { timeoutMs } = options;
  const [step, ...others] = input.success;
  if (step === undefined || others.length > 0 || input.guards.length > 0) {
    const request = txnRequest(input);
    const answer = await client.unary(KVDefinition, KV.txn, request, { timeoutMs });
    const { succeeded, responses } = answer;
    const steps = responses.map(({ response }) => stepOutput(response));
    return { revision: Number(answer.header?.revision), succeeded, steps };
  }
  const answer = await callStep(client, step, options);
  const revision = Number(answer?.value.header?.revision);
  return { revision, succeeded: true, steps: [stepOutput(answer)] };
}

async function callStep(
  client: MemberClient,
  step: KvStep,
  options: KvCallOptions,
): Promise<ResponseOp["response"]> {
  const { timeoutMs } = options;
  const key = Buffer.from(step.key);
  if (step.kind === "put") {
    const request = { ...putRequest(step), lease: options.lease ?? 0n };
    const value = await client.unary(KVDefinition, KV.put, request, { timeoutMs });
    return { $case: "responsePut", value };
  }
  if (step.kind === "delete") {
    const request = { key, rangeEnd: new Uint8Array(), prevKv: true };
    const value = await client.unary(KVDefinition, KV.deleteRange, request, { timeoutMs });
    return { $case: "responseDeleteRange", value };
  }
  const request = RangeRequest.fromPartial({ key, serializable: options.serializable ?? false });
  const value = await client.unary(KVDefinition, KV.range, request, { timeoutMs });
  return { $case: "responseRange", value };
}

function txnRequest(input: KvInput): TxnRequest {
  return TxnRequest.fromPartial({
    compare: input.guards.map((guard) => ({
      key: Buffer.from(guard.key),
      result: RESULTS[guard.is],
      ...compareTarget(guard),
    })),
    success: input.success.map(requestOp),
    failure: input.failure.map(requestOp),
  });
}

const RESULTS = {
  "=": Compare_CompareResult.EQUAL,
  "!=": Compare_CompareResult.NOT_EQUAL,
  "<": Compare_CompareResult.LESS,
  ">": Compare_CompareResult.GREATER,
} as const;

function compareTarget({ target, than }: Guard): DeepPartial<TxnRequest["compare"][number]> {
  const { VALUE, MOD, CREATE, VERSION } = Compare_CompareTarget;
  switch (target) {
    case "value":
      return { target: VALUE, targetUnion: { $case: "value", value: Buffer.from(`${than}`) } };
    case "modRevision":
      return { target: MOD, targetUnion: { $case: "modRevision", value: BigInt(than) } };
    case "createRevision":
      return { target: CREATE, targetUnion: { $case: "createRevision", value: BigInt(than) } };
    case "version":
      return { target: VERSION, targetUnion: { $case: "version", value: BigInt(than) } };
  }
}

function requestOp(step: KvStep): DeepPartial<RequestOp> {
  const key = Buffer.from(step.key);
  if (step.kind === "put") {
    return { request: { $case: "requestPut", value: putRequest(step) } };
  }
  if (step.kind === "delete") {
    return { request: { $case: "requestDeleteRange", value: { key, prevKv: true } } };
  }
  return { request: { $case: "requestRange", value: { key } } };
}

function putRequest({ key, value }: Extract<KvStep, { kind: "put" }>): PutRequest {
  const bytes = { key: Buffer.from(key), value: Buffer.from(value) };
  return { ...bytes, lease: 0n, prevKv: true, ignoreValue: false, ignoreLease: false };
}

function stepOutput(response: ResponseOp["response"]): KvStepOutput {
  switch (response?.$case) {
    case "responsePut":
      return { kind: "put", previous: viewOf(response.value.prevKv) ?? "none" };
    case "responseDeleteRange": {
      const { deleted, prevKvs } = response.value;
      return { kind: "delete", deleted: Number(deleted), previous: viewOf(prevKvs[0]) ?? "none" };
    }
    case "responseRange":
      return { kind: "get", found: viewOf(response.value.kvs[0]) };
    default:
      throw new Error("an answer of another kind");
  }
}

/** A key-value as the checkers speak of it. */
export function viewOf(kv: KeyValue | undefined): KeyView | undefined {
  if (kv === undefined) return undefined;
  return {
    value: Buffer.from(kv.value).toString(),
    createRevision: Number(kv.createRevision),
    modRevision: Number(kv.modRevision),
    version: Number(kv.version),
  };
}
