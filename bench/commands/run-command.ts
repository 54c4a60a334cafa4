import { fill, fillPlan } from "../load/fill.js";
import type { Load } from "../load/loads.js";
import { type MeasureOptions, measure } from "../load/measure.js";
import { failureCount, type Measurement } from "../load/measurement.js";
import type { LoadLimits } from "../load/plan.js";
import { ProgressBar } from "../report/progress-bar.js";
import { summaryText } from "../report/summary.js";
import type { Command } from "./command.js";
import { type Flags, type FlagTable, UsageError } from "./flags.js";
import { limitsOf, measureFlags, planOf, RUN_FLAGS } from "./run-flags.js";
import { openTarget, TARGET_FLAGS, type Target } from "./target.js";
import { compareServers, VERSUS_FLAGS } from "./versus-command.js";

/** Flags that every subcommand takes beside its own. */
export const COMMON_FLAGS = {
  ...TARGET_FLAGS,
  ...RUN_FLAGS,
  pid: {
    type: "string",
    help: "the server's process, several with commas, to see what it uses; else /metrics is asked",
  },
  "data-dir": { type: "string", help: "the server's, with --pid, to see what reaches its disk" },
  precise: { type: "boolean", help: "numbers with all their digits" },
  json: { type: "boolean", help: "one line of JSON instead of text" },
  output: { type: "string", help: "json: the same as --json" },
  ...VERSUS_FLAGS,
  help: { type: "boolean", help: "this text" },
} as const satisfies FlagTable;

/** Makes a subcommand's load on one server, or on two in turns; gives the exit code. */
export async function runCommand(command: Command, flags: Flags): Promise<number> {
  const isJson = flags.has("output")
    ? flags.oneOf("output", ["json"]) === "json"
    : flags.isSet("json");
  const load = command.load(flags);
  const limits = commandLimits(command, load, flags);
  const run = (target: Target): Promise<Measurement> =>
    runOnce(command, { load, limits, target, flags });
  const other = flags.text("versus");
  if (other !== undefined) {
    return compareServers({ name: command.name, flags, other, isJson, run });
  }
  if (!isJson && command.intro !== undefined) console.log(command.intro(load));
  const target = await openTarget(flags.text("endpoints") ?? "", flags);
  const measurement = await run(target);
  if (isJson) {
    const record = { command: command.name, node: process.version, flags: flags.record() };
    console.log(JSON.stringify({ ...record, measurement }));
  } else {
    console.log(summaryText(measurement, { precise: flags.isSet("precise") }));
  }
  const plan = planOf(load, target, flags, limits.rate !== undefined);
  const epilogue = await command.epilogue?.(plan, flags);
  if (epilogue !== undefined && !isJson) console.log(epilogue);
  return reportFailures(measurement);
}

/** Says on stderr what failed first; gives the exit code. */
function reportFailures(measurement: Measurement): number {
  const failed = failureCount(measurement);
  if (failed === 0) return 0;
  console.error(`${failed} calls failed, first: ${measurement.failures[0]?.text}`);
  return 1;
}

interface Run {
  readonly load: Load;
  readonly limits: LoadLimits;
  readonly target: Target;
  readonly flags: Flags;
}

async function runOnce(
  command: Command,
  { load, limits, target, flags }: Run,
): Promise<Measurement> {
  const plan = planOf(load, target, flags, limits.rate !== undefined);
  const options: MeasureOptions = {
    ...measureFlags(flags),
    limits,
    server: serverSource(target, flags),
    progress: new ProgressBar(process.stderr),
    beside: command.beside?.(plan, flags),
  };
  if (load.kind === "fill") return fill(fillPlan(plan, load), options);
  await command.prepare?.(plan, flags);
  return measure(plan, options);
}

function serverSource(target: Target, flags: Flags): MeasureOptions["server"] {
  const pids = flags.counts("pid");
  if (pids !== undefined) return { kind: "processes", pids, dataDir: flags.text("data-dir") };
  if (flags.has("data-dir")) throw new UsageError("--data-dir needs --pid");
  // Metrics are looked for in plain text only.
  return target.connect.tls === undefined
    ? { kind: "metrics", endpoints: target.endpoints }
    : undefined;
}

function commandLimits(command: Command, load: Load, flags: Flags): LoadLimits {
  const names = command.limits ?? { total: "total", rate: "rate" };
  if (command.flags[names.total] === undefined) {
    const seconds = flags.has("seconds") ? flags.number("seconds") : UNLIMITED_SECONDS;
    return { calls: Number.POSITIVE_INFINITY, seconds };
  }
  if (command.rate !== undefined && !flags.has(names.rate)) {
    return limitsOf(flags, names.total, command.rate(load));
  }
  return limitsOf(flags, names.total, flags.number(names.rate));
}

/** Of loads that end by themselves. */
const UNLIMITED_SECONDS = 3600;
