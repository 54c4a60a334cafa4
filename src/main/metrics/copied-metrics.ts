import { Counter, Gauge, Histogram, type LabelValues, type Registry } from "prom-client";
import type { HistogramSnapshot } from "../../shared/histogram.js";

/**
 * prom-client metrics whose numbers live elsewhere (shared memory, plain fields) and are copied in at each
 * scrape, so that counting costs what adding to a field costs.
 */

/** One series of a labelled metric. */
export interface Sample {
  readonly labels: LabelValues<string>;
  readonly value: number;
}

/** Name, help text, and where the number comes from. */
export interface CopiedMetric {
  readonly name: string;
  readonly help: string;
  readonly read: () => number;
}

/** The same with labels; the series that `read` gives are the ones there are. */
export interface CopiedLabelledMetric {
  readonly name: string;
  readonly help: string;
  readonly labelNames: readonly string[];
  readonly read: () => Iterable<Sample>;
}

/** A gauge without labels. */
export function copyGauge(registry: Registry, { name, help, read }: CopiedMetric): void {
  new Gauge({
    name,
    help,
    registers: [registry],
    collect() {
      this.set(read());
    },
  });
}

/** A counter without labels. */
export function copyCounter(registry: Registry, { name, help, read }: CopiedMetric): void {
  new Counter({
    name,
    help,
    registers: [registry],
    collect() {
      this.reset();
      this.inc(read());
    },
  });
}

/** A gauge with labels. */
export function copyGauges(registry: Registry, metric: CopiedLabelledMetric): void {
  const { name, help, labelNames, read } = metric;
  new Gauge({
    name,
    help,
    labelNames,
    registers: [registry],
    collect() {
      this.reset();
      for (const { labels, value } of read()) this.set(labels, value);
    },
  });
}

/** A counter with labels. */
export function copyCounters(registry: Registry, metric: CopiedLabelledMetric): void {
  const { name, help, labelNames, read } = metric;
  new Counter({
    name,
    help,
    labelNames,
    registers: [registry],
    collect() {
      this.reset();
      for (const { labels, value } of read()) this.inc(labels, value);
    },
  });
}

/** One series of a histogram. */
export interface HistogramSample {
  readonly labels: LabelValues<string>;
  readonly snapshot: HistogramSnapshot;
}

/** Name, help text, bounds and where the counts come from. */
export interface CopiedHistogramOptions {
  readonly name: string;
  readonly help: string;
  readonly labelNames?: readonly string[];
  /** Upper bounds, ascending; the snapshots have the same. */
  readonly bounds: readonly number[];
  readonly read: () => Iterable<HistogramSample>;
}

/** A histogram whose buckets are counted elsewhere. */
export function copyHistogram(registry: Registry, options: CopiedHistogramOptions): void {
  registry.registerMetric(new CopiedHistogram(options));
}

/** A histogram of something that does not happen in this server: all zero, for whoever asks for the name. */
export function zeroHistogram(
  registry: Registry,
  options: Omit<CopiedHistogramOptions, "read" | "labelNames">,
): void {
  const snapshot = {
    cumulativeCounts: options.bounds.map(() => 0),
    count: 0,
    sumSeconds: 0,
  };
  copyHistogram(registry, { ...options, read: () => [{ labels: {}, snapshot }] });
}

type HistogramData = Awaited<ReturnType<Histogram<string>["get"]>>;

class CopiedHistogram extends Histogram<string> {
  readonly #options: CopiedHistogramOptions;
  /** Never observes anything: gives the name, the type and so on as prom-client wants them. */
  readonly #empty: Histogram<string>;

  constructor(options: CopiedHistogramOptions) {
    const { name, help, bounds, labelNames = [] } = options;
    const configuration = { name, help, labelNames, buckets: [...bounds], registers: [] };
    super(configuration);
    this.#options = options;
    this.#empty = new Histogram(configuration);
  }

  override async get(): Promise<HistogramData> {
    const data = await this.#empty.get();
    return { ...data, values: [...this.#values()] };
  }

  /** What the registry asks for in place of `get` when there is one of this name. */
  getForPromString(): Promise<HistogramData> {
    return this.get();
  }

  *#values(): Iterable<HistogramData["values"][number]> {
    const { name, bounds } = this.#options;
    for (const { labels, snapshot } of this.#options.read()) {
      for (const [index, bound] of bounds.entries()) {
        const value = snapshot.cumulativeCounts[index] ?? 0;
        yield { metricName: `${name}_bucket`, labels: { ...labels, le: bound }, value };
      }
      const { count, sumSeconds } = snapshot;
      yield { metricName: `${name}_bucket`, labels: { ...labels, le: "+Inf" }, value: count };
      yield { metricName: `${name}_sum`, labels, value: sumSeconds };
      yield { metricName: `${name}_count`, labels, value: count };
    }
  }
}
