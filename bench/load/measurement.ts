import type { ServerCost } from "../servers/server-cost.js";
import type { LatencySummary } from "./latency-histogram.js";
import type { SecondSample } from "./second-samples.js";

/** Calls, or deliveries, of one kind. */
export interface SeriesMeasurement {
  readonly name: string;
  readonly count: number;
  readonly perSecond: number;
  readonly latency: LatencySummary;
}

/** What one run showed. */
export interface Measurement {
  readonly unit: string;
  readonly count: number;
  readonly seconds: number;
  readonly perSecond: number;
  /** Of what is counted: of deliveries where there are some. */
  readonly latency: LatencySummary;
  /** The kinds of calls, those that were never made left out; then the deliveries. */
  readonly series: readonly SeriesMeasurement[];
  /** Different failures, the one that was met first at the front. */
  readonly failures: readonly { readonly text: string; readonly count: number }[];
  /** Where calls were made on a schedule. */
  readonly schedule?: ScheduleOutcome;
  readonly samples: readonly SecondSample[];
  /** CPU time of this process per unit. */
  readonly clientCpuUsPerUnit: number;
  /** Where the server's figures could be had. */
  readonly server?: ServerCost;
}

/** How well a schedule was kept. */
export interface ScheduleOutcome {
  /** Calls per second that it asked for. */
  readonly rate: number;
  /** Calls that began late, because all clients had one under way. */
  readonly waited: number;
  /** Calls that had not begun when the run ended. */
  readonly missed: number;
}

/** Calls that failed. */
export function failureCount(measurement: Measurement): number {
  return measurement.failures.reduce((sum, { count }) => sum + count, 0);
}
