import { ErrorCode, errorFacts } from "../../shared/errors.js";
import {
  RangeRequest_SortOrder as Order,
  RangeRequest,
  RangeRequest_SortTarget as Target,
} from "../../shared/gen/etcdserverpb/rpc.js";
import { encodeRangeBody } from "../../shared/mvcc/range.js";
import { RangeStream } from "../../shared/mvcc/range-stream.js";
import type { GrpcFailure, RpcMethod, StreamCall } from "../transport/method.js";
import { checkRange } from "./check-request.js";
import { decodeRequest } from "./context.js";
import type { KvContext } from "./kv.js";

const TAG_RANGE_RESPONSE = 0x0a;

/** etcdserverpb.KV/RangeStream (RS-01 to RS-08). */
export function rangeStreamMethod(context: KvContext): RpcMethod {
  return {
    kind: "server-stream",
    path: "/etcdserverpb.KV/RangeStream",
    handle: (call, bytes) => {
      const ending = { fail: (failure: GrpcFailure) => call.end(failure) };
      const request = decodeRequest(ending, RangeRequest, bytes);
      if (request === undefined) return;
      const code = checkRange(request) || checkStreamable(request);
      if (code !== 0) return call.end(errorFacts(code));
      if (request.serializable) return stream(context, call, request);
      context.frontend.linearizable((failure) => {
        if (call.cancelled) return;
        if (failure !== 0) call.end(errorFacts(failure));
        else stream(context, call, request);
      });
    },
  };
}

/** Only ascending by key, and no revision filters (RS-01). */
function checkStreamable(request: RangeRequest): ErrorCode | 0 {
  const ascending =
    request.sortOrder === Order.NONE ||
    (request.sortOrder === Order.ASCEND && request.sortTarget === Target.KEY);
  if (!ascending) return ErrorCode.rangeStreamSortOrder;
  const filtered =
    request.minModRevision !== 0n ||
    request.maxModRevision !== 0n ||
    request.minCreateRevision !== 0n ||
    request.maxCreateRevision !== 0n;
  return filtered ? ErrorCode.rangeStreamFilters : 0;
}

/** Sends chunk after chunk, each in a turn of its own, as fast as the client takes them. */
function stream(context: KvContext, call: StreamCall, request: RangeRequest): void {
  const opened = RangeStream.open(context.frontend.view, request, context.maxRequestBytes);
  if (!opened.ok) return call.end(errorFacts(opened.code));
  const source = opened.value;
  const next = (): void => {
    if (call.cancelled) return;
    const step = source.step();
    if (!step.ok) return call.end(errorFacts(step.code));
    if (step.value.kind === "last") {
      const { revision } = step.value;
      call.write(wrap(context.header.reply(revision, encodeRangeBody(step.value))));
      return call.end();
    }
    let ready = true;
    if (step.value.kind === "chunk") {
      const { keyValues } = step.value;
      ready = call.write(wrap(encodeRangeBody({ keyValues, count: 0, more: false })));
    }
    if (ready) setImmediate(next);
  };
  call.onDrain(next);
  next();
}

/** A RangeStreamResponse: the RangeResponse as its field 1. */
function wrap(rangeResponse: Uint8Array): Uint8Array[] {
  const prefix: number[] = [TAG_RANGE_RESPONSE];
  let rest = rangeResponse.length;
  for (; rest > 0x7f; rest >>>= 7) prefix.push((rest & 0x7f) | 0x80);
  prefix.push(rest);
  return [Uint8Array.from(prefix), rangeResponse];
}
