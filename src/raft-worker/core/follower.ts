import { assert } from "../../shared/assert.js";
import type { MemberId } from "./entry.js";
import type { AppendRequest, Message } from "./messages.js";
import type { Node } from "./node.js";
import type { Follower, Transition } from "./role.js";

/** Ticks of a whole election timeout that a leader keeps whose connection broke. */
const GRACE_TICKS = 2;

/** A follower of this leader, or of nobody yet. */
export function makeFollower(node: Node, leaderId: MemberId | undefined): Follower {
  return {
    kind: "follower",
    leaderId,
    elapsedTicks: 0,
    timeoutTicks: node.drawElectionTimeout(),
    campaignWantedTicks: 0,
    proposalsPaused: false,
  };
}

/** One tick without news of the leader; campaigns when there were too many. */
export function tickFollower(node: Node, role: Follower): Transition | undefined {
  role.elapsedTicks += 1;
  role.proposalsPaused = false;
  if (role.campaignWantedTicks > 0) role.campaignWantedTicks -= 1;
  if (role.elapsedTicks >= role.timeoutTicks && node.canCampaign) return { to: "preCandidate" };
  if (role.leaderId === undefined) return undefined;
  // Requests and answers get lost: ask again after half an election timeout (etcd: 500 ms).
  const retryTicks = Math.ceil(node.settings.electionTicks / 2);
  const context = node.reads.tick(retryTicks);
  if (context !== undefined) {
    node.send(role.leaderId, { kind: "readRequest", term: node.term, context });
  }
  return undefined;
}

/**
 * The connection to a member broke. If it was the leader's, its process has most likely ended: the wait for
 * it becomes short. Not zero: one that only lost the connection is back in a tick or two. A pre-vote, and
 * the members that still hear the leader, keep a mistake from doing harm.
 */
export function contactLost(node: Node, role: Follower, id: MemberId): void {
  if (role.leaderId !== id) return;
  role.elapsedTicks = Math.max(role.elapsedTicks, node.settings.electionTicks - GRACE_TICKS);
}

/** Takes a message of this member's term. */
export function stepFollower(
  node: Node,
  role: Follower,
  input: { readonly from: MemberId; readonly message: Message },
): Transition | undefined {
  const { from, message } = input;
  switch (message.kind) {
    case "appendRequest":
      followLeader(node, role, from);
      takeAppend(node, from, message);
      return undefined;
    case "heartbeat":
      followLeader(node, role, from);
      node.log.commitTo(message.commitIndex);
      // Says only that this member follows the term now, not that it will remember: needs no disk.
      node.send(from, { kind: "heartbeatAck", term: node.term, round: message.round });
      return undefined;
    case "readResponse":
      node.confirmReads(node.reads.answered(message.context), message.index);
      forwardReads(node, role);
      return undefined;
    case "timeoutNow":
      followLeader(node, role, from);
      role.campaignWantedTicks = node.settings.electionTicks;
      return campaignIfWanted(node, role);
    default:
      // Answers to an earlier role of this member in this term.
      return undefined;
  }
}

/**
 * Begins the campaign that the leader asked for, once this member may. The leader is often ahead in
 * applying a change that makes it one of the voters, or that must be in effect before it campaigns.
 */
export function campaignIfWanted(node: Node, role: Follower): Transition | undefined {
  if (role.campaignWantedTicks === 0 || !node.canCampaign) return undefined;
  return { to: "candidate", transfer: true };
}

/** Sends waiting reads to the leader, if there is one. */
export function forwardReads(node: Node, role: Follower): void {
  if (role.leaderId === undefined) return;
  const context = node.reads.forward();
  if (context === undefined) return;
  node.send(role.leaderId, { kind: "readRequest", term: node.term, context });
}

/** Sends proposals to the leader, or refuses them when there is none that takes them now. */
export function forwardProposals(
  node: Node,
  role: Follower,
  payloads: readonly Uint8Array[],
): void {
  if (role.leaderId === undefined || role.proposalsPaused) {
    node.refuseProposals(payloads);
    return;
  }
  node.send(role.leaderId, { kind: "proposeRequest", term: node.term, payloads });
}

function followLeader(node: Node, role: Follower, from: MemberId): void {
  assert(role.leaderId === undefined || role.leaderId === from, "one leader per term", {
    term: node.term,
    leaderId: role.leaderId,
    from,
  });
  role.elapsedTicks = 0;
  if (role.leaderId === from) return;
  role.leaderId = from;
  forwardReads(node, role);
}

function takeAppend(node: Node, from: MemberId, request: AppendRequest): void {
  const { log, term } = node;
  if (request.prevIndex < log.commitIndex) {
    // Old news. What is committed equals the leader's log, wherever the entries of this message are.
    node.sendWhenPersisted(from, { kind: "appendAccepted", term, matchIndex: log.commitIndex });
    return;
  }
  if (log.termAt(request.prevIndex) !== request.prevTerm) {
    const hint = log.lastAtOrBelowTerm(request.prevIndex, request.prevTerm);
    node.send(from, {
      kind: "appendRejected",
      term,
      prevIndex: request.prevIndex,
      hintIndex: hint.index,
      hintTerm: hint.term,
    });
    return;
  }
  log.merge(request.entries);
  const matchIndex = request.prevIndex + request.entries.length;
  log.commitTo(Math.min(request.commitIndex, matchIndex));
  node.sendWhenPersisted(from, { kind: "appendAccepted", term, matchIndex });
}
