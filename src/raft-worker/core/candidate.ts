import type { MemberId } from "./entry.js";
import type { Message } from "./messages.js";
import type { Node } from "./node.js";
import { voteResult } from "./quorum.js";
import type { Candidate, Transition } from "./role.js";

/** Asks everybody whether a campaign would succeed, without entering its term. */
export function makePreCandidate(node: Node): Candidate {
  askForVotes(node, { preVote: true, transfer: false });
  return { ...freshCandidate(node), kind: "preCandidate", votes: new Map([[node.id, true]]) };
}

/** Enters the next term and asks for real votes, its own first; `transfer`: its leader wants it to. */
export function makeCandidate(node: Node, transfer: boolean): Candidate {
  node.enterTerm(node.term + 1);
  node.giveVote(node.id);
  askForVotes(node, { preVote: false, transfer });
  return { ...freshCandidate(node), kind: "candidate", votes: new Map() };
}

/**
 * One tick without a verdict; begins again when there were too many. The clock of a real campaign stands
 * still until its term is on disk: nobody has been asked before, and another term would wait no less.
 */
export function tickCandidate(node: Node, role: Candidate): Transition | undefined {
  if (role.kind === "candidate" && !role.votes.has(node.id)) return undefined;
  role.elapsedTicks += 1;
  if (role.elapsedTicks < role.timeoutTicks) return undefined;
  return node.canCampaign ? { to: "preCandidate" } : toFollower(node);
}

/** Takes a vote of the term that this campaign is about. */
export function stepCandidate(
  node: Node,
  role: Candidate,
  input: { readonly from: MemberId; readonly message: Message },
): Transition | undefined {
  const { from, message } = input;
  if (message.kind !== "voteResponse") return undefined;
  if (message.preVote !== (role.kind === "preCandidate")) return undefined;
  // A grant names the term it is for: one that is left from an earlier campaign must not count.
  if (message.preVote && message.granted && message.term !== node.term + 1) return undefined;
  // The first answer stands: a repeated one can only be a copy.
  if (!role.votes.has(from)) role.votes.set(from, message.granted);
  return tallyVotes(node, role);
}

/** Counts the candidate's own vote once it is on disk. */
export function ownVotePersisted(
  node: Node,
  role: Candidate,
  sequence: number,
): Transition | undefined {
  if (role.kind !== "candidate" || sequence < role.voteSequence) return undefined;
  role.votes.set(node.id, true);
  return tallyVotes(node, role);
}

/** What the votes so far lead to. */
export function tallyVotes(node: Node, role: Candidate): Transition | undefined {
  switch (voteResult(node.voters, (id) => role.votes.get(id))) {
    case "won":
      return role.kind === "preCandidate" ? { to: "candidate", transfer: false } : { to: "leader" };
    case "lost":
      return toFollower(node);
    case "pending":
      return undefined;
  }
}

function freshCandidate(node: Node): Omit<Candidate, "kind" | "votes"> {
  return {
    elapsedTicks: 0,
    timeoutTicks: node.drawElectionTimeout(),
    voteSequence: node.nextSequence,
  };
}

/**
 * A real request waits until the candidate's term is on disk. Otherwise it could crash, forget the
 * term, campaign in it again with a shorter log, and count votes that were given to the longer one.
 */
function askForVotes(
  node: Node,
  kind: { readonly preVote: boolean; readonly transfer: boolean },
): void {
  const { preVote, transfer } = kind;
  for (const peer of node.otherVoters) {
    const request: Message = {
      kind: "voteRequest",
      term: preVote ? node.term + 1 : node.term,
      preVote,
      transfer,
      lastIndex: node.log.lastIndex,
      lastTerm: node.log.lastTerm,
      ...node.knownCommit,
    };
    if (preVote) node.send(peer, request);
    else node.sendWhenPersisted(peer, request);
  }
}

function toFollower(node: Node): Transition {
  return { to: "follower", term: node.term, leaderId: undefined };
}
