import { failureCount, type Measurement } from "../load/measurement.js";
import { metricsOf } from "../report/metrics.js";
import { ratioHead, ratioRows } from "../report/ratio-rows.js";
import { figure, table } from "../report/table.js";
import { type Flags, type FlagTable, UsageError } from "./flags.js";
import { openTarget, type Target } from "./target.js";

/** Flags of a comparison of two servers that run. */
export const VERSUS_FLAGS = {
  versus: {
    type: "string",
    help: "a second server, or cluster: the same run on both in turns, and ratios, first by second",
  },
  pairs: { type: "string", default: "3", help: "with --versus: how often each is measured" },
} as const satisfies FlagTable;

/** A comparison. */
export interface Comparison {
  readonly name: string;
  readonly flags: Flags;
  /** Endpoints of the second server. */
  readonly other: string;
  readonly isJson: boolean;
  readonly run: (target: Target) => Promise<Measurement>;
}

/** Makes the same run against two servers in turns and prints both and their ratios. */
export async function compareServers(comparison: Comparison): Promise<number> {
  const { name, flags, other, isJson, run } = comparison;
  if (flags.has("pid"))
    throw new UsageError("--pid says nothing of two servers: /metrics is asked");
  const pairs = flags.count("pairs");
  const lists = [flags.text("endpoints") ?? "", other];
  const targets = await Promise.all(lists.map((list) => openTarget(list, flags)));
  const results: Measurement[][] = [[], []];
  for (let pair = 0; pair < pairs; pair += 1) {
    // Who is first changes, so that neither always meets the warmer machine.
    for (const side of pair % 2 === 0 ? [0, 1] : [1, 0]) {
      const measurement = await run(targets[side]!);
      results[side]?.push(measurement);
      const { unit, perSecond } = measurement;
      console.error(`${lists[side]}: ${figure(perSecond)} ${unit}/s`);
    }
  }
  const [ours = [], theirs = []] = results;
  if (isJson) {
    const record = { command: name, node: process.version, flags: flags.record() };
    console.log(JSON.stringify({ ...record, endpoints: ours, versus: theirs }));
  } else {
    const rows = ratioRows(name, {
      ours: ours.map(metricsOf),
      theirs: theirs.map(metricsOf),
    });
    console.log(`medians, ${pairs} pairs; ratio, min, max: of the pairs, first server by second`);
    console.log(table([ratioHead(lists[0] ?? "", other), ...rows], 2));
  }
  const failed = results.flat().find((each) => failureCount(each) > 0);
  if (failed !== undefined) {
    console.error(`${failureCount(failed)} calls failed, first: ${failed.failures[0]?.text}`);
  }
  return failed === undefined ? 0 : 1;
}
