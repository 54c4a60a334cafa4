import { assert } from "../../shared/assert.js";
import type { MemberId } from "./entry.js";
import type { AppendRejected } from "./messages.js";
import type { Node } from "./node.js";
import { Progress } from "./progress.js";
import type { Leader } from "./role.js";

/** What a leader knows of a member of its configuration. */
export function progressOf(role: Leader, id: MemberId): Progress {
  const progress = role.progress.get(id);
  assert(progress !== undefined, "a leader knows every member's progress", { id });
  return progress;
}

/**
 * The progress of every member of the configuration, in id order: what is known of those that stay,
 * a first guess for those that are new.
 */
export function trackMembers(
  node: Node,
  known: ReadonlyMap<MemberId, Progress>,
): Map<MemberId, Progress> {
  const { log, settings } = node;
  const fresh = (): Progress => new Progress(log.lastIndex + 1, settings.inflightMessagesMax);
  const ids = [node.id, ...node.peers].sort((a, b) => (a < b ? -1 : 1));
  return new Map(ids.map((id) => [id, known.get(id) ?? fresh()]));
}

/** Sends everybody what they lack, as far as their windows allow. */
export function replicateToAll(node: Node, role: Leader): void {
  for (const peer of node.peers) sendAppends(node, peer, progressOf(role, peer));
}

/** Sends one member what it lacks, as far as its window allows. */
export function sendAppends(node: Node, to: MemberId, progress: Progress): void {
  while (sendAppend(node, to, { progress, force: false })) {
    // One message after another, until the member has everything or its window is full.
  }
}

/** Takes an acceptance; true when the member's match rose, or is known now. */
export function takeAcceptance(node: Node, progress: Progress, matchIndex: number): boolean {
  const { log } = node;
  assert(matchIndex <= log.lastIndex, "a follower's match is in the leader's log", {
    matchIndex,
    lastIndex: log.lastIndex,
  });
  const isNews = progress.accepted(matchIndex, log.termAt(matchIndex) !== undefined);
  if (progress.matchIndex >= log.appliedIndex) progress.caughtUp();
  return isNews;
}

/** Takes a rejection, and tries again where the logs may meet. */
export function takeRejection(
  node: Node,
  progress: Progress,
  input: { readonly from: MemberId; readonly message: AppendRejected },
): void {
  const { from, message } = input;
  const meeting = node.log.lastAtOrBelowTerm(message.hintIndex, message.hintTerm);
  if (progress.rejected(message.prevIndex, meeting.index)) sendAppends(node, from, progress);
}

/** The member lives, but an interval after the last append it still lacks entries: one may be lost. */
export function resendIfLost(node: Node, to: MemberId, progress: Progress): void {
  if (!progress.resendDue || progress.matchIndex >= node.log.lastIndex) return;
  if (progress.deliveredSnapshot !== undefined) sendSnapshotProbe(node, to, progress);
  progress.releaseProbe();
  sendAppend(node, to, { progress, force: true });
}

/** Sends one append if there is cause; `force` sends an empty one even when the window is full. */
function sendAppend(
  node: Node,
  to: MemberId,
  options: { readonly progress: Progress; readonly force: boolean },
): boolean {
  const { progress, force } = options;
  const { log, settings } = node;
  const prevIndex = progress.nextIndex - 1;
  const prevTerm = log.termAt(prevIndex);
  if (!progress.needsSnapshot) {
    if (progress.paused && !force) return false;
    if (prevTerm === undefined) progress.fellBehind();
  }
  if (progress.needsSnapshot || prevTerm === undefined) {
    askForSnapshotIfDue(node, to, progress);
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

function askForSnapshotIfDue(node: Node, to: MemberId, progress: Progress): void {
  if (!progress.snapshotDue) return;
  progress.snapshotAsked();
  node.askForSnapshot(to);
}

/** An empty append after the snapshot: accepted once the member has installed it. */
function sendSnapshotProbe(node: Node, to: MemberId, progress: Progress): void {
  const prevIndex = progress.deliveredSnapshot;
  const prevTerm = prevIndex === undefined ? undefined : node.log.termAt(prevIndex);
  if (prevIndex === undefined || prevTerm === undefined) return;
  const { term, log } = node;
  node.send(to, {
    kind: "appendRequest",
    term,
    prevIndex,
    prevTerm,
    entries: [],
    commitIndex: log.commitIndex,
  });
  progress.resendDue = false;
}
