import type { Measurement } from "../load/measurement.js";
import { singular } from "./server-lines.js";

const BYTES_PER_MIB = 1024 * 1024;

/** One number of a measurement, with its name. */
export interface Metric {
  readonly name: string;
  readonly value: number;
}

/** The numbers of a measurement that are compared, in order; the first is the rate. */
export function metricsOf(measurement: Measurement): Metric[] {
  const { unit, latency, server, series } = measurement;
  const one = singular(unit);
  const metrics: Metric[] = [
    { name: `${unit}/s`, value: measurement.perSecond },
    { name: "p50 ms", value: latency.p50Us / 1000 },
    { name: "p90 ms", value: latency.p90Us / 1000 },
    { name: "p99 ms", value: latency.p99Us / 1000 },
    { name: "p99.9 ms", value: latency.p999Us / 1000 },
    { name: "max ms", value: latency.maxUs / 1000 },
  ];
  // What is counted has its figures above.
  const others = series.filter(({ name }) => name !== unit);
  for (const each of others) {
    metrics.push(
      { name: `${each.name}/s`, value: each.perSecond },
      { name: `${each.name} p50 ms`, value: each.latency.p50Us / 1000 },
      { name: `${each.name} p99 ms`, value: each.latency.p99Us / 1000 },
    );
  }
  if (server !== undefined) {
    const { deviceBytesPerUnit = Number.NaN, writeBytesPerUnit = Number.NaN } = server;
    metrics.push(
      { name: `server CPU us/${one}`, value: server.cpuUsPerUnit },
      { name: `disk bytes/${one}`, value: deviceBytesPerUnit },
      { name: `dirtied bytes/${one}`, value: writeBytesPerUnit },
      { name: "server RSS MiB", value: server.rssBytes / BYTES_PER_MIB },
      {
        name: "server RSS without files MiB",
        value: (server.anonymousBytes ?? Number.NaN) / BYTES_PER_MIB,
      },
    );
  }
  metrics.push({ name: `client CPU us/${one}`, value: measurement.clientCpuUsPerUnit });
  return metrics.filter(({ value }) => !Number.isNaN(value));
}
