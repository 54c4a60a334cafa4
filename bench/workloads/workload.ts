import type { Connection } from "../client/connection.js";
import type { LatencyHistogram } from "../load/latency-histogram.js";
import type { Operation } from "../load/tally.js";

/** What the clients of one thread do. */
export interface Workload {
  /** What is counted, in the plural. */
  readonly unit: string;
  /** Units that one call makes; 1 by default. */
  readonly unitsPerCall?: number;
  /** Kinds of calls that are reported apart, by the number that an operation ends with. */
  readonly series?: readonly string[];
  /** Makes what the clients need, before they are opened; what they write is not measured. */
  prepare?(connections: readonly Connection[]): Promise<void>;
  /** Prepares a client on a connection that it shares with others. */
  open(connection: Connection, client: number): Promise<Operation>;
  /** Where the calls cause something elsewhere that is measured, too. */
  readonly deliveries?: Deliveries;
  /** What is counted are the deliveries, not the calls. */
  readonly countsDeliveries?: boolean;
  /** Begins what the run is made beside: the run ends when that does. */
  until?(): Promise<void>;
}

/** Things that come in as a consequence of calls. */
export interface Deliveries {
  /** What they are, in the plural. */
  readonly name: string;
  /** Opens what they come in on, after `prepare`. */
  open(connections: readonly Connection[]): Promise<void>;
  /**
   * Waits until everything is in that the calls of all threads, by series, since the start caused;
   * rejects when it does not come.
   */
  settle(calls: readonly number[]): Promise<void>;
  /** What came in since the last time, and how long after its cause. */
  take(): { readonly count: number; readonly latencies: LatencyHistogram };
}

/** Which part of the work a thread does. */
export interface Share {
  readonly thread: number;
  readonly threads: number;
}

/** What a workload is made with, beside its load. */
export interface WorkloadContext {
  readonly share: Share;
  /** Clients of all threads. */
  readonly clients: number;
  readonly seed: number;
}
