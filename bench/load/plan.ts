import type { ConnectOptions } from "../client/open-connection.js";
import type { Load } from "./loads.js";

/** One load on a server, in full: enough to make it again. */
export interface LoadPlan {
  readonly load: Load;
  /** host:port each; connections go round robin. */
  readonly endpoints: readonly string[];
  readonly connect: ConnectOptions;
  /** Threads of the load generator. */
  readonly threads: number;
  readonly conns: number;
  /** How many calls can be under way; clients share the connections. */
  readonly clients: number;
  readonly seed: number;
}

/** How many calls a run makes, and how fast. */
export interface LoadLimits {
  /** Calls; Infinity for no such limit. The run ends at this or `seconds`, whichever comes first. */
  readonly calls: number;
  readonly seconds: number;
  /**
   * Calls per second on a schedule that does not wait for answers; undefined: each client makes its
   * next call when the last one was answered.
   */
  readonly rate?: number | undefined;
}
