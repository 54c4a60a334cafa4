import type { MemberId } from "./entry.js";

/**
 * The groups that must each agree by majority: one normally, the old and the new one in the middle
 * of a membership change (Raft thesis section 4.3, joint consensus). A group without members agrees
 * to everything.
 */
export type Voters = readonly (readonly MemberId[])[];

/** Verdict of a vote that is not finished yet: `pending` can still become either. */
export type VoteResult = "won" | "lost" | "pending";

/** Whether `id` may vote. */
export function isVoter(voters: Voters, id: MemberId): boolean {
  return voters.some((group) => group.includes(id));
}

/** Every voter once, in id order: the order of everything that is done per peer. */
export function voterIds(voters: Voters): MemberId[] {
  return [...new Set(voters.flat())].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
}

/** The highest index that a majority of every group has reached, by each member's match index. */
export function committedIndex(voters: Voters, matchIndex: (id: MemberId) => number): number {
  let committed = Number.MAX_SAFE_INTEGER;
  for (const group of voters) {
    committed = Math.min(committed, majorityIndex(group, matchIndex));
  }
  return committed;
}

/** The verdict so far: true for a yes, false for a no, undefined while there is no answer. */
export function voteResult(
  voters: Voters,
  answer: (id: MemberId) => boolean | undefined,
): VoteResult {
  let result: VoteResult = "won";
  for (const group of voters) {
    const verdict = majorityVerdict(group, answer);
    if (verdict === "lost") return "lost";
    if (verdict === "pending") result = "pending";
  }
  return result;
}

function majorityIndex(group: readonly MemberId[], matchIndex: (id: MemberId) => number): number {
  if (group.length === 0) return Number.MAX_SAFE_INTEGER;
  const matches = group.map(matchIndex).sort((a, b) => b - a);
  // With the highest first, the one at position floor(n / 2) is held by a majority.
  return matches[Math.floor(group.length / 2)]!;
}

function majorityVerdict(
  group: readonly MemberId[],
  answer: (id: MemberId) => boolean | undefined,
): VoteResult {
  const needed = Math.floor(group.length / 2) + 1;
  let yes = 0;
  let open = 0;
  for (const id of group) {
    const vote = answer(id);
    if (vote === true) yes += 1;
    else if (vote === undefined) open += 1;
  }
  if (group.length === 0 || yes >= needed) return "won";
  return yes + open >= needed ? "pending" : "lost";
}
