import type { TlsOptions } from "./connect-socket.js";
import type { Connection } from "./connection.js";
import { FrameConnection } from "./frame-connection.js";
import { GrpcJsConnection } from "./grpc-js-connection.js";

/** Which client makes the load. */
export type ClientKind = "frames" | "grpc-js";

/** How to connect: plain data, fit to be sent to a thread. */
export interface ConnectOptions {
  readonly client: ClientKind;
  readonly timeoutMs: number;
  /** Undefined for plain text. */
  readonly tls?: TlsOptions | undefined;
  /** What Authenticate gave; sent with every call. */
  readonly token?: string | undefined;
}

/** Plain text with the lean client. */
export const PLAIN_CONNECT: ConnectOptions = { client: "frames", timeoutMs: 10_000 };

/** Connects to `host:port`; rejects when that takes longer than the time it may. */
export function openConnection(target: string, options: ConnectOptions): Promise<Connection> {
  return options.client === "frames"
    ? FrameConnection.connect(target, options)
    : GrpcJsConnection.connect(target, options);
}
