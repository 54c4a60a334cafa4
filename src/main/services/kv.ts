import { ErrorCode } from "../../shared/errors.js";
import {
  CompactionRequest,
  DeleteRangeRequest,
  PutRequest,
  RangeRequest,
  TxnRequest,
} from "../../shared/gen/etcdserverpb/rpc.js";
import { EntryKind } from "../../shared/messages/entry.js";
import { encodeRangeBody, rangeWithin } from "../../shared/mvcc/range.js";
import { decodeUsualPut } from "../../shared/put-request.js";
import { putCostBytes, txnCostBytes } from "../../shared/space-cost.js";
import type { ReadPool } from "../pool/read-pool.js";
import type { RpcMethod, UnaryCall } from "../transport/method.js";
import { checkDeleteRange, checkPut, checkRange, checkTxn, routeTxn } from "./check-request.js";
import { decodeRequest, failWith, type ServiceContext } from "./context.js";
import { answerPooled } from "./pooled-read.js";
import { answerUnary } from "./propose.js";
import { rangeStreamMethod } from "./range-stream.js";
import { answerReadOnlyTxn } from "./txn-read.js";

/** What a frontend walks itself before a read goes to the pool: a millisecond or two. */
const INLINE_READ = { keysMax: 1000, bytesMax: 1024 * 1024 } as const;

/** The KV service's own needs. */
export interface KvContext extends ServiceContext {
  readonly pool: ReadPool;
  readonly maxRequestBytes: number;
}

/** etcdserverpb.KV (docs/facts/semantics.md sections 3 to 7). */
export function kvMethods(context: KvContext): RpcMethod[] {
  const { frontend, header } = context;
  return [
    unary("Range", (call, bytes) => range(context, call, bytes)),
    rangeStreamMethod(context),
    unary("Put", (call, bytes) => put(context, call, bytes)),
    unary("DeleteRange", (call, bytes) => {
      const request = decodeRequest(call, DeleteRangeRequest, bytes);
      if (request === undefined) return;
      const code = checkDeleteRange(request);
      if (code !== 0) return failWith(call, code);
      frontend.propose(EntryKind.deleteRange, bytes, answerUnary(call, header));
    }),
    unary("Txn", (call, bytes) => txn(context, call, bytes)),
    unary("Compact", (call, bytes) => {
      if (decodeRequest(call, CompactionRequest, bytes) === undefined) return;
      frontend.propose(EntryKind.compact, bytes, answerUnary(call, header));
    }),
  ];
}

function unary(name: string, handle: (call: UnaryCall, bytes: Uint8Array) => void): RpcMethod {
  return { kind: "unary", path: `/etcdserverpb.KV/${name}`, handle };
}

function range(context: KvContext, call: UnaryCall, bytes: Uint8Array): void {
  const request = decodeRequest(call, RangeRequest, bytes);
  if (request === undefined) return;
  const code = checkRange(request);
  if (code !== 0) return failWith(call, code);
  if (request.serializable) return answerRange(context, call, request);
  context.frontend.linearizable((failure) => {
    if (call.cancelled) return;
    if (failure !== 0) failWith(call, failure);
    else answerRange(context, call, request);
  });
}

function answerRange(context: KvContext, call: UnaryCall, request: RangeRequest): void {
  const { frontend, header } = context;
  frontend.counts.ranges += 1;
  const outcome = rangeWithin(frontend.view, request, INLINE_READ);
  if (!outcome.ok) return failWith(call, outcome.code);
  if (outcome.value !== "tooBig") {
    return call.reply(header.reply(outcome.value.revision, encodeRangeBody(outcome.value)));
  }
  answerPooled(context, call, { kind: "range", request });
}

function put(context: KvContext, call: UnaryCall, bytes: Uint8Array): void {
  const request = decodeUsualPut(bytes) ?? decodeRequest(call, PutRequest, bytes);
  if (request === undefined) return;
  if (!context.quota.admits(putCostBytes(request))) return failWith(call, ErrorCode.noSpace);
  const code = checkPut(request);
  if (code !== 0) return failWith(call, code);
  context.frontend.propose(EntryKind.put, bytes, answerUnary(call, context.header));
}

function txn(context: KvContext, call: UnaryCall, bytes: Uint8Array): void {
  const request = decodeRequest(call, TxnRequest, bytes);
  if (request === undefined) return;
  if (!context.quota.admits(txnCostBytes(request))) return failWith(call, ErrorCode.noSpace);
  const code = checkTxn(request, context.maxTxnOps);
  if (code !== 0) return failWith(call, code);
  const route = routeTxn(request);
  if (route === "consensus") {
    return context.frontend.propose(EntryKind.txn, bytes, answerUnary(call, context.header));
  }
  if (route === "serializable") return answerReadOnlyTxn(context, call, request, INLINE_READ);
  context.frontend.linearizable((failure) => {
    if (call.cancelled) return;
    if (failure !== 0) failWith(call, failure);
    else answerReadOnlyTxn(context, call, request, INLINE_READ);
  });
}
