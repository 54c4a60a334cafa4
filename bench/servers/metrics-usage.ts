import type { ServerUsage } from "./process-usage.js";

const TIMEOUT_MS = 5000;

/**
 * What a server says of itself at http://host:port/metrics; undefined where it says nothing: another
 * program, its metrics on another port, or TLS.
 */
export async function readMetricsUsage(endpoint: string): Promise<ServerUsage | undefined> {
  try {
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    const response = await fetch(`http://${endpoint}/metrics`, { signal });
    return response.ok ? usageOf(await response.text()) : undefined;
  } catch {
    return undefined;
  }
}

/** The process's figures in a page of metrics; undefined when they are not in it. */
export function usageOf(page: string): ServerUsage | undefined {
  const cpuSeconds = sampleOf(page, "process_cpu_seconds_total");
  const rssBytes = sampleOf(page, "process_resident_memory_bytes");
  if (cpuSeconds === undefined || rssBytes === undefined) return undefined;
  return { cpuUs: cpuSeconds * 1_000_000, rssBytes };
}

function sampleOf(page: string, name: string): number | undefined {
  const line = page.split("\n").find((each) => each.startsWith(`${name} `));
  return line === undefined ? undefined : Number(line.split(" ")[1]);
}
