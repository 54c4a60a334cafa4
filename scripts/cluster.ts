/**
 * A whole cluster on this machine: `npm run cluster`. Every member is a process with its own data directory;
 * their log lines come together here, each member's in its own colour.
 */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { styleText } from "node:util";
import { MemberProcess } from "./cluster/member-process.js";
import {
  CLUSTER_USAGE,
  type ClusterOptions,
  type MemberPlan,
  memberFlags,
  parseClusterOptions,
  planMembers,
  UsageError,
} from "./cluster/plan.js";

const CAPSTAN = join(import.meta.dirname, "..", "src", "main", "main.js");
const COLOURS = ["cyan", "yellow", "magenta", "green", "blue", "red", "white"] as const;
const isColoured = process.stdout.isTTY === true && process.env.NO_COLOR === undefined;

/** A member that runs, with its place. */
interface RunningMember {
  readonly plan: MemberPlan;
  readonly process: MemberProcess;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

function prefixed(i: number, name: string): (line: string) => void {
  const prefix = `${name} |`;
  const colour = COLOURS[i % COLOURS.length] ?? "white";
  const shown = isColoured ? styleText(colour, prefix, { validateStream: false }) : prefix;
  return (line) => print(`${shown} ${line}`);
}

function startMembers(plans: readonly MemberPlan[], options: ClusterOptions): RunningMember[] {
  return plans.map((plan, i) => {
    const flags = [...memberFlags(plan, plans), ...options.flags];
    const own = ["--enable-source-maps", CAPSTAN, "--log-format", "console"];
    const { program = process.execPath } = options;
    const args = options.program === undefined ? [...own, ...flags] : flags;
    const onLine = prefixed(i, plan.name);
    const healthUrl = `http://127.0.0.1:${plan.clientPort}/health`;
    return { plan, process: new MemberProcess({ program, args, healthUrl, onLine }) };
  });
}

/** One after the other; a second signal does not wait for any. */
async function stopMembers(members: readonly RunningMember[]): Promise<void> {
  for (const member of members) await member.process.stop();
}

function announce(members: readonly RunningMember[]): void {
  const endpoints = members.map(({ plan }) => `127.0.0.1:${plan.clientPort}`).join(",");
  print(`cluster of ${members.length} is ready; ctrl-c stops it. In another terminal:`);
  print(`  export ETCDCTL_ENDPOINTS=${endpoints}`);
  print("  etcdctl endpoint status --cluster -w table");
}

/** Resolves at the first signal. The second one ends everything hard. */
function firstSignal(members: readonly RunningMember[]): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let signals = 0;
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
      process.on(signal, () => {
        signals += 1;
        if (signals === 1) return resolve(signal);
        for (const member of members) member.process.kill();
      });
    }
  });
}

async function runCluster(options: ClusterOptions): Promise<number> {
  const dir =
    options.dir === undefined
      ? mkdtempSync(join(tmpdir(), "capstan-cluster-"))
      : resolve(options.dir);
  let members: readonly RunningMember[] = [];
  try {
    mkdirSync(dir, { recursive: true });
    const plans = await planMembers(options, dir);
    members = startMembers(plans, options);
    const running = members;
    // Nobody is left behind, whatever ends this process.
    process.on("exit", () => {
      for (const member of running) member.process.kill();
    });
    const signal = firstSignal(members);
    const ready = Promise.all(members.map(whenReady)).then(() => undefined);
    const early = await Promise.race([ready, signal]);
    if (early === undefined) {
      announce(members);
      const allEnded = Promise.all(members.map(whenEnded)).then(() => undefined);
      await Promise.race([signal, allEnded]);
    }
    await stopMembers(members);
    print("cluster: stopped");
    return 0;
  } catch (error) {
    for (const member of members) member.process.kill();
    await Promise.all(members.map((member) => member.process.ended));
    throw error;
  } finally {
    if (options.dir === undefined) rmSync(dir, { recursive: true, force: true });
  }
}

async function whenReady({ plan, process: member }: RunningMember): Promise<void> {
  try {
    await member.ready;
  } catch (error) {
    throw new Error(`${plan.name} did not start: it ${String(error).replace(/^Error: /, "")}`);
  }
}

/** A cluster outlives members that are killed or removed. */
async function whenEnded({ plan, process: member }: RunningMember): Promise<void> {
  print(`cluster: ${plan.name} ${await member.ended}`);
}

try {
  const options = parseClusterOptions(process.argv.slice(2));
  if (options.help) print(CLUSTER_USAGE);
  else process.exitCode = await runCluster(options);
} catch (error) {
  const isUsage = error instanceof UsageError;
  process.stderr.write(`cluster: ${error instanceof Error ? error.message : String(error)}\n`);
  if (isUsage) process.stderr.write(CLUSTER_USAGE);
  process.exitCode = isUsage ? 2 : 1;
}
