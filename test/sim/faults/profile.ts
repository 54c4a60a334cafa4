import type { Random } from "../../support/random.js";
import type { NetworkRules } from "../world/network.js";

/** Everything that can be done to a cluster. */
export type FaultKind =
  | "kill"
  | "powerCut"
  | "allDown"
  | "pause"
  | "partition"
  | "oneWay"
  | "isolateLeader"
  | "mend"
  | "slowDisk"
  | "stalledDisk"
  | "diskError"
  | "diskFull"
  | "storeError"
  | "transfer";

/** What a run is like: a run with hardly any network finds other mistakes than one with constant crashes. */
export interface Profile {
  readonly size: number;
  readonly safetyMs: number;
  readonly network: NetworkRules;
  readonly faults: readonly (readonly [weight: number, kind: FaultKind])[];
  /** Mean time between two faults. */
  readonly faultEveryMs: number;
  readonly clients: number;
  readonly leaseClients: number;
  /** How long a commit of the store takes at most. */
  readonly storeMsMax: number;
  readonly watchClients: number;
  readonly thinkMsMax: number;
  readonly keys: readonly string[];
  readonly retainedEntriesMax: number;
  readonly preVote: boolean;
  /** Mean time between two changes of the membership; undefined for none. */
  readonly changeEveryMs: number | undefined;
  readonly diskMsMax: number;
}

const FAULTS: readonly (readonly [number, FaultKind])[] = [
  [6, "kill"],
  [6, "powerCut"],
  [1, "allDown"],
  [5, "pause"],
  [5, "partition"],
  [4, "oneWay"],
  [5, "isolateLeader"],
  [6, "mend"],
  [3, "slowDisk"],
  [3, "stalledDisk"],
  [2, "diskError"],
  [1, "diskFull"],
  [1, "storeError"],
  [4, "transfer"],
];

/** Draws a profile. */
export function drawProfile(random: Random): Profile {
  const isLossy = random.chance(0.5);
  const isLoose = random.chance(0.4);
  return {
    size: random.weighted([
      [7, 3],
      [1, 4],
      [2, 5],
    ]),
    safetyMs: random.integer(5000, 9000),
    network: {
      delayMsMin: 0.2,
      delayMsMax: random.pick([2, 10, 60]),
      loss: isLossy ? random.next() * 0.15 : 0,
      duplication: random.chance(0.5) ? random.next() * 0.1 : 0,
      reordering: isLoose ? random.next() * 0.2 : 0,
      reorderFactor: random.pick([3, 20, 200]),
    },
    // Some kinds at all, and those that are there in different measure.
    faults: FAULTS.filter(() => random.chance(0.6)).map(
      ([weight, kind]) => [weight * (0.2 + random.next()), kind] as const,
    ),
    faultEveryMs: random.pick([300, 600, 1200]),
    clients: random.integer(2, 4),
    leaseClients: random.integer(0, 3),
    storeMsMax: random.pick([5, 20, 300]),
    watchClients: random.integer(1, 3),
    thinkMsMax: random.pick([30, 80, 200]),
    keys: ["a", "b", "c", "d"].slice(0, random.integer(1, 4)),
    retainedEntriesMax: random.pick([5, 50, 100_000]),
    preVote: random.chance(0.9),
    changeEveryMs: random.chance(0.6) ? random.pick([400, 1500]) : undefined,
    diskMsMax: random.pick([0.5, 2, 10]),
  };
}
