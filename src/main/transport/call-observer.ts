import type { GrpcStatus } from "../../shared/errors.js";
import type { RpcMethod } from "./method.js";

/** What a transport counts for one method. Called per message: implementations only add to fields. */
export interface MethodObserver {
  /** A call has begun. */
  started(): void;
  /** A request message has arrived, of this many bytes. */
  received(bytes: number): void;
  /** An answer has been handed to the connection, of this many bytes. */
  sent(bytes: number): void;
  /** A call is over. `durationMs` since `started`, from a monotonic clock. */
  handled(status: GrpcStatus, durationMs: number): void;
}

/** Gives a transport its counters. */
export interface CallObserver {
  /** The counters of one method; asked once per method, at start. */
  forMethod(method: Pick<RpcMethod, "kind" | "path">): MethodObserver;
}
