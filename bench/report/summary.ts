import type { LatencySummary } from "../load/latency-histogram.js";
import type { Measurement, SeriesMeasurement } from "../load/measurement.js";
import type { SecondSample } from "../load/second-samples.js";
import { serverLines } from "./server-lines.js";
import { table } from "./table.js";

/** How numbers are written. */
export interface SummaryOptions {
  /** With all digits, not four. */
  readonly precise: boolean;
}

const BAR_CHARS_MAX = 40;

/** A run as etcd's benchmark prints it, and what the run cost below. */
export function summaryText(measurement: Measurement, options: SummaryOptions): string {
  const { failures } = measurement;
  return [
    ...seriesTexts(measurement, options),
    measurement.samples.length > 0 ? samplesText(measurement.samples) : "",
    failures.length > 0 ? failuresText(failures) : "",
    scheduleText(measurement),
    serverLines(measurement),
  ]
    .filter((text) => text !== "")
    .join("\n");
}

/** One or two kinds of calls are shown in full, more of them in a table. */
function seriesTexts(measurement: Measurement, options: SummaryOptions): string[] {
  const { series, seconds, unit, count, perSecond, latency } = measurement;
  if (series.length > SERIES_IN_FULL_MAX) {
    const all = { name: unit, count, perSecond, latency };
    return [`\n${seriesTable(series)}`, seriesText(all, seconds, options)];
  }
  return series.map((each) => {
    const heading = series.length === 1 ? "" : `\n${capital(each.name)}: ${each.count} in all.\n`;
    return heading + seriesText(each, seconds, options);
  });
}

const SERIES_IN_FULL_MAX = 2;

function seriesTable(series: readonly SeriesMeasurement[]): string {
  const head = ["ms", "calls", "/s", "p50", "p90", "p99", "p99.9", "max"];
  const rows = series.map(({ name, count, perSecond, latency }) => {
    const { p50Us, p90Us, p99Us, p999Us, maxUs } = latency;
    const times = [p50Us, p90Us, p99Us, p999Us, maxUs].map((us) => (us / 1000).toFixed(3));
    return [name, String(count), short(perSecond), ...times];
  });
  return table([head, ...rows], 1);
}

function seriesText(series: SeriesMeasurement, seconds: number, options: SummaryOptions): string {
  const { latency } = series;
  const time = (us: number): string => `${figure(us / 1_000_000, options)} secs.`;
  return [
    "",
    "Summary:",
    `  Total:\t${figure(seconds, options)} secs.`,
    `  Slowest:\t${time(latency.maxUs)}`,
    `  Fastest:\t${time(latency.minUs)}`,
    `  Average:\t${time(latency.meanUs)}`,
    `  Stddev:\t${time(latency.stddevUs)}`,
    `  Requests/sec:\t${figure(series.perSecond, options)}`,
    "",
    histogramText(latency, options),
    "",
    distributionText(latency),
  ].join("\n");
}

function histogramText({ bars }: LatencySummary, options: SummaryOptions): string {
  const most = Math.max(...bars.map(({ count }) => count));
  const lines = bars.map(({ upToUs, count }) => {
    const bar = "∎".repeat(Math.floor((count * BAR_CHARS_MAX) / most));
    return `  ${figure(upToUs / 1_000_000, options)} [${count}]\t|${bar}`;
  });
  return ["Response time histogram:", ...lines].join("\n");
}

function distributionText(latency: LatencySummary): string {
  const percentiles: readonly (readonly [percent: string, us: number])[] = [
    ["10", latency.p10Us],
    ["25", latency.p25Us],
    ["50", latency.p50Us],
    ["75", latency.p75Us],
    ["90", latency.p90Us],
    ["95", latency.p95Us],
    ["99", latency.p99Us],
    ["99.9", latency.p999Us],
  ];
  const lines = percentiles.map(
    ([percent, us]) => `  ${percent}% in ${(us / 1000).toFixed(3)} ms.`,
  );
  return ["Latency distribution:", ...lines].join("\n");
}

function samplesText(samples: readonly SecondSample[]): string {
  const lines = samples.map(({ unixSecond, minUs, meanUs, maxUs, calls }) => {
    const times = [minUs, meanUs, maxUs].map((us) => (us / 1000).toFixed(3));
    return [unixSecond, ...times, calls].join(",");
  });
  const head = "UNIX-SECOND,MIN-LATENCY-MS,AVG-LATENCY-MS,MAX-LATENCY-MS,AVG-THROUGHPUT";
  return ["", "Sample in one second (unix latency throughput):", head, ...lines].join("\n");
}

function failuresText(failures: Measurement["failures"]): string {
  const lines = failures.map(({ text, count }) => `  [${count}]\t${text}`);
  return ["", "Error distribution:", ...lines].join("\n");
}

function scheduleText({ schedule }: Measurement): string {
  if (schedule === undefined) return "";
  const { rate, waited, missed } = schedule;
  const late =
    waited === 0
      ? "no call had to wait for a client"
      : `${waited} calls began late, as all clients had one under way`;
  const given = missed === 0 ? "" : `; ${missed} had not begun when time was up`;
  return `\nSchedule: ${short(rate)} calls per second; ${late}${given}.`;
}

/** Four digits after the point, or all there are. */
function figure(value: number, { precise }: SummaryOptions): string {
  return precise ? String(value) : value.toFixed(4);
}

function short(value: number): string {
  return String(Math.round(value * 100) / 100);
}

function capital(name: string): string {
  return name.slice(0, 1).toUpperCase() + name.slice(1);
}
