import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  type ClusterState,
  checkAdd,
  checkLearnerReady,
  checkPromote,
  checkRemove,
} from "../../src/main/cluster/reconfiguration-checks.js";
import { ErrorCode } from "../../src/shared/errors.js";
import { member } from "./support/frontend-rig.js";

const NOW_MS = 100_000;
const OLD = NOW_MS - 5000;
const YOUNG = NOW_MS - 4999;

/**
 * Member 1's view of a cluster: "u" unstarted, "L" learner, then how it is connected: "+" long enough, "~" not
 * long, "-" not at all. The first is member 1 itself.
 */
function cluster(...members: readonly string[]): ClusterState {
  return {
    memberId: 1n,
    members: members.map((text, at) =>
      member(BigInt(at + 1), {
        isLearner: text.includes("L"),
        ...(text.includes("u") ? { name: "" } : {}),
      }),
    ),
    peers: members.slice(1).map((text, at) => ({
      id: BigInt(at + 2),
      activeSinceMs: text.includes("+") ? OLD : text.includes("~") ? YOUNG : undefined,
      matchIndex: undefined,
    })),
    nowMs: NOW_MS,
  };
}

describe("CL-05 a voter is added", () => {
  test("to one that has started, also when it is alone", () => {
    assert.equal(checkAdd(cluster(""), false), 0);
    assert.equal(checkAdd(cluster("u"), false), ErrorCode.notEnoughStarted);
  });

  test("only while started voters make a quorum with it", () => {
    assert.equal(checkAdd(cluster("", "+"), false), 0);
    assert.equal(checkAdd(cluster("", "u"), false), ErrorCode.notEnoughStarted);
    assert.equal(checkAdd(cluster("", "+", "u"), false), ErrorCode.notEnoughStarted);
    assert.equal(checkAdd(cluster("", "+", "+"), false), 0);
    assert.equal(checkAdd(cluster("", "+", "+", "u"), false), 0);
    assert.equal(checkAdd(cluster("", "+", "u", "u"), false), ErrorCode.notEnoughStarted);
  });

  test("only while this member has been connected to that quorum for five seconds", () => {
    assert.equal(checkAdd(cluster("", "~"), false), ErrorCode.unhealthy);
    assert.equal(checkAdd(cluster("", "-"), false), ErrorCode.unhealthy);
    assert.equal(checkAdd(cluster("", "+", "~"), false), ErrorCode.unhealthy);
    assert.equal(checkAdd(cluster("", "+", "+", "+", "-"), false), 0);
    assert.equal(checkAdd(cluster("", "+", "+", "~", "-"), false), ErrorCode.unhealthy);
  });

  test("learners count for nothing", () => {
    assert.equal(checkAdd(cluster("", "Lu-"), false), 0);
    assert.equal(checkAdd(cluster("", "+", "Lu-"), false), 0);
  });
});

test("CL-06 a learner is added without a quorum of started voters, not without connections", () => {
  assert.equal(checkAdd(cluster("", "+", "u"), true), ErrorCode.unhealthy);
  assert.equal(checkAdd(cluster("", "+", "+", "u"), true), 0);
  assert.equal(checkAdd(cluster("u"), true), 0);
  assert.equal(checkAdd(cluster("", "-"), true), ErrorCode.unhealthy);
});

describe("CL-07 a member is removed", () => {
  test("while the rest is a quorum of started voters", () => {
    assert.equal(checkRemove(cluster(""), 1n), ErrorCode.notEnoughStarted);
    assert.equal(checkRemove(cluster("", "+"), 2n), 0);
    assert.equal(checkRemove(cluster("", "u"), 1n), ErrorCode.notEnoughStarted);
    assert.equal(checkRemove(cluster("", "u"), 2n), 0);
    assert.equal(checkRemove(cluster("", "+", "u"), 2n), ErrorCode.notEnoughStarted);
  });

  test("when it is down, whatever else is", () => {
    assert.equal(checkRemove(cluster("", "-", "-"), 3n), 0);
    assert.equal(checkRemove(cluster("", "~", "-"), 3n), 0);
  });

  test("when it is up, while enough others have been connected for five seconds", () => {
    assert.equal(checkRemove(cluster("", "+", "+"), 3n), 0);
    assert.equal(checkRemove(cluster("", "~", "+"), 3n), ErrorCode.unhealthy);
    assert.equal(checkRemove(cluster("", "-", "+"), 3n), ErrorCode.unhealthy);
    assert.equal(checkRemove(cluster("", "-", "+"), 1n), ErrorCode.unhealthy);
    assert.equal(checkRemove(cluster("", "+", "+"), 1n), 0);
  });

  test("when it is a learner, always; an unknown one is left to the log", () => {
    assert.equal(checkRemove(cluster("", "-", "-", "L"), 4n), 0);
    assert.equal(checkRemove(cluster(""), 9n), 0);
  });
});

describe("CL-09 a learner is promoted", () => {
  const withMatch = (matchIndex: number | undefined): ClusterState => ({
    ...cluster("", "L+"),
    peers: [{ id: 2n, activeSinceMs: OLD, matchIndex }],
  });

  test("when it holds nine tenths of the leader's log", () => {
    assert.equal(checkLearnerReady(withMatch(900), 2n, 1000), 0);
    assert.equal(checkLearnerReady(withMatch(899), 2n, 1000), ErrorCode.learnerNotReady);
    assert.equal(checkLearnerReady(withMatch(undefined), 2n, 1000), ErrorCode.learnerNotReady);
    assert.equal(checkLearnerReady(withMatch(900), 3n, 1000), ErrorCode.memberNotFound);
    assert.equal(checkLearnerReady(withMatch(0), 1n, 1000), 0, "the leader has all of it");
  });

  test("while it makes a quorum with the started voters", () => {
    assert.equal(checkPromote(cluster("", "L+")), 0);
    assert.equal(checkPromote(cluster("", "u", "L+")), 0);
    assert.equal(checkPromote(cluster("", "u", "u", "L+")), ErrorCode.notEnoughStarted);
  });
});
