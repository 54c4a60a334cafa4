import type { Connection } from "../client/connection.js";
import type { Operation } from "../load/closed-loop.js";
import type { LatencyHistogram } from "../load/latency-histogram.js";

/** What the clients of one thread do. */
export interface Workload {
  /** What is counted, in the plural. */
  readonly unit: string;
  /** Units that one call makes. */
  readonly unitsPerCall: number;
  /** Prepares a client on a connection that it shares with others. */
  open(connection: Connection, client: number): Promise<Operation>;
  /** Where what is measured are not the calls but what they cause elsewhere. */
  readonly deliveries?: Deliveries;
}

/** Things that come in as a consequence of calls. */
export interface Deliveries {
  /** Opens what they come in on. */
  open(connections: readonly Connection[]): Promise<void>;
  /**
   * Waits until everything is in that `calls` calls of all threads caused; rejects when it does not
   * come.
   */
  settle(calls: number): Promise<void>;
  /** What came in since the last time, and how long after its cause. */
  take(): { readonly count: number; readonly latencies: LatencyHistogram };
}

/** Which part of the work a thread does. */
export interface Share {
  readonly thread: number;
  readonly threads: number;
}
