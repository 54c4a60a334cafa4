import { type MemberId, NO_MEMBER } from "./core/entry.js";

/** One member's rolling hash of everything that it has applied up to `index`. */
export interface HashReport {
  readonly index: number;
  readonly hash: bigint;
}

/** Indexes that are remembered: a member further behind than this is compared when it has caught up. */
const INDEXES_MAX = 64;

/** Names nobody: the members differ, and no majority says which of them is right. */
export const NOBODY_IS_RIGHT: MemberId = NO_MEMBER;

/**
 * Compares what the members of a group hold, at equal log indexes. Equal logs applied by equal rules give
 * equal hashes; a member whose hash differs from that of a majority has been damaged, and is named once.
 * Every member collects, so that a new leader knows what came in before; only a leader acts on it.
 */
export class HashCheck {
  readonly #reports = new Map<number, Map<MemberId, bigint>>();
  readonly #named = new Set<MemberId>();

  /** Takes a report; `groupSize` members are in the group. The members that this report shows to differ. */
  add(from: MemberId, { index, hash }: HashReport, groupSize: number): MemberId[] {
    const hashes = this.#reports.get(index) ?? new Map<MemberId, bigint>();
    hashes.set(from, hash);
    this.#reports.set(index, hashes);
    this.#forget();
    const truth = majorityOf(hashes, groupSize);
    if (truth !== undefined) {
      const differing = [...hashes].filter(([, other]) => other !== truth).map(([id]) => id);
      return differing.filter((id) => !this.#named.has(id));
    }
    const hopeless = hashes.size >= groupSize && !this.#named.has(NOBODY_IS_RIGHT);
    return hopeless ? [NOBODY_IS_RIGHT] : [];
  }

  /** The alarm for this member was raised: it is not named again. */
  named(id: MemberId): void {
    this.#named.add(id);
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
