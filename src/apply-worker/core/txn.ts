import { assert } from "../../shared/assert.js";
import { ErrorCode } from "../../shared/errors.js";
import {
  type RangeRequest,
  RangeRequest_SortOrder,
  RangeRequest_SortTarget,
  type RequestOp,
  type TxnRequest,
} from "../../shared/gen/etcdserverpb/rpc.js";
import { comparesHold } from "../../shared/mvcc/compare.js";
import { encodeRangeBody, range } from "../../shared/mvcc/range.js";
import { BodyWriter, subHeader } from "../../shared/response-body.js";
import { deleteRangeBody, putBody } from "./body.js";
import { checkPut, type OpContext, runDeleteRange, runPut } from "./write-ops.js";

type Op = NonNullable<RequestOp["request"]>;
type SingleOp = Exclude<Op, { $case: "requestTxn" }>;

/** A txn with its comparisons done: the ops that will run. */
export interface TxnPlan {
  readonly succeeded: boolean;
  readonly ops: readonly PlannedOp[];
}

/** An op of the taken branch; a nested txn is planned too. */
type PlannedOp =
  | { readonly kind: "op"; readonly request: SingleOp }
  | { readonly kind: "txn"; readonly plan: TxnPlan };

/**
 * Compares and checks the taken path before any write (T-11, T-15, T-27). A code says that the whole txn
 * fails and nothing may be written.
 */
export function planTxn(context: OpContext, request: TxnRequest): TxnPlan | ErrorCode {
  for (const { key } of request.compare) {
    if (key.length === 0) return ErrorCode.emptyKey;
  }
  const succeeded = comparesHold(context.space.view, request.compare);
  const ops: PlannedOp[] = [];
  for (const { request: op } of succeeded ? request.success : request.failure) {
    if (op === undefined) return ErrorCode.keyNotFound;
    if (op.$case === "requestTxn") {
      const plan = planTxn(context, op.value);
      if (typeof plan === "number") return plan;
      ops.push({ kind: "txn", plan });
      continue;
    }
    const code = checkOp(context, op);
    if (code !== 0) return code;
    ops.push({ kind: "op", request: op });
  }
  return { succeeded, ops };
}

/** The revision before a txn, and the one that its changes get. */
export interface TxnRevisions {
  readonly before: number;
  readonly main: number;
}

/**
 * Runs a planned txn inside an open revision and returns its TxnResponse without header (T-18 to T-20).
 */
export function runTxn(context: OpContext, plan: TxnPlan, revisions: TxnRevisions): BodyWriter {
  const body = new BodyWriter();
  body.integer(2, plan.succeeded ? 1 : 0);
  for (const op of plan.ops) {
    body.message(3, runPlanned(context, op, revisions));
  }
  return body;
}

function checkOp(context: OpContext, op: SingleOp): ErrorCode | 0 {
  switch (op.$case) {
    case "requestRange":
      return checkRange(context, op.value);
    case "requestPut":
      return checkPut(context, op.value);
    case "requestDeleteRange":
      return op.value.key.length === 0 ? ErrorCode.emptyKey : 0;
  }
}

/** Unlike a range on its own, a negative revision is not the latest one where it is compacted (T-15). */
function checkRange({ space }: OpContext, request: RangeRequest): ErrorCode | 0 {
  if (request.key.length === 0) return ErrorCode.emptyKey;
  if (!hasValidSort(request)) return ErrorCode.invalidSortOption;
  if (request.revision > space.view.revision) return ErrorCode.futureRevision;
  if (request.revision !== 0n && request.revision < space.view.compactRevision) {
    return ErrorCode.compacted;
  }
  return 0;
}

/** Runs one op and gives its ResponseOp. */
function runPlanned(context: OpContext, op: PlannedOp, revisions: TxnRevisions): BodyWriter {
  const response = new BodyWriter();
  const nested = new BodyWriter();
  if (op.kind === "txn") {
    // The header of a nested txn is there and empty (H-23).
    nested.message(1, subHeader(0));
    nested.append(runTxn(context, op.plan, revisions));
    response.message(4, nested);
    return response;
  }
  const body = runOp(context, op.request);
  // Taken after the op: its own change counts (H-20, H-21), and a range sees earlier ones (H-22).
  const changed = context.space.changes > 0;
  nested.message(1, subHeader(changed ? revisions.main : revisions.before));
  nested.append(body);
  response.message(RESPONSE_FIELD[op.request.$case], nested);
  return response;
}

/** Fields of ResponseOp. */
const RESPONSE_FIELD = { requestRange: 1, requestPut: 2, requestDeleteRange: 3 } as const;

function runOp(context: OpContext, op: SingleOp): BodyWriter {
  switch (op.$case) {
    case "requestRange":
      return runRange(context, op.value);
    case "requestPut":
      return putBody(runPut(context, op.value));
    case "requestDeleteRange":
      return deleteRangeBody(runDeleteRange(context, op.value));
  }
}

function runRange({ space, counts }: OpContext, request: RangeRequest): BodyWriter {
  counts.ranges += 1;
  const answer = range(space.view, request);
  assert(answer.ok, "a range that was checked is refused", { revision: request.revision });
  const body = new BodyWriter();
  body.raw(encodeRangeBody(answer.value));
  return body;
}

/** enums come from the wire as any number. */
function hasValidSort({ sortOrder, sortTarget }: RangeRequest): boolean {
  const order = sortOrder >= RangeRequest_SortOrder.NONE;
  const target = sortTarget >= RangeRequest_SortTarget.KEY;
  return (
    order &&
    sortOrder <= RangeRequest_SortOrder.DESCEND &&
    target &&
    sortTarget <= RangeRequest_SortTarget.VALUE
  );
}
