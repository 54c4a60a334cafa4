import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import {
  committedIndex,
  isVoter,
  type VoteResult,
  type Voters,
  voteResult,
  voterIds,
} from "../../src/raft-worker/core/quorum.js";

const RUNS = Math.ceil(5000 * Number(process.env.CAPSTAN_TEST_SCALE ?? 1));

const group = fc.uniqueArray(
  fc.integer({ min: 1, max: 7 }).map((id) => BigInt(id)),
  { maxLength: 7 },
);
const voters = fc.array(group, { minLength: 1, maxLength: 2 });

/** By counting, for every index that anybody has, how many have it. */
function slowCommittedIndex(groups: Voters, matchIndex: (id: bigint) => number): number {
  const agreed = (members: readonly bigint[], index: number): boolean =>
    members.length === 0 ||
    members.filter((id) => matchIndex(id) >= index).length * 2 > members.length;
  const candidates = [0, ...groups.flat().map(matchIndex)].sort((a, b) => b - a);
  if (groups.every((members) => members.length === 0)) return Number.MAX_SAFE_INTEGER;
  return candidates.find((index) => groups.every((members) => agreed(members, index))) ?? -1;
}

/** By trying every way in which the open votes can fall. */
function slowVoteResult(groups: Voters, answer: (id: bigint) => boolean | undefined): VoteResult {
  const open = voterIds(groups).filter((id) => answer(id) === undefined);
  const outcomes = new Set<boolean>();
  for (let choice = 0; choice < 2 ** open.length; choice += 1) {
    const final = (id: bigint): boolean =>
      answer(id) ?? Math.floor(choice / 2 ** open.indexOf(id)) % 2 === 1;
    outcomes.add(
      groups.every(
        (members) => members.length === 0 || members.filter(final).length * 2 > members.length,
      ),
    );
  }
  if (outcomes.size === 2) return "pending";
  return outcomes.has(true) ? "won" : "lost";
}

describe("quorum", () => {
  test("committedIndex() equals the slow count for any group, joint ones included", () => {
    const matches = fc.array(fc.nat({ max: 9 }), { minLength: 8, maxLength: 8 });
    fc.assert(
      fc.property(voters, matches, (groups, match) => {
        const matchIndex = (id: bigint): number => match[Number(id)]!;
        assert.equal(committedIndex(groups, matchIndex), slowCommittedIndex(groups, matchIndex));
      }),
      { numRuns: RUNS },
    );
  });

  test("voteResult() equals trying all ends of the vote, for any group", () => {
    const answers = fc.array(fc.constantFrom(true, false, undefined), {
      minLength: 8,
      maxLength: 8,
    });
    fc.assert(
      fc.property(voters, answers, (groups, given) => {
        const answer = (id: bigint): boolean | undefined => given[Number(id)];
        assert.equal(voteResult(groups, answer), slowVoteResult(groups, answer));
      }),
      { numRuns: RUNS },
    );
  });

  test("voterIds() lists everybody once and in order when groups overlap", () => {
    assert.deepEqual(
      voterIds([
        [3n, 1n],
        [2n, 3n],
      ]),
      [1n, 2n, 3n],
    );
    assert.equal(isVoter([[3n, 1n], [2n]], 2n), true);
    assert.equal(isVoter([[3n, 1n], [2n]], 4n), false);
  });
});
