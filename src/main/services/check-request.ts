import { ErrorCode } from "../../shared/errors.js";
import {
  type DeleteRangeRequest,
  type PutRequest,
  type RangeRequest,
  RangeRequest_SortOrder,
  RangeRequest_SortTarget,
  type RequestOp,
  type TxnRequest,
} from "../../shared/gen/etcdserverpb/rpc.js";
import { IntervalSet } from "./interval-set.js";

/** The argument checks of a range: key given, sort options inside their enums. */
export function checkRange(request: RangeRequest): ErrorCode | 0 {
  if (request.key.length === 0) return ErrorCode.emptyKey;
  const orderKnown =
    request.sortOrder >= RangeRequest_SortOrder.NONE &&
    request.sortOrder <= RangeRequest_SortOrder.DESCEND;
  const targetKnown =
    request.sortTarget >= RangeRequest_SortTarget.KEY &&
    request.sortTarget <= RangeRequest_SortTarget.VALUE;
  return orderKnown && targetKnown ? 0 : ErrorCode.invalidSortOption;
}

/** The argument checks of a put, in the order of P-01. */
export function checkPut(request: PutRequest): ErrorCode | 0 {
  if (request.key.length === 0) return ErrorCode.emptyKey;
  if (request.ignoreValue && request.value.length > 0) return ErrorCode.valueProvided;
  if (request.ignoreLease && request.lease !== 0n) return ErrorCode.leaseProvided;
  return 0;
}

/** The argument check of a delete range (D-01). */
export function checkDeleteRange(request: DeleteRangeRequest): ErrorCode | 0 {
  return request.key.length === 0 ? ErrorCode.emptyKey : 0;
}

/**
 * The checks of a transaction before anything runs, in the order of T-01: op budget, compare keys,
 * the ops of either branch (nested ones with what is left of the budget), then duplicate writes.
 */
export function checkTxn(request: TxnRequest, opsMax: number): ErrorCode | 0 {
  return (
    checkTxnShape(request, opsMax) ||
    checkBranchWrites(request.success) ||
    checkBranchWrites(request.failure)
  );
}

function checkTxnShape(request: TxnRequest, budget: number): ErrorCode | 0 {
  const largest = Math.max(request.compare.length, request.success.length, request.failure.length);
  if (largest > budget) return ErrorCode.tooManyOps;
  for (const compare of request.compare) {
    if (compare.key.length === 0) return ErrorCode.emptyKey;
  }
  for (const branch of [request.success, request.failure]) {
    for (const op of branch) {
      const code = checkOp(op, budget - largest);
      if (code !== 0) return code;
    }
  }
  return 0;
}

function checkOp(op: RequestOp, budget: number): ErrorCode | 0 {
  switch (op.request?.$case) {
    case "requestRange":
      return checkRange(op.request.value);
    case "requestPut":
      return checkPut(op.request.value);
    case "requestDeleteRange":
      return checkDeleteRange(op.request.value);
    case "requestTxn":
      return checkTxnShape(op.request.value, budget);
    default:
      return ErrorCode.keyNotFound;
  }
}

/** Keys that a list of ops may put, and those that it may delete. */
interface Writes {
  readonly puts: Set<string>;
  readonly deletes: IntervalSet;
}

function checkBranchWrites(ops: readonly RequestOp[]): ErrorCode | 0 {
  return collectWrites(ops) === undefined ? ErrorCode.duplicateKey : 0;
}

/**
 * Collects what `ops` write, or undefined on a duplicate (T-06). Deletes of this level are known before
 * nested puts are looked at, nested deletes only after: that order is what gives etcd its quirk T-06i.
 */
function collectWrites(ops: readonly RequestOp[]): Writes | undefined {
  const writes: Writes = { puts: new Set(), deletes: ownDeletes(ops) };
  for (const op of ops) {
    if (op.request?.$case === "requestTxn" && !addNested(writes, op.request.value))
      return undefined;
  }
  for (const op of ops) {
    if (op.request?.$case !== "requestPut") continue;
    if (!addPut(writes, latin1(op.request.value.key))) return undefined;
  }
  return writes;
}

function ownDeletes(ops: readonly RequestOp[]): IntervalSet {
  const deletes = new IntervalSet();
  for (const op of ops) {
    if (op.request?.$case !== "requestDeleteRange") continue;
    const { key, rangeEnd } = op.request.value;
    const start = latin1(key);
    // The end is taken literally: "\0" (from-key) covers nothing here (T-06j).
    deletes.add({ start, end: rangeEnd.length === 0 ? `${start}\0` : latin1(rangeEnd) });
  }
  return deletes;
}

function addNested(writes: Writes, txn: TxnRequest): boolean {
  const success = collectWrites(txn.success);
  const failure = collectWrites(txn.failure);
  if (success === undefined || failure === undefined) return false;
  for (const key of success.puts) if (!addPut(writes, key)) return false;
  for (const key of failure.puts) {
    // Only one branch of a transaction runs: its two branches may put the same key (T-06h).
    if (success.puts.has(key)) continue;
    if (!addPut(writes, key)) return false;
  }
  writes.deletes.addAll(success.deletes);
  writes.deletes.addAll(failure.deletes);
  return true;
}

function addPut(writes: Writes, key: string): boolean {
  if (writes.puts.has(key)) return false;
  if (writes.deletes.has(key)) return false;
  writes.puts.add(key);
  return true;
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
}

/** What a transaction may be answered from (T-21 to T-23). */
export type TxnRoute = "consensus" | "linearizable" | "serializable";

/** Whether a transaction needs the log, a read index, or neither. */
export function routeTxn(request: TxnRequest): TxnRoute {
  let serializable = true;
  for (const branch of [request.success, request.failure]) {
    for (const op of branch) {
      if (op.request?.$case !== "requestRange") return "consensus";
      if (!op.request.value.serializable) serializable = false;
    }
  }
  return serializable ? "serializable" : "linearizable";
}
