import { ErrorCode } from "../../shared/errors.js";
import type { RequestOp, TxnRequest } from "../../shared/gen/etcdserverpb/rpc.js";
import { comparesHold } from "../../shared/mvcc/compare.js";
import { encodeRangeBody, range } from "../../shared/mvcc/range.js";
import type { ReadView } from "../../shared/mvcc/read-view.js";
import { BodyWriter, subHeader } from "../../shared/response-body.js";
import type { UnaryCall } from "../transport/method.js";
import { failWith, type ServiceContext } from "./context.js";

/** Fields of TxnResponse, ResponseOp and RangeResponse. */
const Field = { header: 1, succeeded: 2, responses: 3, responseRange: 1 } as const;

/**
 * Answers a transaction of nothing but ranges from the frontend's view (T-21, T-22). All of it in one
 * turn, so at one state.
 */
export function answerReadOnlyTxn(
  context: ServiceContext,
  call: UnaryCall,
  request: TxnRequest,
): void {
  const { view } = context.frontend;
  const succeeded = comparesHold(view, request.compare);
  const body = new BodyWriter();
  body.integer(Field.succeeded, succeeded ? 1 : 0);
  for (const op of succeeded ? request.success : request.failure) {
    const response = answerOp(view, op);
    if (!(response instanceof BodyWriter)) return failWith(call, response);
    body.message(Field.responses, response);
  }
  call.reply(context.header.reply(view.revision, body.join()));
}

function answerOp(view: ReadView, op: RequestOp): BodyWriter | ErrorCode {
  if (op.request?.$case !== "requestRange") return ErrorCode.keyNotFound;
  const { value: request } = op.request;
  // A negative revision is taken literally here, unlike in a range on its own (T-15).
  if (request.revision < 0n && request.revision < view.compactRevision) return ErrorCode.compacted;
  const answer = range(view, request);
  if (!answer.ok) return answer.code;
  const rangeBody = new BodyWriter();
  rangeBody.message(Field.header, subHeader(view.revision));
  rangeBody.raw(encodeRangeBody(answer.value));
  const response = new BodyWriter();
  response.message(Field.responseRange, rangeBody);
  return response;
}
