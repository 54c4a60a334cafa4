import { type MemberId, NO_MEMBER } from "./entry.js";
import type { VoteRequest } from "./messages.js";
import type { Node } from "./node.js";
import type { Role } from "./role.js";

/**
 * Whether a vote request of a later term is to be ignored: this member has a leader, or is one, and
 * so nobody may disturb it before an election timeout has passed (Raft thesis section 4.2.3).
 */
export function hasLiveLeader(node: Node, role: Role): boolean {
  if (role.kind === "leader") return true;
  if (role.kind !== "follower" || role.leaderId === undefined) return false;
  return role.elapsedTicks < node.settings.electionTicks;
}

/**
 * Answers a vote request of this member's term, or a pre-vote of a later one; true when a real vote
 * was given. A grant waits for the disk: forgotten in a crash, it could be given twice in one term.
 */
export function answerVoteRequest(
  node: Node,
  role: Role,
  request: VoteRequest & { readonly from: MemberId },
): boolean {
  const leaderId = role.kind === "follower" ? role.leaderId : undefined;
  const isFree = node.vote === NO_MEMBER && leaderId === undefined && role.kind !== "leader";
  const mayVote =
    node.vote === request.from || isFree || (request.preVote && request.term > node.term);
  const last = { index: request.lastIndex, term: request.lastTerm };
  if (!mayVote || !node.log.isUpToDate(last)) {
    rejectVote(node, request);
    return false;
  }
  const { preVote, from } = request;
  if (preVote) {
    const { term } = request;
    node.send(from, { kind: "voteResponse", term, preVote, granted: true, ...node.knownCommit });
    return false;
  }
  node.giveVote(from);
  node.sendWhenPersisted(from, {
    kind: "voteResponse",
    term: node.term,
    preVote,
    granted: true,
    ...node.knownCommit,
  });
  return true;
}

/** Refuses a vote; says this member's term, so that an outdated sender catches up. */
export function rejectVote(
  node: Node,
  request: { readonly from: MemberId; readonly preVote: boolean },
): void {
  node.send(request.from, {
    kind: "voteResponse",
    term: node.term,
    preVote: request.preVote,
    granted: false,
    ...node.knownCommit,
  });
}
