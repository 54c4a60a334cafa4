import { type MemberId, NO_MEMBER } from "./core/entry.js";

/** One member's rolling hash of everything that it has applied up to `index`. */
export interface HashReport {
  readonly index: number;
  readonly hash: bigint;
}

/** Indexes that are remembered: a member further behind than this is compared when it has caught up. */
const INDEXES_MAX = 64;
/** Entries after which a member that still differs is named again. */
const AGAIN_AFTER_ENTRIES = 1024;

/** Names nobody: the members differ, and no majority says which of them is right. */
export const NOBODY_IS_RIGHT: MemberId = NO_MEMBER;

/**
 * Compares what the members of a group hold, at equal log indexes. Equal logs applied by equal rules give
 * equal hashes; a member whose hash differs from that of a majority has been damaged, and is named.
 * Every member collects, so that a new leader knows what came in before; only a leader acts on it.
 */
export class HashCheck {
  readonly #reports = new Map<number, Map<MemberId, bigint>>();
  /** Members whose alarm is being raised, and for which index it was. */
  readonly #named = new Map<MemberId, number>();

  /** Takes a report of one of the group's members. The members that it shows to differ. */
  add(from: MemberId, { index, hash }: HashReport, group: readonly MemberId[]): MemberId[] {
    if (!group.includes(from)) return [];
    const hashes = this.#reports.get(index) ?? new Map<MemberId, bigint>();
    hashes.set(from, hash);
    this.#reports.set(index, hashes);
    this.#forget();
    // One that left the group meanwhile has no say any more.
    for (const id of hashes.keys()) if (!group.includes(id)) hashes.delete(id);
    const truth = majorityOf(hashes, group.length);
    if (truth !== undefined) {
      const differing = [...hashes].filter(([, other]) => other !== truth).map(([id]) => id);
      return differing.filter((id) => this.#mayName(id, index));
    }
    const hopeless = hashes.size === group.length && this.#mayName(NOBODY_IS_RIGHT, index);
    return hopeless ? [NOBODY_IS_RIGHT] : [];
  }

  /** The alarm for this member is being raised because of this index. */
  named(id: MemberId, index: number): void {
    this.#named.set(id, index);
  }

  /** Another leader, or none: whoever leads next makes sure that the alarms are raised. */
  leaderChanged(): void {
    this.#named.clear();
  }

  /** Not at every report, but again after a while: somebody may disarm an alarm and mend nothing. */
  #mayName(id: MemberId, index: number): boolean {
    const last = this.#named.get(id);
    return last === undefined || index >= last + AGAIN_AFTER_ENTRIES;
  }

  #forget(): void {
    while (this.#reports.size > INDEXES_MAX) {
      let lowest = Number.POSITIVE_INFINITY;
      for (const index of this.#reports.keys()) lowest = Math.min(lowest, index);
      this.#reports.delete(lowest);
    }
  }
}

/** The hash that more than half of the group reported. */
function majorityOf(hashes: ReadonlyMap<MemberId, bigint>, groupSize: number): bigint | undefined {
  const counts = new Map<bigint, number>();
  for (const hash of hashes.values()) {
    const count = (counts.get(hash) ?? 0) + 1;
    if (count * 2 > groupSize) return hash;
    counts.set(hash, count);
  }
  return undefined;
}
