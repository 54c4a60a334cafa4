import type { MemberId } from "./entry.js";
import type { Message } from "./messages.js";
import type { Node } from "./node.js";
import { appendNextChange, proposeAsLeader, WaitingChanges } from "./proposals.js";
import { committedIndex, voteResult } from "./quorum.js";
import { ReadRounds } from "./read-index.js";
import {
  progressOf,
  replicateToAll,
  resendIfLost,
  sendAppends,
  takeAcceptance,
  takeRejection,
  trackMembers,
} from "./replication.js";
import type { Leader, Transition } from "./role.js";
import { checkTransferTarget, continueTransfer, handOverAtOnce, tickTransfer } from "./transfer.js";

const NO_PAYLOAD = new Uint8Array(0);

/**
 * Begins to lead: appends an empty entry of the new term, since only an entry of its own term lets a
 * leader commit what came before (Raft paper sections 5.4.2 and 8), and tells everybody.
 */
export function makeLeader(node: Node): Leader {
  const role: Leader = {
    kind: "leader",
    progress: trackMembers(node, new Map()),
    rounds: new ReadRounds(),
    waitingChanges: new WaitingChanges(),
    transfer: undefined,
    elapsedTicks: 0,
    heartbeatElapsedTicks: 0,
  };
  node.appendPayloads([NO_PAYLOAD]);
  appendNextChange(node, role);
  ownLogPersisted(node, role);
  replicateToAll(node, role);
  return role;
}

/** One tick of leading: heartbeats, and a regular look at whether a quorum still answers. */
export function tickLeader(node: Node, role: Leader): Transition | undefined {
  role.elapsedTicks += 1;
  role.heartbeatElapsedTicks += 1;
  const pauseTicks = node.settings.electionTicks;
  const patienceTicks = node.settings.snapshotPatienceTicks;
  for (const progress of role.progress.values()) {
    progress.tickSnapshot({ pauseTicks, patienceTicks });
  }
  if (role.elapsedTicks >= node.settings.electionTicks) {
    role.elapsedTicks = 0;
    if (!quorumIsActive(node, role)) return toFollower(node);
  }
  tickTransfer(node, role);
  if (role.heartbeatElapsedTicks >= node.settings.heartbeatTicks) {
    role.heartbeatElapsedTicks = 0;
    for (const peer of node.peers) progressOf(role, peer).heartbeatPassed();
    sendHeartbeats(node, role);
  }
  return undefined;
}

/** Takes a message of this leader's term. */
export function stepLeader(
  node: Node,
  role: Leader,
  input: { readonly from: MemberId; readonly message: Message },
): void {
  const { from, message } = input;
  const progress = role.progress.get(from);
  // A member that was removed meanwhile, or one that this leader does not know yet.
  if (progress === undefined) return;
  progress.recentlyActive = true;
  switch (message.kind) {
    case "appendAccepted":
      if (takeAcceptance(node, progress, message.matchIndex)) advanceCommit(node, role);
      sendAppends(node, from, progress);
      continueTransfer(node, role, from);
      return;
    case "appendRejected":
      takeRejection(node, progress, { from, message });
      return;
    case "heartbeatAck":
      resendIfLost(node, from, progress);
      if (role.rounds.acknowledge(from, message.round)) finishRound(node, role);
      return;
    case "readRequest":
      role.rounds.addRemote({ from, context: message.context });
      confirmReads(node, role);
      return;
    case "proposeRequest":
      proposeAsLeader(node, role, { from, payloads: message.payloads });
      return;
    default:
      // Votes that came after the election was won.
      return;
  }
}

/** This member's own disk holds more: it counts like any other member's. */
export function ownLogPersisted(node: Node, role: Leader): void {
  const own = progressOf(role, node.id);
  own.recentlyActive = true;
  if (takeAcceptance(node, own, node.log.persistedIndex)) advanceCommit(node, role);
}

/**
 * A new configuration is in effect: follows those that are new, and counts by its majorities. Steps
 * down when this member is no voter of it, which only now may be: until the change was committed, it
 * led by the majorities of the old one (Raft thesis section 4.2.2).
 */
export function reconfigureLeader(node: Node, role: Leader): Transition | undefined {
  const known = role.progress;
  role.progress = trackMembers(node, known);
  if (!node.isVoter) {
    handOverAtOnce(node, role);
    return toFollower(node);
  }
  for (const [id, progress] of role.progress) {
    // A new member counts as heard from: its first answer cannot have come yet.
    if (!known.has(id)) progress.recentlyActive = true;
  }
  checkTransferTarget(node, role);
  appendNextChange(node, role);
  advanceCommit(node, role);
  finishRound(node, role);
  replicateToAll(node, role);
  return undefined;
}

/** Begins a round for the reads that wait, unless one is under way or nothing may be read yet. */
export function confirmReads(node: Node, role: Leader): void {
  const { rounds } = role;
  if (rounds.isOpen || (!node.reads.hasWaiting && !rounds.hasRemoteWaiting)) return;
  // Before an entry of its own term is committed, a leader does not know what is (thesis section 6.4).
  if (node.log.termAt(node.log.commitIndex) !== node.term) return;
  rounds.begin(node.log.commitIndex, node.reads.takeAll());
  if (node.peers.length > 0) sendHeartbeats(node, role);
  finishRound(node, role);
}

function finishRound(node: Node, role: Leader): void {
  const answer = (id: MemberId): boolean | undefined =>
    id === node.id || role.rounds.hasAck(id) ? true : undefined;
  if (voteResult(node.voters, answer) !== "won") return;
  const confirmed = role.rounds.finish();
  if (confirmed === undefined) return;
  node.confirmReads(confirmed.ids, confirmed.index);
  for (const { from, context } of confirmed.remote) {
    node.send(from, { kind: "readResponse", term: node.term, context, index: confirmed.index });
  }
  confirmReads(node, role);
}

function advanceCommit(node: Node, role: Leader): void {
  const { log } = node;
  const index = committedIndex(node.voters, (id) => progressOf(role, id).matchIndex);
  // Entries of earlier terms are never committed by counting (Raft paper section 5.4.2, figure 8).
  if (index <= log.commitIndex || log.termAt(index) !== node.term) return;
  log.commitTo(index);
  replicateToAll(node, role);
  confirmReads(node, role);
}

function sendHeartbeats(node: Node, role: Leader): void {
  for (const peer of node.peers) {
    node.send(peer, {
      kind: "heartbeat",
      term: node.term,
      // Not above what the peer surely holds: beyond that its log may still conflict.
      commitIndex: Math.min(node.log.commitIndex, progressOf(role, peer).matchIndex),
      round: role.rounds.round,
    });
  }
}

function quorumIsActive(node: Node, role: Leader): boolean {
  const verdict = voteResult(node.voters, (id) => progressOf(role, id).recentlyActive);
  for (const [id, progress] of role.progress) progress.recentlyActive = id === node.id;
  return verdict === "won";
}

function toFollower(node: Node): Transition {
  return { to: "follower", term: node.term, leaderId: undefined };
}
