import { ErrorCode } from "../../shared/errors.js";
import type {
  CompactionRequest,
  DeleteRangeRequest,
  PutRequest,
  TxnRequest,
} from "../../shared/gen/etcdserverpb/rpc.js";
import { EMPTY_BODY } from "../../shared/response-body.js";
import { putCostBytes, txnCostBytes } from "../../shared/space-cost.js";
import { deleteRangeBody, putBody } from "./body.js";
import {
  type ApplyResult,
  answered,
  type MachineContext,
  refused,
  withinQuota,
} from "./machine-context.js";
import { planTxn, runTxn } from "./txn.js";
import { checkPut, runDeleteRange, runPut } from "./write-ops.js";

/** Applies a Put (semantics.md section 4). */
export function applyPut(context: MachineContext, request: PutRequest): ApplyResult {
  const code = checkPut(context, request);
  if (code !== 0) return refused(context, code);
  return withinQuota(context, putCostBytes(request), () => {
    const { space } = context;
    space.begin(space.view.revision + 1);
    const previous = runPut(context, request);
    space.end();
    const body = previous === undefined ? EMPTY_BODY : putBody(previous).join();
    return answered(context, body);
  });
}

/** Applies a DeleteRange (semantics.md section 5). */
export function applyDeleteRange(
  context: MachineContext,
  request: DeleteRangeRequest,
): ApplyResult {
  if (request.key.length === 0) return refused(context, ErrorCode.emptyKey);
  const { space } = context;
  space.begin(space.view.revision + 1);
  const deleted = runDeleteRange(context, request);
  space.end();
  return answered(context, deleteRangeBody(deleted).join());
}

/** Applies a Txn (semantics.md section 6). */
export function applyTxn(context: MachineContext, request: TxnRequest): ApplyResult {
  const plan = planTxn(context, request);
  if (typeof plan === "number") return refused(context, plan);
  return withinQuota(context, txnCostBytes(request), () => {
    const { space } = context;
    const before = space.view.revision;
    space.begin(before + 1);
    const body = runTxn(context, plan, { before, main: before + 1 }).join();
    space.end();
    context.counts.txns += 1;
    return answered(context, body);
  });
}

/**
 * Applies the logical part of a Compact (C-01 to C-05): reads below are refused from now on. What need not
 * be kept is removed later, in slices.
 */
export function applyCompact(context: MachineContext, request: CompactionRequest): ApplyResult {
  const { view } = context.space;
  const awaitsCompaction = request.physical;
  if (request.revision <= view.compactRevision) {
    return { ...refused(context, ErrorCode.compacted), awaitsCompaction };
  }
  if (request.revision > view.revision) return refused(context, ErrorCode.futureRevision);
  view.setCompactRevision(Number(request.revision));
  return { ...answered(context), awaitsCompaction };
}
