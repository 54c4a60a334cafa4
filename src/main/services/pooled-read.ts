import type { PooledRequest } from "../pool/read-pool.js";
import type { UnaryCall } from "../transport/method.js";
import { failWith } from "./context.js";
import type { KvContext } from "./kv.js";

/** Answers a read from the pool; one that nobody waits for any more is not begun. */
export function answerPooled(context: KvContext, call: UnaryCall, request: PooledRequest): void {
  context.pool.read(request, {
    isWanted: () => !call.cancelled,
    answer: (outcome) => {
      if (!outcome.ok) failWith(call, outcome.code);
      else call.reply([context.header.reply(outcome.value.revision), outcome.value.body]);
    },
  });
}
