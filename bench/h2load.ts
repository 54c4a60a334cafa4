import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { call, RPC } from "./client/connection.js";
import { openConnection } from "./client/open-connection.js";
import { LatencyHistogram } from "./load/latency-histogram.js";
import { type Measurement, type MeasureOptions, serverCost, serverState } from "./load/measure.js";
import type { LoadPlan } from "./load/plan.js";
import { readUsage } from "./load/server-usage.js";
import { randomValue } from "./wire/value.js";
import { COMMON_PREFIX, putTemplate } from "./workloads/put.js";
import { rangeTemplate } from "./workloads/range.js";

/**
 * Loads that h2load can make: it sends the same body again and again, so all of it hits one key.
 */
export type H2loadWorkload = "put" | "range";

const HEADERS = ["content-type: application/grpc", "te: trailers"];
/** Beyond the run itself, before h2load is taken to hang. */
const EXTRA_SECONDS = 60;

/**
 * Measures with nghttp2's h2load, as a check on our own client. It does not look at grpc-status, so
 * one call of the same body is made and checked before.
 */
export async function measureWithH2load(
  program: string,
  plan: LoadPlan & { readonly workload: H2loadWorkload },
  options: MeasureOptions,
): Promise<Measurement> {
  const [target = ""] = plan.endpoints;
  const path = RPC[plan.workload];
  const message = fixedMessage(plan);
  await checkOnce(target, path, message);
  const folder = mkdtempSync(join(tmpdir(), "capstan-h2load-"));
  try {
    const prefix = Buffer.alloc(5);
    prefix.writeUInt32BE(message.length, 1);
    writeFileSync(join(folder, "body"), Buffer.concat([prefix, message]));
    const log = join(folder, "log");
    const args = (seconds: number): string[] => [
      ...["-c", String(plan.conns), "-m", String(Math.ceil(plan.clients / plan.conns))],
      ...["-D", String(seconds), "-d", join(folder, "body"), "--log-file", log],
      ...HEADERS.flatMap((header) => ["-H", header]),
      `http://${target}${path}`,
    ];
    const warmupSeconds = Math.ceil(options.warmupSeconds);
    if (warmupSeconds > 0) await runH2load(program, args(warmupSeconds), warmupSeconds);
    rmSync(log, { force: true });
    const before = serverState(options);
    // Only whole seconds are understood, and Infinity is not.
    const seconds = Math.max(1, Math.round(options.limits.seconds));
    const clientCpuUs = await runH2load(program, args(seconds), seconds);
    const seen = readLog(log);
    const cost = await serverCost(before, seen.count, options);
    return {
      unit: `${plan.workload}s`,
      ...seen,
      perSecond: seen.count / seen.seconds,
      clientCpuUsPerUnit: clientCpuUs / seen.count,
      ...(cost === undefined ? {} : { server: cost }),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function fixedMessage(plan: LoadPlan): Buffer {
  if (plan.workload === "range") return rangeTemplate(plan).fill(0);
  return putTemplate(plan, COMMON_PREFIX, randomValue(plan.valSize, plan.seed)).fill(0);
}

async function checkOnce(target: string, path: string, message: Buffer): Promise<void> {
  const connection = await openConnection("frames", target);
  try {
    await call(connection, path, message);
  } finally {
    connection.close();
  }
}

/** Runs h2load to its end; gives the CPU time that it used, as seen last while it ran. */
async function runH2load(
  program: string,
  args: readonly string[],
  seconds: number,
): Promise<number> {
  const child = spawn(program, args, {
    stdio: ["ignore", "pipe", "inherit"],
    timeout: (seconds + EXTRA_SECONDS) * 1000,
    killSignal: "SIGKILL",
  });
  let cpuUs = 0;
  const { pid } = child;
  // What an ended child has used can no longer be read: look while it runs.
  const timer = setInterval(() => {
    cpuUs = pid === undefined ? 0 : cpuOf(pid, cpuUs);
  }, 50);
  try {
    child.stdout.resume();
    const [code, signal] = await once(child, "close");
    if (code !== 0) throw new Error(`${program} ended with ${code ?? signal}`);
    return cpuUs;
  } finally {
    clearInterval(timer);
  }
}

function cpuOf(pid: number, before: number): number {
  try {
    return readUsage(pid).cpuUs;
  } catch {
    return before;
  }
}

/** Lines of the log: start in microseconds since 1970, HTTP status, microseconds until the end. */
function readLog(
  path: string,
): Pick<Measurement, "count" | "failures" | "firstFailure" | "seconds" | "latency"> {
  const latencies = new LatencyHistogram();
  let count = 0;
  let failures = 0;
  let startedUs = Number.POSITIVE_INFINITY;
  let endedUs = 0;
  for (const line of readFileSync(path, "latin1").split("\n")) {
    if (line === "") continue;
    const [startUs = 0, status = 0, durationUs = 0] = line.split("\t").map(Number);
    if (status === 200) count += 1;
    else failures += 1;
    latencies.record(durationUs);
    startedUs = Math.min(startedUs, startUs);
    endedUs = Math.max(endedUs, startUs + durationUs);
  }
  return {
    count,
    failures,
    firstFailure: failures > 0 ? "a status other than 200" : undefined,
    seconds: (endedUs - startedUs) / 1_000_000,
    latency: latencies.summary(),
  };
}
