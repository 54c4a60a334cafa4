import type { Measurement } from "../load/measurement.js";
import { figure } from "./table.js";

const BYTES_PER_MIB = 1024 * 1024;

/** What the server, and this program, used for a run. */
export function serverLines(measurement: Measurement): string {
  const { unit, server, clientCpuUsPerUnit, series, count, perSecond } = measurement;
  const one = singular(unit);
  const lines: string[] = [];
  // Where what is counted is not calls, and not what came of them either.
  if (series.length > 0 && series.every((each) => each.count !== count)) {
    lines.push(`  Rate:\t\t${figure(perSecond)} ${unit} per second`);
  }
  if (server !== undefined) {
    lines.push(`  Server CPU:\t${figure(server.cpuUsPerUnit)} us per ${one}`);
    const { deviceBytesPerUnit, writeBytesPerUnit, anonymousBytes } = server;
    if (deviceBytesPerUnit !== undefined) {
      lines.push(`  Disk:\t\t${figure(deviceBytesPerUnit)} bytes per ${one}`);
    }
    if (writeBytesPerUnit !== undefined) {
      lines.push(`  Dirtied:\t${figure(writeBytesPerUnit)} bytes per ${one}`);
    }
    const rest = anonymousBytes === undefined ? "" : `, ${mib(anonymousBytes)} MiB without files`;
    lines.push(`  Server RSS:\t${mib(server.rssBytes)} MiB${rest}`);
  }
  lines.push(`  Client CPU:\t${figure(clientCpuUsPerUnit)} us per ${one}`);
  return ["", "Usage:", ...lines].join("\n");
}

/** One of a unit. */
export function singular(unit: string): string {
  return unit.replace(/s$/, "");
}

function mib(bytes: number): string {
  return figure(bytes / BYTES_PER_MIB);
}
