import { errorFacts } from "../../shared/errors.js";
import type { AnswerHandler } from "../frontend/pending.js";
import type { UnaryCall } from "../transport/method.js";
import type { HeaderEncoder } from "./response-header.js";

/** Turns the answer of another actor into the reply of a unary call: header, then its body as it is. */
export function answerUnary(call: UnaryCall, header: HeaderEncoder): AnswerHandler {
  return (code, revision, bytes, offset, length) => {
    if (code !== 0) call.fail(errorFacts(code));
    else call.reply(header.reply(revision, bytes, offset, length));
  };
}
