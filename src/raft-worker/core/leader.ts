import { assert } from "../../shared/assert.js";
import type { MemberId } from "./entry.js";
import type { AppendRejected, Message } from "./messages.js";
import type { Node } from "./node.js";
import { Progress } from "./progress.js";
import { committedIndex, voteResult, voterIds } from "./quorum.js";
import { ReadRounds } from "./read-index.js";
import type { Leader, Transition } from "./role.js";

const NO_PAYLOAD = new Uint8Array(0);

/**
 * Begins to lead: appends an empty entry of the new term, since only an entry of its own term lets a
 * leader commit what came before (Raft paper sections 5.4.2 and 8), and tells everybody.
 */
export function makeLeader(node: Node): Leader {
  const { log, settings } = node;
  const progress = new Map<MemberId, Progress>();
  for (const id of voterIds(node.voters)) {
    progress.set(id, new Progress(log.lastIndex + 1, settings.inflightMessagesMax));
  }
  const role: Leader = {
    kind: "leader",
    progress,
    rounds: new ReadRounds(),
    elapsedTicks: 0,
    heartbeatElapsedTicks: 0,
  };
  node.appendPayloads([NO_PAYLOAD]);
  ownLogPersisted(node, role);
  replicateToAll(node, role);
  return role;
}

/** One tick of leading: heartbeats, and a regular look at whether a quorum still answers. */
export function tickLeader(node: Node, role: Leader): Transition | undefined {
  role.elapsedTicks += 1;
  role.heartbeatElapsedTicks += 1;
  if (role.elapsedTicks >= node.settings.electionTicks) {
    role.elapsedTicks = 0;
    if (!quorumIsActive(node, role)) {
      return { to: "follower", term: node.term, leaderId: undefined };
    }
  }
  if (role.heartbeatElapsedTicks >= node.settings.heartbeatTicks) {
    role.heartbeatElapsedTicks = 0;
    for (const peer of node.peers) progressOf(role, peer).heartbeatPassed();
    sendHeartbeats(node, role);
  }
  return undefined;
}

/** Appends proposals to the log and replicates them at once, ahead of this member's own disk. */
export function proposeAsLeader(node: Node, role: Leader, payloads: readonly Uint8Array[]): void {
  node.appendPayloads(payloads);
  replicateToAll(node, role);
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
      assert(
        message.matchIndex <= node.log.lastIndex,
        "a follower's match is in the leader's log",
        {
          from,
          matchIndex: message.matchIndex,
          lastIndex: node.log.lastIndex,
        },
      );
      if (progress.accepted(message.matchIndex)) advanceCommit(node, role);
      sendAppends(node, from, progress);
      return;
    case "appendRejected":
      takeRejection(node, progress, { from, message });
      return;
    case "heartbeatAck":
      takeHeartbeatAck(node, role, { from, progress, round: message.round });
      return;
    case "readRequest":
      role.rounds.addRemote({ from, context: message.context });
      confirmReads(node, role);
      return;
    case "proposeRequest":
      proposeAsLeader(node, role, message.payloads);
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
  if (own.accepted(node.log.persistedIndex)) advanceCommit(node, role);
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

function takeRejection(
  node: Node,
  progress: Progress,
  input: { readonly from: MemberId; readonly message: AppendRejected },
): void {
  const { from, message } = input;
  const meeting = node.log.lastAtOrBelowTerm(message.hintIndex, message.hintTerm);
  if (progress.rejected(message.prevIndex, meeting.index)) sendAppends(node, from, progress);
}

function takeHeartbeatAck(
  node: Node,
  role: Leader,
  ack: { readonly from: MemberId; readonly progress: Progress; readonly round: number },
): void {
  const { from, progress } = ack;
  if (progress.matchIndex < node.log.lastIndex && progress.resendDue) {
    // It lives, but an interval after the last append it still lacks entries: one may be lost.
    progress.releaseProbe();
    sendAppend(node, from, { progress, force: true });
  }
  if (role.rounds.acknowledge(from, ack.round)) finishRound(node, role);
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

function replicateToAll(node: Node, role: Leader): void {
  for (const peer of node.peers) sendAppends(node, peer, progressOf(role, peer));
}

function sendAppends(node: Node, to: MemberId, progress: Progress): void {
  while (sendAppend(node, to, { progress, force: false })) {
    // One message after another, until the member has everything or its window is full.
  }
}

/** Sends one append if there is cause; `force` sends an empty one even when the window is full. */
function sendAppend(
  node: Node,
  to: MemberId,
  options: { readonly progress: Progress; readonly force: boolean },
): boolean {
  const { progress, force } = options;
  const { log, settings } = node;
  if (progress.state === "behind" || (progress.paused && !force)) return false;
  const prevIndex = progress.nextIndex - 1;
  const prevTerm = log.termAt(prevIndex);
  if (prevTerm === undefined) {
    progress.fellBehind();
    return false;
  }
  const entries = progress.paused
    ? []
    : log.entriesFrom(progress.nextIndex, settings.appendBytesMax);
  const newCommit = progress.sentCommitIndex < Math.min(log.commitIndex, prevIndex);
  if (entries.length === 0 && !newCommit && !force) return false;
  const commitIndex = log.commitIndex;
  node.send(to, {
    kind: "appendRequest",
    term: node.term,
    prevIndex,
    prevTerm,
    entries,
    commitIndex,
  });
  progress.sent(entries.length, Math.min(commitIndex, prevIndex + entries.length));
  return true;
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

function progressOf(role: Leader, id: MemberId): Progress {
  const progress = role.progress.get(id);
  assert(progress !== undefined, "a leader knows every voter's progress", { id });
  return progress;
}
