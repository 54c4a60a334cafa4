import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import {
  type Configuration,
  changeOne,
  EMPTY_CONFIGURATION,
  enterJoint,
  isOnlyVoter,
  leaveJoint,
  type MemberChange,
  memberIds,
} from "../../src/raft-worker/core/configuration.js";
import { type Voters, voteResult } from "../../src/raft-worker/core/quorum.js";
import { describeConfiguration, votersOnly } from "./support/conf-change.js";

const RUNS = Math.ceil(2000 * Number(process.env.CAPSTAN_TEST_SCALE ?? 1));
const IDS = [1n, 2n, 3n, 4n, 5n, 6n];

const change: fc.Arbitrary<MemberChange> = fc.record({
  kind: fc.constantFrom("addVoter", "addLearner", "remove"),
  id: fc.constantFrom(...IDS),
});
const changes = fc.array(change, { minLength: 1, maxLength: 5 });

/** A configuration that some changes lead to. */
const configuration = fc.array(change, { maxLength: 8 }).map((steps) => {
  let result: Configuration = votersOnly([1n]);
  for (const step of steps) result = changeOne(result, step) ?? result;
  return result;
});

/** Whether two sets of members that have nothing in common could decide by one and by the other. */
function canDisagree(left: Voters, right: Voters): boolean {
  for (let choice = 0; choice < 2 ** IDS.length; choice += 1) {
    const isLeft = (id: bigint): boolean => Math.floor(choice / 2 ** (Number(id) - 1)) % 2 === 1;
    const leftWins = voteResult(left, isLeft) === "won";
    if (leftWins && voteResult(right, (id) => !isLeft(id)) === "won") return true;
  }
  return false;
}

describe("changeOne()", () => {
  const table: [string, Configuration, MemberChange, string][] = [
    ["adds a voter", votersOnly([1n, 3n]), { kind: "addVoter", id: 2n }, "1 2 3"],
    ["adds a learner", votersOnly([1n]), { kind: "addLearner", id: 2n }, "1 ~2"],
    ["adds the first voter", EMPTY_CONFIGURATION, { kind: "addVoter", id: 1n }, "1"],
    ["removes a voter", votersOnly([1n, 2n]), { kind: "remove", id: 1n }, "2"],
    ["removes nobody", votersOnly([1n]), { kind: "remove", id: 9n }, "1"],
  ];
  for (const [name, from, step, expected] of table) {
    test(name, () => {
      const after = changeOne(from, step);
      assert.ok(after !== undefined);
      assert.equal(describeConfiguration(after), expected);
    });
  }

  test("promotes a learner, and makes a voter one", () => {
    const learner = changeOne(votersOnly([1n, 2n]), { kind: "addLearner", id: 2n });
    assert.ok(learner !== undefined);
    assert.equal(describeConfiguration(learner), "1 ~2");
    const voter = changeOne(learner, { kind: "addVoter", id: 2n });
    assert.deepEqual(voter, votersOnly([1n, 2n]));
  });

  test("refuses to leave no voter, and to change anything within a joint change", () => {
    assert.equal(changeOne(votersOnly([1n]), { kind: "remove", id: 1n }), undefined);
    assert.equal(changeOne(votersOnly([1n]), { kind: "addLearner", id: 1n }), undefined);
    const joint = enterJoint(votersOnly([1n]), [{ kind: "addVoter", id: 2n }]);
    assert.ok(joint !== undefined);
    assert.equal(changeOne(joint, { kind: "addVoter", id: 3n }), undefined);
    assert.equal(enterJoint(joint, [{ kind: "addVoter", id: 3n }]), undefined);
  });

  test("never lets the old and the new voters decide apart", () => {
    fc.assert(
      fc.property(configuration, change, (before, step) => {
        const after = changeOne(before, step) ?? before;
        assert.equal(canDisagree(before.voters, after.voters), false);
      }),
      { numRuns: RUNS },
    );
  });
});

describe("enterJoint() and leaveJoint()", () => {
  test("pass through both sets of voters; who becomes a learner votes until the end", () => {
    const joint = enterJoint(votersOnly([1n, 2n, 3n]), [
      { kind: "remove", id: 1n },
      { kind: "addLearner", id: 2n },
      { kind: "addVoter", id: 4n },
      { kind: "addLearner", id: 5n },
    ]);
    assert.ok(joint !== undefined);
    assert.equal(describeConfiguration(joint), "3 4 & 1 2 3 ~5 (~2)");
    assert.deepEqual(memberIds(joint), [1n, 2n, 3n, 4n, 5n]);
    const after = leaveJoint(joint);
    assert.ok(after !== undefined);
    assert.equal(describeConfiguration(after), "3 4 ~2 ~5");
    assert.equal(leaveJoint(after), undefined);
  });

  test("refuse to begin without voters, or to end without any", () => {
    assert.equal(enterJoint(EMPTY_CONFIGURATION, [{ kind: "addVoter", id: 1n }]), undefined);
    assert.equal(enterJoint(votersOnly([1n]), [{ kind: "remove", id: 1n }]), undefined);
  });

  test("never let one step and the next decide apart, whatever changes at once", () => {
    fc.assert(
      fc.property(configuration, changes, (before, steps) => {
        const joint = enterJoint(before, steps) ?? before;
        const after = leaveJoint(joint) ?? joint;
        assert.equal(canDisagree(before.voters, joint.voters), false);
        assert.equal(canDisagree(joint.voters, after.voters), false);
      }),
      { numRuns: RUNS },
    );
  });

  test("no learner is a voter", () => {
    fc.assert(
      fc.property(configuration, changes, (before, steps) => {
        const joint = enterJoint(before, steps) ?? before;
        const after = leaveJoint(joint) ?? joint;
        for (const { voters, learners } of [before, joint, after]) {
          assert.ok(learners.every((id) => !voters.flat().includes(id)));
        }
      }),
      { numRuns: RUNS },
    );
  });
});

test("isOnlyVoter() is about votes, not about members", () => {
  assert.equal(isOnlyVoter({ ...votersOnly([1n]), learners: [2n] }, 1n), true);
  assert.equal(isOnlyVoter(votersOnly([1n, 2n]), 1n), false);
  assert.equal(isOnlyVoter(votersOnly([2n]), 1n), false);
  assert.equal(isOnlyVoter(EMPTY_CONFIGURATION, 1n), false);
});
