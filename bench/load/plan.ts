import type { ClientKind } from "../client/open-connection.js";

/** Loads that can be made. */
export const WORKLOADS = ["put", "range", "txn", "watch", "lease-keepalive", "fill"] as const;
/** Name of a load. */
export type WorkloadName = (typeof WORKLOADS)[number];

/** One load, in full: enough to make it again. */
export interface LoadPlan {
  readonly workload: WorkloadName;
  /** host:port each; connections go round robin. */
  readonly endpoints: readonly string[];
  readonly client: ClientKind;
  /** Threads of the load generator. */
  readonly threads: number;
  readonly conns: number;
  /** Closed loops, each with one call under way; spread over the connections. */
  readonly clients: number;
  readonly keySize: number;
  readonly valSize: number;
  /** Keys are numbered below this. */
  readonly keySpaceSize: number;
  readonly sequentialKeys: boolean;
  readonly seed: number;
  /** range: "l" linearizable, "s" serializable. */
  readonly consistency: "l" | "s";
  /** range: keys per answer. */
  readonly span: number;
  /** watch: streams, and watchers on each, all on the whole written prefix. */
  readonly streams: number;
  readonly watchPerStream: number;
}

/** When a run ends: at whichever comes first. */
export interface LoadLimits {
  /** Calls; Infinity for no such limit. */
  readonly calls: number;
  readonly seconds: number;
}
