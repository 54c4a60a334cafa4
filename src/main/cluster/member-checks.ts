import { decodeMessage } from "../../shared/decode-message.js";
import { ErrorCode, errorFacts } from "../../shared/errors.js";
import { RangeRequest } from "../../shared/gen/etcdserverpb/rpc.js";
import type {
  MethodTable,
  RpcMethod,
  StreamCall,
  StreamReceiver,
  UnaryCall,
} from "../transport/method.js";
import type { Standing } from "./standing.js";

/** What a learner serves (CL-10): these, and a Range that is serializable. */
const LEARNER_PATHS: ReadonlySet<string> = new Set([
  "/etcdserverpb.Maintenance/Status",
  "/etcdserverpb.Maintenance/Snapshot",
]);
const RANGE_PATH = "/etcdserverpb.KV/Range";

/** What a member whose store is damaged does not serve: everything that tells of the store, or changes it. */
const STORE_SERVICE = /^\/(etcdserverpb\.(KV|Watch|Lease)|v3lockpb\.Lock|v3electionpb\.Election)\//;

/**
 * The table with the checks of what this member may serve at all: they come before every other check
 * (errors.md section 6).
 */
export function withMemberChecks(methods: MethodTable, standing: Standing): MethodTable {
  return methods.map((method) => checkedMethod(method, standing));
}

function checkedMethod(method: RpcMethod, standing: Standing): RpcMethod {
  const check = refusalOf(method.path, standing);
  switch (method.kind) {
    case "unary":
      return {
        ...method,
        handle(call: UnaryCall, request: Uint8Array) {
          const code = check(request);
          if (code === 0) method.handle(call, request);
          else call.fail(errorFacts(code));
        },
      };
    case "server-stream":
      return {
        ...method,
        handle(call: StreamCall, request: Uint8Array) {
          const code = check(undefined);
          if (code === 0) method.handle(call, request);
          else call.end(errorFacts(code));
        },
      };
    case "bidi":
      return {
        ...method,
        handle: (call: StreamCall) => checkedStream(call, check, () => method.handle(call)),
      };
  }
}

/** Why a call of this path is refused now, 0 if it is not. */
function refusalOf(
  path: string,
  standing: Standing,
): (request: Uint8Array | undefined) => ErrorCode | 0 {
  const tellsOfStore = STORE_SERVICE.test(path);
  const isForLearners = LEARNER_PATHS.has(path);
  const isRange = path === RANGE_PATH;
  return (request) => {
    if (standing.isLearner && !isForLearners && !(isRange && isSerializable(request))) {
      return ErrorCode.notSupportedForLearner;
    }
    return tellsOfStore ? standing.refusal : 0;
  };
}

function isSerializable(request: Uint8Array | undefined): boolean {
  try {
    return request !== undefined && decodeMessage(RangeRequest, request).serializable;
  } catch {
    // The handler says what is wrong with it.
    return true;
  }
}

/** A stream lives long: what this member may serve is looked at with each of its requests. */
function checkedStream(
  call: StreamCall,
  check: (request: undefined) => ErrorCode | 0,
  open: () => StreamReceiver,
): StreamReceiver {
  const code = check(undefined);
  if (code !== 0) {
    call.end(errorFacts(code));
    return DEAF;
  }
  const receiver = open();
  return {
    onMessage(message) {
      const refusal = check(undefined);
      if (call.ended) return;
      if (refusal === 0) receiver.onMessage(message);
      else call.abort(errorFacts(refusal));
    },
    onHalfClose: () => receiver.onHalfClose(),
  };
}

const DEAF: StreamReceiver = { onMessage() {}, onHalfClose() {} };
