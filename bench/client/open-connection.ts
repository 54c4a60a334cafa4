import type { Connection } from "./connection.js";
import { FrameConnection } from "./frame-connection.js";
import { GrpcJsConnection } from "./grpc-js-connection.js";

/** Which client makes the load. */
export type ClientKind = "frames" | "grpc-js";

const CONNECT_TIMEOUT_MS = 10_000;

/** Connects to `host:port`. */
export function openConnection(kind: ClientKind, target: string): Promise<Connection> {
  return kind === "frames"
    ? FrameConnection.connect(target, CONNECT_TIMEOUT_MS)
    : GrpcJsConnection.connect(target, CONNECT_TIMEOUT_MS);
}
