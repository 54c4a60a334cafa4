import { once } from "node:events";
import { Worker } from "node:worker_threads";
import type { Remote } from "comlink";
import { connectControl } from "../../src/shared/control/endpoint.js";
import { LatencyHistogram } from "./latency-histogram.js";
import type { LoadThread, LoadThreadData } from "./load-thread.js";
import type { LoadLimits, LoadPlan } from "./plan.js";

/** What all threads together did in a run. */
export interface RunOutcome {
  readonly calls: number;
  /** Calls of this run and those before it. */
  readonly callsTotal: number;
  readonly failures: number;
  readonly firstFailure: string | undefined;
  readonly startedUs: number;
  readonly endedUs: number;
  readonly latencies: LatencyHistogram;
}

/** What came in on all threads. */
export interface DeliveryOutcome {
  readonly count: number;
  readonly endedUs: number;
  readonly latencies: LatencyHistogram;
}

interface Member {
  readonly worker: Worker;
  readonly control: Remote<LoadThread>;
}

/** The load generator's threads, working on one plan. */
export class LoadThreads {
  readonly #members: readonly Member[];
  /** Rejects when a thread dies. */
  readonly #death: Promise<never>;
  #callsTotal = 0;
  #unit = { unit: "calls", unitsPerCall: 1 };

  private constructor(plan: LoadPlan) {
    this.#members = Array.from({ length: plan.threads }, (_, thread) => {
      const workerData: LoadThreadData = { plan, share: { thread, threads: plan.threads } };
      const worker = new Worker(new URL("./load-thread.js", import.meta.url), { workerData });
      return { worker, control: connectControl<LoadThread>(worker) };
    });
    this.#death = Promise.race(
      this.#members.map(async ({ worker }): Promise<never> => {
        const [error] = await once(worker, "error");
        throw new Error("a load thread died", { cause: error });
      }),
    );
    // Seen by whoever waits for a thread; nobody may be waiting now.
    this.#death.catch(() => {});
  }

  /** Starts the threads and connects their clients. */
  static async start(plan: LoadPlan): Promise<LoadThreads> {
    const threads = new LoadThreads(plan);
    try {
      const [unit] = await threads.#all(({ control }) => control.open());
      if (unit !== undefined) threads.#unit = unit;
      return threads;
    } catch (error) {
      await threads.stop();
      throw error;
    }
  }

  /** What is counted, in the plural. */
  get unit(): string {
    return this.#unit.unit;
  }

  /** Units that one call makes. */
  get unitsPerCall(): number {
    return this.#unit.unitsPerCall;
  }

  /** Runs all clients within the limits. */
  async run(limits: LoadLimits): Promise<RunOutcome> {
    const count = this.#members.length;
    const runs = await this.#all(({ control }, thread) => {
      const calls = Number.isFinite(limits.calls)
        ? Math.floor((limits.calls + count - 1 - thread) / count)
        : limits.calls;
      return control.run({ calls, seconds: limits.seconds });
    });
    const latencies = new LatencyHistogram();
    for (const run of runs) latencies.add(run.latencies);
    const calls = runs.reduce((sum, run) => sum + run.calls, 0);
    this.#callsTotal += calls;
    return {
      calls,
      callsTotal: this.#callsTotal,
      failures: runs.reduce((sum, run) => sum + run.failures, 0),
      firstFailure: runs.find((run) => run.firstFailure !== undefined)?.firstFailure,
      startedUs: Math.min(...runs.map((run) => run.startedUs)),
      endedUs: Math.max(...runs.map((run) => run.endedUs)),
      latencies,
    };
  }

  /**
   * Waits until everything came in that `callsTotal` calls caused; undefined where nothing is to
   * come.
   */
  async settle(callsTotal: number): Promise<DeliveryOutcome | undefined> {
    const settled = await this.#all(({ control }) => control.settle(callsTotal));
    const deliveries = settled.filter((each) => each !== undefined);
    if (deliveries.length === 0) return undefined;
    const latencies = new LatencyHistogram();
    for (const each of deliveries) latencies.add(each.latencies);
    return {
      count: deliveries.reduce((sum, each) => sum + each.count, 0),
      endedUs: Math.max(...deliveries.map((each) => each.endedUs)),
      latencies,
    };
  }

  /** Ends the threads, and with them their connections. */
  async stop(): Promise<void> {
    await Promise.all(this.#members.map(({ worker }) => worker.terminate()));
  }

  #all<T>(ask: (member: Member, thread: number) => Promise<T>): Promise<T[]> {
    return Promise.race([Promise.all(this.#members.map(ask)), this.#death]);
  }
}
