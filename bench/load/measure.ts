import { type ServerSource, serverCost, serverState } from "../servers/server-cost.js";
import { LatencyHistogram } from "./latency-histogram.js";
import { type DeliveryOutcome, LoadThreads, type RunOutcome } from "./load-threads.js";
import type { Measurement, SeriesMeasurement } from "./measurement.js";
import type { LoadLimits, LoadPlan } from "./plan.js";

/** Who is told how far a run is. */
export interface ProgressView {
  /** A run begins; `ended` gives the calls that have ended. */
  start(limits: LoadLimits, ended: () => number): void;
  stop(): void;
}

/** What to do around a run. */
export interface MeasureOptions {
  readonly limits: LoadLimits;
  /** Run that is not measured, before. */
  readonly warmupSeconds: number;
  /** How long after the run the server's work in the background is still counted. */
  readonly settleSeconds: number;
  /** Where the server's own figures come from. */
  readonly server?: ServerSource | undefined;
  /** Keep figures of every second. */
  readonly sample?: boolean;
  readonly progress?: ProgressView | undefined;
  /** Begins something that goes on beside the measured run; gives its end. */
  readonly beside?: (() => () => Promise<void>) | undefined;
}

/** Makes a load and measures it. */
export async function measure(plan: LoadPlan, options: MeasureOptions): Promise<Measurement> {
  const threads = await LoadThreads.start(plan);
  try {
    if (options.warmupSeconds > 0) {
      const { warmupSeconds: seconds } = options;
      await threads.run({ ...options.limits, calls: Number.POSITIVE_INFINITY, seconds });
      await threads.settle();
    }
    const before = await serverState(options.server);
    const clientBefore = process.cpuUsage();
    const run = await measuredRun(threads, options);
    const deliveries = await threads.settle();
    const { user, system } = process.cpuUsage(clientBefore);
    const measurement = measurementOf(threads, run, deliveries, options.limits);
    const { count } = measurement;
    const cost = await serverCost(before, count, options);
    return {
      ...measurement,
      clientCpuUsPerUnit: (user + system) / count,
      ...(cost === undefined ? {} : { server: cost }),
    };
  } finally {
    await threads.stop();
  }
}

async function measuredRun(threads: LoadThreads, options: MeasureOptions): Promise<RunOutcome> {
  const { limits, progress } = options;
  const endBeside = options.beside?.();
  progress?.start(limits, () => threads.ended);
  try {
    return await threads.run(limits, options.sample === true);
  } finally {
    progress?.stop();
    await endBeside?.();
  }
}

function measurementOf(
  threads: LoadThreads,
  run: RunOutcome,
  deliveries: DeliveryOutcome | undefined,
  limits: LoadLimits,
): Omit<Measurement, "clientCpuUsPerUnit" | "server"> {
  const { unit, unitsPerCall, series: names, countsDeliveries } = threads.unit;
  const runSeconds = (run.endedUs - run.startedUs) / 1_000_000;
  const all = new LatencyHistogram();
  for (const latencies of run.latencies) all.add(latencies.export());
  const calls = all.summary();
  const series = names.map((name, i) => seriesOf(name, run.latencies[i] ?? all, runSeconds));
  let counted = { count: calls.count * unitsPerCall, seconds: runSeconds, latency: calls };
  if (deliveries !== undefined) {
    const { name, count, latencies, endedUs } = deliveries;
    const seconds = (endedUs - run.startedUs) / 1_000_000;
    series.push({ ...seriesOf(name, latencies, seconds), count });
    if (countsDeliveries) counted = { count, seconds, latency: latencies.summary() };
  }
  const { rate } = limits;
  return {
    unit,
    ...counted,
    perSecond: counted.count / counted.seconds,
    series: series.filter((each) => each.count > 0),
    failures: [...run.failures].map(([text, times]) => ({ text, count: times })),
    ...(rate === undefined ? {} : { schedule: { rate, waited: run.waited, missed: run.missed } }),
    samples: run.samples,
  };
}

function seriesOf(name: string, latencies: LatencyHistogram, seconds: number): SeriesMeasurement {
  const latency = latencies.summary();
  return { name, count: latency.count, perSecond: latency.count / seconds, latency };
}
