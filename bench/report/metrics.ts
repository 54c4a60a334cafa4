import type { Measurement } from "../load/measure.js";

const BYTES_PER_MIB = 1024 * 1024;

/** One number of a measurement, with its name. */
export interface Metric {
  readonly name: string;
  readonly value: number;
}

/** The numbers of a measurement that are printed, in order. */
export function metricsOf(measurement: Measurement): Metric[] {
  const { unit, latency, server } = measurement;
  const one = unit.replace(/s$/, "");
  const metrics: Metric[] = [
    { name: `${unit}/s`, value: measurement.perSecond },
    { name: "p50 ms", value: latency.p50Us / 1000 },
    { name: "p99 ms", value: latency.p99Us / 1000 },
    { name: "p99.9 ms", value: latency.p999Us / 1000 },
    { name: "max ms", value: latency.maxUs / 1000 },
  ];
  if (server !== undefined) {
    metrics.push(
      { name: `server CPU us/${one}`, value: server.cpuUsPerUnit },
      { name: `disk bytes/${one}`, value: server.deviceBytesPerUnit ?? Number.NaN },
      { name: `dirtied bytes/${one}`, value: server.writeBytesPerUnit },
      { name: "server RSS MiB", value: server.rssBytes / BYTES_PER_MIB },
      { name: "server RSS without files MiB", value: server.anonymousBytes / BYTES_PER_MIB },
    );
  }
  metrics.push({ name: `client CPU us/${one}`, value: measurement.clientCpuUsPerUnit });
  return metrics;
}
