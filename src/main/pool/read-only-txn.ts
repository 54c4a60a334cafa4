import { ErrorCode, type Outcome, refuse, succeed } from "../../shared/errors.js";
import type { RequestOp, TxnRequest } from "../../shared/gen/etcdserverpb/rpc.js";
import { comparesHold } from "../../shared/mvcc/compare.js";
import { encodeRangeBody, type RangeBudget, rangeWithin } from "../../shared/mvcc/range.js";
import type { ReadView } from "../../shared/mvcc/read-view.js";
import { BodyWriter, subHeader } from "../../shared/response-body.js";

/** Fields of TxnResponse, ResponseOp and RangeResponse. */
const Field = { header: 1, succeeded: 2, responses: 3, responseRange: 1 } as const;

/**
 * The body of a transaction of nothing but ranges, at one state of the view (T-21, T-22). "tooBig" when one
 * of its ranges needs more than the budget, which holds for all of them together.
 */
export function readOnlyTxnBody(
  view: ReadView,
  request: TxnRequest,
  budget: RangeBudget,
): Outcome<Uint8Array | "tooBig"> {
  const succeeded = comparesHold(view, request.compare);
  const body = new BodyWriter();
  body.integer(Field.succeeded, succeeded ? 1 : 0);
  let { keysMax, bytesMax } = budget;
  for (const op of succeeded ? request.success : request.failure) {
    const answer = answerOp(view, op, { keysMax, bytesMax });
    if (!answer.ok) return answer;
    if (answer.value === "tooBig") return succeed("tooBig");
    keysMax -= answer.value.keys;
    bytesMax -= answer.value.response.size;
    body.message(Field.responses, answer.value.response);
  }
  return succeed(body.join());
}

function answerOp(
  view: ReadView,
  op: RequestOp,
  budget: RangeBudget,
): Outcome<{ readonly response: BodyWriter; readonly keys: number } | "tooBig"> {
  if (op.request?.$case !== "requestRange") return refuse(ErrorCode.keyNotFound);
  const { value: request } = op.request;
  // A negative revision is taken literally here, unlike in a range on its own (T-15).
  if (request.revision < 0n && request.revision < view.compactRevision) {
    return refuse(ErrorCode.compacted);
  }
  const answer = rangeWithin(view, request, budget);
  if (!answer.ok) return answer;
  if (answer.value === "tooBig") return succeed("tooBig");
  const rangeBody = new BodyWriter();
  rangeBody.message(Field.header, subHeader(view.revision));
  rangeBody.raw(encodeRangeBody(answer.value));
  const response = new BodyWriter();
  response.message(Field.responseRange, rangeBody);
  return succeed({ response, keys: answer.value.count });
}
