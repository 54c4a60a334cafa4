import { once } from "node:events";
import { Worker } from "node:worker_threads";
import type { Remote } from "comlink";
import { connectControl } from "../../src/shared/control/endpoint.js";
import { LatencyHistogram } from "./latency-histogram.js";
import type { LoadThread, LoadThreadData, ThreadRun, UnitInfo } from "./load-thread.js";
import type { LoadLimits, LoadPlan } from "./plan.js";
import { mergeSamples, type SecondSample } from "./second-samples.js";

/** What all threads together did in a run. */
export interface RunOutcome {
  readonly startedUs: number;
  readonly endedUs: number;
  /** By series; what each holds are the calls that succeeded. */
  readonly latencies: readonly LatencyHistogram[];
  /** How often each failure was met. */
  readonly failures: ReadonlyMap<string, number>;
  /** Of a schedule, see Tally. */
  readonly waited: number;
  readonly missed: number;
  readonly samples: readonly SecondSample[];
}

/** What came in on all threads. */
export interface DeliveryOutcome {
  readonly name: string;
  readonly count: number;
  readonly endedUs: number;
  readonly latencies: LatencyHistogram;
}

interface Member {
  readonly worker: Worker;
  readonly control: Remote<LoadThread>;
  readonly progress: Float64Array;
}

/** The load generator's threads, working on one plan. */
export class LoadThreads {
  readonly #members: readonly Member[];
  /** Rejects when a thread dies. */
  readonly #death: Promise<never>;
  /** Calls that succeeded since the start, by series. */
  readonly #calls: number[] = [];
  #unit: UnitInfo = {
    unit: "calls",
    unitsPerCall: 1,
    series: ["calls"],
    countsDeliveries: false,
  };

  private constructor(plan: LoadPlan) {
    this.#members = Array.from({ length: plan.threads }, (_, thread) => {
      const progress = new SharedArrayBuffer(Float64Array.BYTES_PER_ELEMENT);
      const share = { thread, threads: plan.threads };
      const workerData: LoadThreadData = { plan, share, progress };
      const worker = new Worker(new URL("./load-thread.js", import.meta.url), { workerData });
      const control = connectControl<LoadThread>(worker);
      return { worker, control, progress: new Float64Array(progress) };
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

  /** How the calls are counted. */
  get unit(): UnitInfo {
    return this.#unit;
  }

  /** Calls of the present run that have ended. */
  get ended(): number {
    return this.#members.reduce((sum, { progress }) => sum + (progress[0] ?? 0), 0);
  }

  /** Runs all clients within the limits. */
  async run(limits: LoadLimits, sample = false): Promise<RunOutcome> {
    const count = this.#members.length;
    const runs = await this.#all(({ control }, thread) => {
      const calls = Number.isFinite(limits.calls)
        ? Math.floor((limits.calls + count - 1 - thread) / count)
        : limits.calls;
      const rate = limits.rate === undefined ? undefined : limits.rate / count;
      return control.run({ calls, rate, seconds: limits.seconds }, sample);
    });
    const outcome = outcomeOf(runs, this.#unit.series.length);
    for (const [series, { counts }] of outcome.latencies.entries()) {
      const calls = counts.reduce((sum, each) => sum + each, 0);
      this.#calls[series] = (this.#calls[series] ?? 0) + calls;
    }
    return outcome;
  }

  /** Waits until everything came in that the calls so far caused; undefined where nothing is to come. */
  async settle(): Promise<DeliveryOutcome | undefined> {
    const settled = await this.#all(({ control }) => control.settle(this.#calls));
    const deliveries = settled.filter((each) => each !== undefined);
    const [first] = deliveries;
    if (first === undefined) return undefined;
    const latencies = new LatencyHistogram();
    for (const each of deliveries) latencies.add(each.latencies);
    return {
      name: first.name,
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

function outcomeOf(runs: readonly ThreadRun[], series: number): RunOutcome {
  const latencies = Array.from({ length: series }, () => new LatencyHistogram());
  const failures = new Map<string, number>();
  for (const run of runs) {
    for (const [i, counts] of run.latencies.entries()) latencies[i]?.add(counts);
    for (const [text, count] of run.failures) failures.set(text, (failures.get(text) ?? 0) + count);
  }
  const sum = (pick: (run: ThreadRun) => number): number =>
    runs.reduce((total, run) => total + pick(run), 0);
  return {
    startedUs: Math.min(...runs.map((run) => run.startedUs)),
    endedUs: Math.max(...runs.map((run) => run.endedUs)),
    latencies,
    failures,
    waited: sum(({ waited }) => waited),
    missed: sum(({ missed }) => missed),
    samples: mergeSamples(runs.map(({ samples }) => samples)),
  };
}
