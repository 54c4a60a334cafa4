import { type DecodableType, decodeMessage } from "../../shared/decode-message.js";
import { ErrorCode, errorFacts } from "../../shared/errors.js";
import type { StatusBoard } from "../../shared/status-board.js";
import type { Frontend } from "../frontend/frontend.js";
import type { GrpcFailure } from "../transport/method.js";
import type { HeaderEncoder } from "./response-header.js";
import type { SpaceQuota } from "./space-quota.js";

/** What the services of one frontend share. */
export interface ServiceContext {
  readonly frontend: Frontend;
  readonly header: HeaderEncoder;
  readonly board: StatusBoard;
  readonly quota: SpaceQuota;
  readonly memberId: bigint;
  readonly clusterId: bigint;
  readonly maxTxnOps: number;
}

/** Something that a failure can be told to. */
export interface Failable {
  fail(failure: GrpcFailure): void;
}

/** Fails a call with the status and text of a code. */
export function failWith(call: Failable, code: ErrorCode): void {
  call.fail(errorFacts(code));
}

/**
 * Decodes a request, or fails the call as gRPC does for bytes that are no message of this type. Whatever
 * the decoder throws is about these bytes: it reads nothing else.
 */
export function decodeRequest<T>(
  call: Failable,
  type: DecodableType<T>,
  bytes: Uint8Array,
): T | undefined {
  try {
    return decodeMessage(type, bytes);
  } catch (error) {
    const facts = errorFacts(ErrorCode.malformedRequest);
    const reason = error instanceof Error ? error.message : String(error);
    call.fail({ status: facts.status, message: `${facts.message}: ${reason}` });
    return undefined;
  }
}
