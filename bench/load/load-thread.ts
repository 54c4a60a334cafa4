import { parentPort, workerData } from "node:worker_threads";
import { assert } from "../../src/shared/assert.js";
import { serveControl } from "../../src/shared/control/endpoint.js";
import { openConnection } from "../client/open-connection.js";
import { makeWorkload } from "../workloads/make-workload.js";
import type { Share, Workload } from "../workloads/workload.js";
import { nowUs } from "./clock.js";
import { runClosedLoop } from "./closed-loop.js";
import type { LatencyCounts } from "./latency-histogram.js";
import { runOpenLoop } from "./open-loop.js";
import type { LoadLimits, LoadPlan } from "./plan.js";
import type { SecondSample } from "./second-samples.js";
import { type Operation, Tally } from "./tally.js";

/** What a load thread is made with. */
export interface LoadThreadData {
  readonly plan: LoadPlan;
  readonly share: Share;
  /** One double: calls of the present run that have ended. */
  readonly progress: SharedArrayBuffer;
}

/** How a workload counts. */
export interface UnitInfo {
  readonly unit: string;
  readonly unitsPerCall: number;
  readonly series: readonly string[];
  readonly countsDeliveries: boolean;
}

/** What one thread did in a run. */
export interface ThreadRun {
  readonly startedUs: number;
  readonly endedUs: number;
  /** By series. */
  readonly latencies: readonly LatencyCounts[];
  readonly failures: ReadonlyMap<string, number>;
  readonly waited: number;
  readonly missed: number;
  readonly samples: readonly SecondSample[];
}

/** What came in on one thread since the last time. */
export interface ThreadDeliveries {
  readonly name: string;
  readonly count: number;
  readonly endedUs: number;
  readonly latencies: LatencyCounts;
}

/** One thread of the load generator, as its parent sees it. */
export class LoadThread {
  readonly #data: LoadThreadData;
  readonly #workload: Workload;
  readonly #unit: UnitInfo;
  #operations: Operation[] = [];

  constructor(data: LoadThreadData) {
    const { plan, share } = data;
    this.#data = data;
    this.#workload = makeWorkload(plan.load, { share, clients: plan.clients, seed: plan.seed });
    const { unit, unitsPerCall = 1, series = [unit], countsDeliveries = false } = this.#workload;
    this.#unit = { unit, unitsPerCall, series, countsDeliveries };
  }

  /** Connects and prepares all clients. */
  async open(): Promise<UnitInfo> {
    const { plan, share } = this.#data;
    const connections = await Promise.all(
      Array.from({ length: shareOf(plan.conns, share) }, (_, i) => {
        const endpoint = plan.endpoints[i % plan.endpoints.length] ?? "";
        return openConnection(endpoint, plan.connect);
      }),
    );
    await this.#workload.prepare?.(connections);
    await this.#workload.deliveries?.open(connections);
    this.#operations = await Promise.all(
      Array.from({ length: shareOf(plan.clients, share) }, (_, client) => {
        const connection = connections[client % connections.length];
        assert(connection !== undefined, "a client without a connection");
        return this.#workload.open(connection, client);
      }),
    );
    return this.#unit;
  }

  /** Runs this thread's clients; calls and rate of the limits are this thread's. */
  async run(limits: LoadLimits, sample: boolean): Promise<ThreadRun> {
    const progress = new Float64Array(this.#data.progress);
    const tally = new Tally({ series: this.#unit.series.length, sample, progress });
    const options = { limits, tally, until: this.#workload.until?.() };
    const run = await (limits.rate === undefined
      ? runClosedLoop(this.#operations, options)
      : runOpenLoop(this.#operations, limits.rate, options));
    return {
      ...run,
      latencies: tally.latencies.map((each) => each.export()),
      failures: tally.failures,
      waited: tally.waited,
      missed: tally.missed,
      samples: tally.samples?.list() ?? [],
    };
  }

  /**
   * Waits for what the calls of all threads, by series, since the start, cause; undefined where
   * nothing is to come.
   */
  async settle(calls: readonly number[]): Promise<ThreadDeliveries | undefined> {
    const { deliveries } = this.#workload;
    if (deliveries === undefined) return undefined;
    await deliveries.settle(calls);
    const { count, latencies } = deliveries.take();
    return { name: deliveries.name, count, endedUs: nowUs(), latencies: latencies.export() };
  }
}

/** One thread's part of a number of things; at least one. */
function shareOf(total: number, share: Share): number {
  return Math.max(1, Math.floor((total + share.threads - 1 - share.thread) / share.threads));
}

assert(parentPort !== null, "a load thread runs in a worker");
const data: LoadThreadData = workerData;
serveControl(new LoadThread(data), parentPort);
