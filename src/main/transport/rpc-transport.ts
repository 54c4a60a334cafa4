import type { Duplex } from "node:stream";
import type { CallObserver } from "./call-observer.js";
import type { MethodTable } from "./method.js";

/** What any engine behind the seam does with connections. The table is given when it is made. */
export interface RpcTransport {
  /**
   * Takes over a connection whose first bytes are an HTTP/2 preface (read already bytes are back in the
   * stream's buffer). The connection's owner still tracks it and may destroy it.
   */
  accept(connection: Duplex): void;
  /** Tells every client to go elsewhere (GOAWAY); calls that run go on until they end. */
  drain(): void;
}

/** Limits and timers of a transport, from the flags of the same names (docs/facts/limits.md sections 1 and 3). */
export interface TransportOptions {
  readonly methods: MethodTable;
  readonly observer: CallObserver;
  /** Largest request message: max-request-bytes plus 512 KiB. */
  readonly receiveBytesMax: number;
  /** --max-concurrent-streams, per connection; 4294967295 or more means no limit. */
  readonly concurrentStreamsMax: number;
  /** --grpc-keepalive-min-time: a client that pings more often is sent away. */
  readonly keepaliveMinTimeMs: number;
  /** --grpc-keepalive-interval: a silent connection is pinged after this long; 0 turns it off. */
  readonly keepaliveIntervalMs: number;
  /** --grpc-keepalive-timeout: and closed when no answer comes in this time. */
  readonly keepaliveTimeoutMs: number;
  /** Told of every error thrown by a handler: a bug of ours. The call has been failed already. */
  readonly onBug: (error: unknown, path: string) => void;
}
