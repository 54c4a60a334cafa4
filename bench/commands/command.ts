import type { Load } from "../load/loads.js";
import type { LoadPlan } from "../load/plan.js";
import type { Flags, FlagTable } from "./flags.js";

/** One subcommand: a load and its flags. */
export interface Command {
  readonly name: string;
  /** What it measures, in a line. */
  readonly help: string;
  readonly flags: FlagTable;
  /** Words beside the flags, as they are shown, and how many there may be. */
  readonly words?: { readonly text: string; readonly max: number };
  /** Names of the flags that limit calls and their rate. */
  readonly limits?: { readonly total: string; readonly rate: string };
  /** The load that the flags describe. Throws UsageError. */
  load(flags: Flags): Load;
  /** Calls per second where the load itself says it, and the flags do not. */
  rate?(load: Load): number;
  /** Printed before the run. */
  intro?(load: Load): string;
  /** What the server must hold before. */
  prepare?(plan: LoadPlan, flags: Flags): Promise<void>;
  /** Begins something that goes on beside the measured run; gives its end. */
  beside?(plan: LoadPlan, flags: Flags): (() => () => Promise<void>) | undefined;
  /** Something to be printed when all is over. */
  epilogue?(plan: LoadPlan, flags: Flags): Promise<string | undefined>;
}

/** Total and rate, as most commands of etcd's benchmark have them. */
export const TOTAL_AND_RATE = {
  total: { type: "string", default: "10000", help: "how many calls to make" },
  rate: {
    type: "string",
    default: "0",
    help: "calls per second on a schedule that does not wait for answers; 0: as fast as answers come",
  },
} as const satisfies FlagTable;
