import type { PeerStatus } from "../../shared/control/raft-control.js";
import { ErrorCode } from "../../shared/errors.js";
import type { Member } from "../../shared/gen/etcdserverpb/rpc.js";

/** The cluster as the member sees it that is asked for a change. */
export interface ClusterState {
  readonly memberId: bigint;
  readonly members: readonly Member[];
  readonly peers: readonly PeerStatus[];
  /** On the clock of `PeerStatus.activeSinceMs`. */
  readonly nowMs: number;
}

/** How long a member must have been connected to count as healthy. */
const HEALTHY_AFTER_MS = 5000;
/** Share of the leader's log that a learner must hold to be promoted. */
const LEARNER_READY_SHARE = 0.9;

/** Why a member must not be added, 0 if it may (CL-05, CL-06). */
export function checkAdd(state: ClusterState, isLearner: boolean): ErrorCode | 0 {
  const voters = votersOf(state);
  if (!isLearner && !hasStartedQuorum(voters, 1)) return ErrorCode.notEnoughStarted;
  if (voters.length === 1) return 0;
  return connectedVoters(state) >= quorumOf(voters.length + 1) ? 0 : ErrorCode.unhealthy;
}

/** Why a member must not be removed, 0 if it may (CL-07). An unknown one is refused where it is applied. */
export function checkRemove(state: ClusterState, id: bigint): ErrorCode | 0 {
  if (state.members.some(({ ID, isLearner }) => ID === id && isLearner)) return 0;
  const voters = votersOf(state);
  const others = voters.filter(({ ID }) => ID !== id);
  if (startedCount(others) < quorumOf(others.length)) return ErrorCode.notEnoughStarted;
  // One that is down is no part of the quorum that is at work.
  if (id !== state.memberId && activeSinceMs(state, id) === undefined) return 0;
  return connectedVoters(state) - 1 >= quorumOf(voters.length - 1) ? 0 : ErrorCode.unhealthy;
}

/** Why the leader must not promote a member, 0 if it may (CL-09). `lastIndex` is the end of its log. */
export function checkLearnerReady(
  state: ClusterState,
  id: bigint,
  lastIndex: number,
): ErrorCode | 0 {
  if (!state.members.some(({ ID }) => ID === id)) return ErrorCode.memberNotFound;
  // The leader itself has all of its log; that it is no learner is found out where this is applied.
  if (id === state.memberId) return 0;
  const matchIndex = state.peers.find((peer) => peer.id === id)?.matchIndex ?? 0;
  return matchIndex >= lastIndex * LEARNER_READY_SHARE ? 0 : ErrorCode.learnerNotReady;
}

/** Why a promotion would leave too few started voters, 0 if it would not (CL-09). */
export function checkPromote(state: ClusterState): ErrorCode | 0 {
  const voters = votersOf(state);
  // The learner counts as started: it has caught up.
  const started = startedCount(voters) + 1;
  return started >= quorumOf(voters.length + 1) ? 0 : ErrorCode.notEnoughStarted;
}

/** Whether started voters make a quorum after `added` ones that have not started; one may get a second. */
function hasStartedQuorum(voters: readonly Member[], added: number): boolean {
  const started = startedCount(voters);
  if (started === 1 && voters.length === 1) return true;
  return started >= quorumOf(voters.length + added);
}

/** Voters that this member has been connected to long enough, itself among them. */
function connectedVoters(state: ClusterState): number {
  const latestMs = state.nowMs - HEALTHY_AFTER_MS;
  return votersOf(state).filter(({ ID }) => {
    const sinceMs = activeSinceMs(state, ID);
    return ID === state.memberId || (sinceMs !== undefined && sinceMs <= latestMs);
  }).length;
}

function activeSinceMs({ peers }: ClusterState, id: bigint): number | undefined {
  return peers.find((peer) => peer.id === id)?.activeSinceMs;
}

function votersOf({ members }: ClusterState): Member[] {
  return members.filter(({ isLearner }) => !isLearner);
}

/** A member that has never published its name was never started. */
function startedCount(members: readonly Member[]): number {
  return members.filter(({ name }) => name !== "").length;
}

function quorumOf(count: number): number {
  return Math.floor(count / 2) + 1;
}
