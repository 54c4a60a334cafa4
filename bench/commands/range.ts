import { fill, fillPlan } from "../load/fill.js";
import type { RangeSpanLoad } from "../load/loads.js";
import { type Command, TOTAL_AND_RATE } from "./command.js";
import { type Flags, type FlagTable, UsageError } from "./flags.js";
import { KEY_FLAGS, keySpaceOf } from "./run-flags.js";

/** Which reads: by quorum, or by the one member. */
export const CONSISTENCY_FLAG = {
  consistency: { type: "string", default: "l", help: "l(inearizable) or s(erializable)" },
} as const satisfies FlagTable;

/** Whether reads are serializable. */
export function isSerializable(flags: Flags): boolean {
  return flags.oneOf("consistency", ["l", "s"]) === "s";
}

/** `range`: reads of one range, or of neighbours at random. */
export const RANGE: Command = {
  name: "range",
  help: "reads of KEY, or up to END; without a key of --span keys at random, made before",
  words: { text: "[KEY [END]]", max: 2 },
  flags: {
    ...TOTAL_AND_RATE,
    ...CONSISTENCY_FLAG,
    ...KEY_FLAGS,
    span: { type: "string", default: "1", help: "without KEY: keys per answer" },
    "no-fill": { type: "boolean", help: "without KEY: the keys are there already" },
  },
  load: (flags) => {
    const [key, rangeEnd = ""] = flags.words;
    const serializable = isSerializable(flags);
    if (key !== undefined) return { kind: "range", key, rangeEnd, serializable };
    return spanLoad(flags, serializable);
  },
  intro: (load) =>
    "serializable" in load && load.serializable
      ? "bench with serializable range"
      : "bench with linearizable range",
  prepare: async (plan, flags) => {
    if (plan.load.kind !== "range-span" || flags.isSet("no-fill")) return;
    await fill(fillPlan(plan, plan.load));
  },
};

function spanLoad(flags: Flags, serializable: boolean): RangeSpanLoad {
  const space = keySpaceOf(flags);
  const span = flags.count("span");
  if (span > space.keySpaceSize) throw new UsageError("--span is more than --key-space-size");
  return { kind: "range-span", ...space, span, serializable };
}
