import { isUtf8 } from "node:buffer";
import { ErrorCode, errorFacts } from "../../shared/errors.js";
import type { LeaderWatch } from "./leader-watch.js";
import type {
  CallContext,
  GrpcFailure,
  MethodTable,
  RpcMethod,
  StreamCall,
  StreamReceiver,
  UnaryCall,
} from "./method.js";

/** What the checks before every handler need. */
export interface CallChecks {
  readonly leaderWatch: LeaderWatch;
  /** Counts a call by kind and client version (`unknown` when the client says none). */
  countClient(kind: "unary" | "stream", apiVersion: string): void;
}

/**
 * The table with the checks that come before every handler, in etcd's order (docs/facts/api.md section
 * 7.3): client-api-version, then hasleader. Streams that asked for a leader are also ended when there has
 * been none for a while. The learner check comes with membership.
 */
export function withCallChecks(methods: MethodTable, checks: CallChecks): MethodTable {
  return methods.map((method) => checkedMethod(method, checks));
}

function checkedMethod(method: RpcMethod, checks: CallChecks): RpcMethod {
  switch (method.kind) {
    case "unary":
      return {
        ...method,
        handle(call: UnaryCall, request: Uint8Array) {
          const failure = check(call, "unary", checks);
          if (failure === undefined) method.handle(call, request);
          else call.fail(failure);
        },
      };
    case "server-stream":
      return {
        ...method,
        handle(call: StreamCall, request: Uint8Array) {
          const failure = check(call, "stream", checks);
          if (failure !== undefined) {
            call.end(failure);
            return;
          }
          if (needsLeader(call)) checks.leaderWatch.add(call);
          method.handle(call, request);
        },
      };
    case "bidi":
      return {
        ...method,
        handle(call: StreamCall) {
          const failure = check(call, "stream", checks);
          if (failure !== undefined) {
            call.end(failure);
            return DEAF;
          }
          if (needsLeader(call)) checks.leaderWatch.add(call);
          return method.handle(call);
        },
      };
  }
}

const DEAF: StreamReceiver = { onMessage() {}, onHalfClose() {} };

function check(
  call: CallContext,
  kind: "unary" | "stream",
  checks: CallChecks,
): GrpcFailure | undefined {
  const version = call.metadata("client-api-version");
  if (version !== undefined && !isUtf8(Buffer.from(version, "latin1"))) {
    return errorFacts(ErrorCode.invalidClientApiVersion);
  }
  checks.countClient(kind, version ?? "unknown");
  if (needsLeader(call) && !checks.leaderWatch.hasLeader()) return errorFacts(ErrorCode.noLeader);
  return undefined;
}

function needsLeader(call: CallContext): boolean {
  return call.metadata("hasleader") === "true";
}
