import type { MemberId } from "./entry.js";
import { isVoter, type Voters, voterIds } from "./quorum.js";

/**
 * Who belongs to the group. `voters` is one set, or, in the middle of a joint change, the new set and
 * then the old one. No learner is a voter of any set; `learnersNext` become learners when the joint
 * change ends, since until then they vote in the old set. Every list is in id order.
 */
export interface Configuration {
  readonly voters: Voters;
  readonly learners: readonly MemberId[];
  readonly learnersNext: readonly MemberId[];
}

/** What a member knows before it has applied the first change: nobody. */
export const EMPTY_CONFIGURATION: Configuration = { voters: [[]], learners: [], learnersNext: [] };

/** What happens to one member. `addVoter` promotes a learner, `addLearner` demotes a voter. */
export interface MemberChange {
  readonly kind: "addVoter" | "addLearner" | "remove";
  readonly id: MemberId;
}

/** Whether a joint change is under way. */
export function isJoint(configuration: Configuration): boolean {
  return configuration.voters.length > 1;
}

/** Every voter and learner once, in id order. */
export function memberIds({ voters, learners }: Configuration): MemberId[] {
  return inOrder([...voterIds(voters), ...learners]);
}

/**
 * The configuration after one change. Majorities before and after it overlap, since at most one voter
 * comes or goes (Raft thesis section 4.1). Undefined when it is refused: a joint change is under way,
 * or no voter would be left.
 */
export function changeOne(
  configuration: Configuration,
  change: MemberChange,
): Configuration | undefined {
  if (isJoint(configuration)) return undefined;
  const { voters, learners } = changed(configuration, [change]);
  return voters.length === 0 ? undefined : { voters: [voters], learners, learnersNext: [] };
}

/**
 * The configuration in the middle of any number of changes: from here on every decision needs a
 * majority of the old voters and one of the new (Raft thesis section 4.3). Undefined when refused, as
 * in `changeOne`.
 */
export function enterJoint(
  configuration: Configuration,
  changes: readonly MemberChange[],
): Configuration | undefined {
  const old = configuration.voters[0] ?? [];
  if (isJoint(configuration) || old.length === 0) return undefined;
  const { voters, learners } = changed(configuration, changes);
  if (voters.length === 0) return undefined;
  // A voter of the old set that becomes a learner still votes there.
  return {
    voters: [voters, old],
    learners: learners.filter((id) => !old.includes(id)),
    learnersNext: learners.filter((id) => old.includes(id)),
  };
}

/** The configuration at the end of a joint change; undefined when none is under way. */
export function leaveJoint(configuration: Configuration): Configuration | undefined {
  if (!isJoint(configuration)) return undefined;
  const { voters, learners, learnersNext } = configuration;
  return {
    voters: voters.slice(0, 1),
    learners: inOrder([...learners, ...learnersNext]),
    learnersNext: [],
  };
}

/** Whether nobody but `id` votes. */
export function isOnlyVoter(configuration: Configuration, id: MemberId): boolean {
  return isVoter(configuration.voters, id) && voterIds(configuration.voters).length === 1;
}

function changed(
  configuration: Configuration,
  changes: readonly MemberChange[],
): { readonly voters: MemberId[]; readonly learners: MemberId[] } {
  const voters = new Set(configuration.voters[0]);
  const learners = new Set(configuration.learners);
  for (const { kind, id } of changes) {
    voters.delete(id);
    learners.delete(id);
    if (kind === "addVoter") voters.add(id);
    else if (kind === "addLearner") learners.add(id);
  }
  return { voters: inOrder(voters), learners: inOrder(learners) };
}

function inOrder(ids: Iterable<MemberId>): MemberId[] {
  return [...new Set(ids)].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
}
