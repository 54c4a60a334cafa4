import type { TxnRequest } from "../../shared/gen/etcdserverpb/rpc.js";
import type { RangeBudget } from "../../shared/mvcc/range.js";
import { readOnlyTxnBody } from "../pool/read-only-txn.js";
import type { UnaryCall } from "../transport/method.js";
import { failWith } from "./context.js";
import type { KvContext } from "./kv.js";
import { answerPooled } from "./pooled-read.js";

/**
 * Answers a transaction of nothing but ranges: from the frontend's view, or from the pool when it is too much
 * for this thread. Compares over ranges have no bound that shows beforehand: always the pool.
 */
export function answerReadOnlyTxn(
  context: KvContext,
  call: UnaryCall,
  request: TxnRequest,
  budget: RangeBudget,
): void {
  const { view } = context.frontend;
  if (request.compare.some(({ rangeEnd }) => rangeEnd.length > 0)) {
    return answerPooled(context, call, { kind: "txn", request });
  }
  const body = readOnlyTxnBody(view, request, budget);
  if (!body.ok) return failWith(call, body.code);
  if (body.value === "tooBig") return answerPooled(context, call, { kind: "txn", request });
  call.reply(context.header.reply(view.revision, body.value));
}
