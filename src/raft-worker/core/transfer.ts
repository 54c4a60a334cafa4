import type { MemberId } from "./entry.js";
import type { Node } from "./node.js";
import { appendNextChange } from "./proposals.js";
import { isVoter } from "./quorum.js";
import { progressOf, replicateToAll, sendAppends } from "./replication.js";
import type { Leader } from "./role.js";

/**
 * Begins to hand over to `to`, or to the voter that is best off (Raft thesis section 3.10): proposals
 * stop, the target gets what it lacks, and then campaigns at once. Without effect when there is no
 * such voter.
 */
export function startTransfer(node: Node, role: Leader, to: MemberId | undefined): void {
  const target = to ?? bestVoter(node, role);
  if (target === undefined || target === node.id || !isVoter(node.voters, target)) return;
  if (role.transfer?.target === target) return;
  role.transfer = { target, elapsedTicks: 0 };
  sendAppends(node, target, progressOf(role, target));
  continueTransfer(node, role, target);
}

/** Lets the target campaign once it has everything. `from` was heard of. */
export function continueTransfer(node: Node, role: Leader, from: MemberId): void {
  if (role.transfer?.target !== from) return;
  if (progressOf(role, from).matchIndex < node.log.lastIndex) return;
  node.send(from, { kind: "timeoutNow", term: node.term });
}

/** One tick of handing over: asks again, since messages get lost, and gives up in the end. */
export function tickTransfer(node: Node, role: Leader): void {
  if (role.transfer === undefined) return;
  role.transfer.elapsedTicks += 1;
  if (role.transfer.elapsedTicks >= node.settings.electionTicks) abortTransfer(node, role);
  else continueTransfer(node, role, role.transfer.target);
}

/** Gives up a transfer whose target is no voter any more. */
export function checkTransferTarget(node: Node, role: Leader): void {
  if (role.transfer === undefined || isVoter(node.voters, role.transfer.target)) return;
  abortTransfer(node, role);
}

/** Tells the best voter to campaign: this member has lost its vote, and stops to lead. */
export function handOverAtOnce(node: Node, role: Leader): void {
  const target = bestVoter(node, role);
  if (target !== undefined) node.send(target, { kind: "timeoutNow", term: node.term });
}

function abortTransfer(node: Node, role: Leader): void {
  role.transfer = undefined;
  appendNextChange(node, role);
  replicateToAll(node, role);
}

/** The voter with the most of the log among those that answer; the first of several. */
function bestVoter(node: Node, role: Leader): MemberId | undefined {
  let best: MemberId | undefined;
  for (const id of node.otherVoters) {
    const progress = progressOf(role, id);
    if (!progress.recentlyActive) continue;
    if (best === undefined || progress.matchIndex > progressOf(role, best).matchIndex) best = id;
  }
  return best;
}
