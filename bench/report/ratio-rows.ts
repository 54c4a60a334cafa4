import type { Metric } from "./metrics.js";
import { median, spread } from "./statistics.js";
import { figure } from "./table.js";

/** One load on two servers: the metrics of each pair. */
export interface Compared {
  readonly ours: readonly (readonly Metric[])[];
  readonly theirs: readonly (readonly Metric[])[];
  /** What the ratio of a metric should be, as text, in a last column; without it there is none. */
  readonly goals?: Readonly<Record<string, string>>;
}

/** What the columns of `ratioRows` hold, behind the name of the load. */
export function ratioHead(ours: string, theirs: string): string[] {
  return ["", "", ours, theirs, "ratio", "min", "max"];
}

/**
 * A row for each metric of one load: both servers' medians over the pairs, and the pairs' own ratios,
 * first server by second, as median and extremes.
 */
export function ratioRows(name: string, { ours, theirs, goals }: Compared): string[][] {
  const names = [...new Set([...ours, ...theirs].flat().map((metric) => metric.name))];
  return names.map((metric, row) => {
    const left = ours.map((each) => metricValue(each, metric));
    const right = theirs.map((each) => metricValue(each, metric));
    const ratios = left
      .map((value, pair) => value / (right[pair] ?? Number.NaN))
      .filter((ratio) => Number.isFinite(ratio));
    const ratio = spread(ratios);
    const cells = [median(left), median(right), ratio.median, ratio.min, ratio.max];
    const goal = goals === undefined ? [] : [goals[metric] ?? ""];
    return [row === 0 ? name : "", metric, ...cells.map(figure), ...goal];
  });
}

function metricValue(metrics: readonly Metric[], name: string): number {
  return metrics.find((metric) => metric.name === name)?.value ?? Number.NaN;
}
