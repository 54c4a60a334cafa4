import { parentPort, workerData } from "node:worker_threads";
import { assert } from "../../src/shared/assert.js";
import { serveControl } from "../../src/shared/control/endpoint.js";
import { openConnection } from "../client/open-connection.js";
import { makeWorkload } from "../workloads/make-workload.js";
import type { Share, Workload } from "../workloads/workload.js";
import { nowUs } from "./clock.js";
import { type Operation, runClosedLoop } from "./closed-loop.js";
import type { LatencyCounts } from "./latency-histogram.js";
import type { LoadLimits, LoadPlan } from "./plan.js";

/** What a load thread is made with. */
export interface LoadThreadData {
  readonly plan: LoadPlan;
  readonly share: Share;
}

/** What one thread did in a run. */
export interface ThreadRun {
  readonly calls: number;
  readonly failures: number;
  readonly firstFailure: string | undefined;
  readonly startedUs: number;
  readonly endedUs: number;
  readonly latencies: LatencyCounts;
}

/** What came in on one thread since the last time. */
export interface ThreadDeliveries {
  readonly count: number;
  readonly endedUs: number;
  readonly latencies: LatencyCounts;
}

/** One thread of the load generator, as its parent sees it. */
export class LoadThread {
  readonly #data: LoadThreadData;
  readonly #workload: Workload;
  #operations: Operation[] = [];

  constructor(data: LoadThreadData) {
    this.#data = data;
    this.#workload = makeWorkload(data.plan, data.share);
  }

  /** Connects and prepares all clients. */
  async open(): Promise<Pick<Workload, "unit" | "unitsPerCall">> {
    const { plan, share } = this.#data;
    const connections = await Promise.all(
      Array.from({ length: shareOf(plan.conns, share) }, (_, i) => {
        const endpoint = plan.endpoints[i % plan.endpoints.length] ?? "";
        return openConnection(plan.client, endpoint);
      }),
    );
    await this.#workload.deliveries?.open(connections);
    this.#operations = await Promise.all(
      Array.from({ length: shareOf(plan.clients, share) }, (_, client) => {
        const connection = connections[client % connections.length];
        assert(connection !== undefined, "a client without a connection");
        return this.#workload.open(connection, client);
      }),
    );
    return { unit: this.#workload.unit, unitsPerCall: this.#workload.unitsPerCall };
  }

  /** Runs this thread's clients; `limits.calls` are this thread's. */
  async run(limits: LoadLimits): Promise<ThreadRun> {
    const outcome = await runClosedLoop(this.#operations, limits);
    return { ...outcome, latencies: outcome.latencies.export() };
  }

  /**
   * Waits for what `calls` calls of all threads, since the start, cause; undefined where nothing is
   * to come.
   */
  async settle(calls: number): Promise<ThreadDeliveries | undefined> {
    const { deliveries } = this.#workload;
    if (deliveries === undefined) return undefined;
    await deliveries.settle(calls);
    const { count, latencies } = deliveries.take();
    return { count, endedUs: nowUs(), latencies: latencies.export() };
  }
}

/** One thread's part of a number of things; at least one. */
function shareOf(total: number, share: Share): number {
  return Math.max(1, Math.floor((total + share.threads - 1 - share.thread) / share.threads));
}

assert(parentPort !== null, "a load thread runs in a worker");
const data: LoadThreadData = workerData;
serveControl(new LoadThread(data), parentPort);
