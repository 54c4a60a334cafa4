import type { Load } from "../load/loads.js";
import type { MeasureOptions } from "../load/measure.js";
import type { LoadLimits, LoadPlan } from "../load/plan.js";
import { keySpaceMax } from "../wire/bench-key.js";
import { type Flags, type FlagTable, UsageError } from "./flags.js";
import type { Target } from "./target.js";

/** Flags of every load: who makes it, and what is looked at. */
export const RUN_FLAGS = {
  conns: { type: "string", default: "1", help: "connections that the clients share" },
  clients: {
    type: "string",
    default: "1",
    help: "calls under way at once; with a rate the most there may be, then 1000",
  },
  threads: { type: "string", default: "1", help: "threads of the load generator" },
  seed: { type: "string", default: "1", help: "of random keys and values" },
  seconds: { type: "string", help: "how long to run; without a total given, no other end" },
  "warmup-seconds": { type: "string", default: "0", help: "the same load before, not measured" },
  "settle-seconds": {
    type: "string",
    default: "2",
    help: "work that the server does so long after the run is still charged to it",
  },
  sample: { type: "boolean", help: "figures of every second" },
} as const satisfies FlagTable;

/** Flags of keys and values, with the defaults of etcd's benchmark. */
export const KEY_FLAGS = {
  "key-size": { type: "string", default: "8", help: "bytes of a key" },
  "val-size": { type: "string", default: "8", help: "bytes of a value" },
  "key-space-size": { type: "string", default: "1", help: "different keys" },
} as const satisfies FlagTable;

/** Clients of a schedule when it is not said: how many calls a slow server may have waiting. */
const SCHEDULE_CLIENTS = 1000;

/** The load on a server that flags describe. */
export function planOf(load: Load, target: Target, flags: Flags, isScheduled: boolean): LoadPlan {
  const conns = flags.count("conns");
  const clients = isScheduled && !flags.has("clients") ? SCHEDULE_CLIENTS : flags.count("clients");
  const threads = flags.count("threads");
  if (threads > Math.min(conns, clients)) {
    throw new UsageError("--threads is more than there are connections or clients");
  }
  return { ...target, load, threads, conns, clients, seed: flags.count("seed", 0) };
}

/** A run that is limited by calls ends after this all the same. */
const SECONDS_MAX = 3600;

/** Of loads that are neither limited by calls nor by time. */
const DEFAULT_SECONDS = 30;

/** How many calls to make, by the flag of this name, and how fast; rate 0 is as fast as can be. */
export function limitsOf(flags: Flags, totalName: string, rate: number): LoadLimits {
  const isTimed = flags.has("seconds");
  const hasTotal = flags.has(totalName) || (!isTimed && flags.text(totalName) !== undefined);
  const fallback = hasTotal ? SECONDS_MAX : DEFAULT_SECONDS;
  return {
    calls: hasTotal ? flags.count(totalName) : Number.POSITIVE_INFINITY,
    seconds: isTimed ? Math.min(flags.number("seconds"), SECONDS_MAX) : fallback,
    rate: rate === 0 ? undefined : rate,
  };
}

/** How to measure, apart from the limits and where the server's figures are. */
export function measureFlags(
  flags: Flags,
): Pick<MeasureOptions, "warmupSeconds" | "settleSeconds" | "sample"> {
  return {
    warmupSeconds: flags.number("warmup-seconds"),
    settleSeconds: flags.number("settle-seconds"),
    sample: flags.isSet("sample"),
  };
}

/** Sizes of keys and values by KEY_FLAGS; a key must have room for the largest number. */
export function keySpaceOf(
  flags: Flags,
  keySizeMin = 1,
): { readonly keySize: number; readonly valSize: number; readonly keySpaceSize: number } {
  const keySize = flags.count("key-size", keySizeMin);
  const keySpaceSize = flags.count("key-space-size");
  if (keySpaceSize > keySpaceMax(keySize)) {
    throw new UsageError(
      `--key-size ${keySize} has room for ${keySpaceMax(keySize)} different keys only`,
    );
  }
  return { keySize, keySpaceSize, valSize: flags.count("val-size", 0) };
}
