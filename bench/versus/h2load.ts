import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { call, RPC } from "../client/connection.js";
import { openConnection, PLAIN_CONNECT } from "../client/open-connection.js";
import { LatencyHistogram } from "../load/latency-histogram.js";
import type { PutLoad, RangeSpanLoad } from "../load/loads.js";
import type { MeasureOptions } from "../load/measure.js";
import type { Measurement } from "../load/measurement.js";
import type { LoadPlan } from "../load/plan.js";
import { readUsage } from "../servers/process-usage.js";
import { serverCost, serverState } from "../servers/server-cost.js";
import { randomValue } from "../wire/value.js";
import { COMMON_PREFIX, putTemplate } from "../workloads/put.js";
import { rangeTemplate } from "../workloads/range.js";

/**
 * Loads that h2load can make: it sends the same body again and again, so all of it hits one key.
 */
export type H2loadLoad = PutLoad | RangeSpanLoad;

const HEADERS = ["content-type: application/grpc", "te: trailers"];
/** Beyond the run itself, before h2load is taken to hang. */
const EXTRA_SECONDS = 60;

/**
 * Measures with nghttp2's h2load, as a check on our own client. It does not look at grpc-status, so
 * one call of the same body is made and checked before.
 */
export async function measureWithH2load(
  program: string,
  plan: LoadPlan & { readonly load: H2loadLoad },
  options: MeasureOptions,
): Promise<Measurement> {
  const [target = ""] = plan.endpoints;
  const name = plan.load.kind === "put" ? "put" : "range";
  const path = RPC[name];
  const message = fixedMessage(plan.load, plan.seed);
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
    const before = await serverState(options.server);
    // Only whole seconds are understood, and Infinity is not.
    const seconds = Math.max(1, Math.round(options.limits.seconds));
    const clientCpuUs = await runH2load(program, args(seconds), seconds);
    const seen = readLog(log);
    const { count } = seen.latency;
    const perSecond = count / seen.seconds;
    const cost = await serverCost(before, count, options);
    return {
      ...{ unit: `${name}s`, count, perSecond, ...seen },
      series: [{ name: `${name}s`, count, perSecond, latency: seen.latency }],
      samples: [],
      clientCpuUsPerUnit: clientCpuUs / count,
      ...(cost === undefined ? {} : { server: cost }),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function fixedMessage(load: H2loadLoad, seed: number): Buffer {
  if (load.kind === "range-span") return rangeTemplate(load).fill(0);
  return putTemplate(COMMON_PREFIX, load.keySize, randomValue(load.valSize, seed)).fill(0);
}

async function checkOnce(target: string, path: string, message: Buffer): Promise<void> {
  const connection = await openConnection(target, PLAIN_CONNECT);
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
function readLog(path: string): Pick<Measurement, "failures" | "seconds" | "latency"> {
  const latencies = new LatencyHistogram();
  let failures = 0;
  let startedUs = Number.POSITIVE_INFINITY;
  let endedUs = 0;
  for (const line of readFileSync(path, "latin1").split("\n")) {
    if (line === "") continue;
    const [startUs = 0, status = 0, durationUs = 0] = line.split("\t").map(Number);
    if (status === 200) latencies.record(durationUs);
    else failures += 1;
    startedUs = Math.min(startedUs, startUs);
    endedUs = Math.max(endedUs, startUs + durationUs);
  }
  return {
    failures: failures > 0 ? [{ text: "a status other than 200", count: failures }] : [],
    seconds: (endedUs - startedUs) / 1_000_000,
    latency: latencies.summary(),
  };
}
