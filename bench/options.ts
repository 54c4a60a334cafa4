import { parseArgs } from "node:util";
import type { ClientKind } from "./client/open-connection.js";
import type { MeasureOptions } from "./load/measure.js";
import type { LoadPlan, WorkloadName } from "./load/plan.js";
import { KEY_BYTES_MIN } from "./wire/bench-key.js";

/** A command line that cannot be followed; the message says why. */
export class UsageError extends Error {}

interface Flag {
  readonly type: "string" | "boolean";
  readonly default?: string | boolean;
  readonly help: string;
}

/** Flags of the load itself, which every command takes. */
export const LOAD_FLAGS = {
  clients: { type: "string", default: "1000", help: "closed loops, one call under way in each" },
  conns: { type: "string", default: "100", help: "connections that the clients share" },
  threads: { type: "string", default: "1", help: "threads of the load generator" },
  client: { type: "string", default: "frames", help: "frames (lean, own HTTP/2) or grpc-js" },
  seconds: { type: "string", help: "how long to run; 5 when --total is not given" },
  total: { type: "string", help: "how many calls to make" },
  "warmup-seconds": { type: "string", default: "1", help: "the same load before, not measured" },
  "settle-seconds": {
    type: "string",
    default: "2",
    help: "work that the server does so long after the run is still charged to it",
  },
  "key-size": { type: "string", default: "32", help: "bytes of a key, at least 16" },
  "val-size": { type: "string", default: "256", help: "bytes of a value" },
  "key-space-size": { type: "string", default: "100000", help: "different keys" },
  "sequential-keys": { type: "boolean", default: false, help: "keys in order, not at random" },
  seed: { type: "string", default: "1", help: "of random keys and values" },
  consistency: { type: "string", default: "l", help: "range: l(inearizable) or s(erializable)" },
  span: { type: "string", default: "1", help: "range: keys per answer" },
  streams: { type: "string", default: "10", help: "watch: streams" },
  "watch-per-stream": {
    type: "string",
    default: "10",
    help: "watch: watchers per stream, each on the whole written prefix",
  },
  json: { type: "boolean", default: false, help: "one line of JSON instead of text" },
  help: { type: "boolean", default: false, help: "this text" },
} as const satisfies Readonly<Record<string, Flag>>;

/** Flag values as they were given. */
export type FlagValues = Readonly<Record<string, string | boolean | undefined>>;

/** Reads the flags of a command. Throws UsageError. */
export function parseFlags(
  args: readonly string[],
  flags: Readonly<Record<string, Flag>>,
): FlagValues {
  const options = Object.fromEntries(
    Object.entries(flags).map(([name, flag]) => [
      name,
      { type: flag.type, ...(flag.default === undefined ? {} : { default: flag.default }) },
    ]),
  );
  try {
    return parseArgs({ args: [...args], options, strict: true }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

/** Lines that explain flags. */
export function flagsHelp(flags: Readonly<Record<string, Flag>>): string {
  return Object.entries(flags)
    .map(([name, flag]) => {
      const fallback = typeof flag.default === "string" ? ` (${flag.default})` : "";
      return `  --${name.padEnd(18)} ${flag.help}${fallback}`;
    })
    .join("\n");
}

/** A flag that must be a number, at least `least`. */
export function numberFlag(values: FlagValues, name: string, least = 0): number {
  const number = Number(values[name]);
  if (!Number.isFinite(number) || number < least) {
    throw new UsageError(`--${name} must be a number of at least ${least}`);
  }
  return number;
}

/** A flag that must be a whole number, at least `least`. */
export function countFlag(values: FlagValues, name: string, least = 1): number {
  const number = numberFlag(values, name, least);
  if (!Number.isSafeInteger(number)) throw new UsageError(`--${name} must be a whole number`);
  return number;
}

/** A flag of whole numbers with commas between them; undefined when it was not given. */
export function countsFlag(values: FlagValues, name: string): number[] | undefined {
  return textFlag(values, name)
    ?.split(",")
    .map((text) => countFlag({ [name]: text }, name));
}

/** A flag that is text. */
export function textFlag(values: FlagValues, name: string): string | undefined {
  const value = values[name];
  return typeof value === "string" ? value : undefined;
}

/** The load that flags describe. Throws UsageError. */
export function planOf(
  workload: WorkloadName,
  endpoints: readonly string[],
  values: FlagValues,
): LoadPlan {
  const client = oneOf<ClientKind>(values, "client", ["frames", "grpc-js"]);
  const plan = {
    workload,
    endpoints,
    client,
    threads: countFlag(values, "threads"),
    conns: countFlag(values, "conns"),
    clients: countFlag(values, "clients"),
    keySize: countFlag(values, "key-size", KEY_BYTES_MIN),
    valSize: countFlag(values, "val-size"),
    keySpaceSize: countFlag(values, "key-space-size"),
    sequentialKeys: values["sequential-keys"] === true,
    seed: countFlag(values, "seed", 0),
    consistency: oneOf<"l" | "s">(values, "consistency", ["l", "s"]),
    span: countFlag(values, "span"),
    streams: countFlag(values, "streams"),
    watchPerStream: countFlag(values, "watch-per-stream"),
  };
  if (plan.span > plan.keySpaceSize) throw new UsageError("--span is more than --key-space-size");
  if (plan.threads > Math.min(plan.conns, plan.clients, plan.streams)) {
    throw new UsageError("--threads is more than there are connections, clients or streams");
  }
  return plan;
}

const DEFAULT_SECONDS = 5;
/** A run that is limited by calls ends after this all the same. */
const SECONDS_MAX = 3600;

/** How to measure, by flags. Throws UsageError. */
export function measureOptionsOf(
  values: FlagValues,
  server: Pick<MeasureOptions, "pids" | "dataDir">,
): MeasureOptions {
  const total = values.total === undefined ? Number.POSITIVE_INFINITY : countFlag(values, "total");
  const fallback = Number.isFinite(total) ? SECONDS_MAX : DEFAULT_SECONDS;
  const seconds = values.seconds === undefined ? fallback : numberFlag(values, "seconds");
  return {
    limits: { calls: total, seconds: Math.min(seconds, SECONDS_MAX) },
    warmupSeconds: numberFlag(values, "warmup-seconds"),
    settleSeconds: numberFlag(values, "settle-seconds"),
    ...server,
  };
}

function oneOf<T extends string>(values: FlagValues, name: string, allowed: readonly T[]): T {
  const found = allowed.find((each) => each === values[name]);
  if (found === undefined) throw new UsageError(`--${name} must be ${allowed.join(" or ")}`);
  return found;
}

/** Prints why a command failed; gives the exit code. */
export function reportFailure(error: unknown): number {
  const usage = error instanceof UsageError;
  const text = error instanceof Error ? error.message : String(error);
  console.error(usage ? `${text}; --help explains` : text);
  return usage ? 2 : 1;
}
