import type { MemberId } from "./entry.js";
import type { Message } from "./messages.js";
import type { Node } from "./node.js";
import { refuseProposals } from "./proposals.js";
import { rejectVote } from "./vote.js";

/** Whether only the leader of its term sends such a message. */
export function isFromLeader(message: Message): boolean {
  const { kind } = message;
  return kind === "appendRequest" || kind === "heartbeat" || kind === "timeoutNow";
}

/**
 * Answers a message of a term that is over, where its sender would wait or go on for ever: a deposed
 * leader learns that it is one, a candidate that it is late, and proposals go back.
 */
export function answerEarlierTerm(node: Node, from: MemberId, message: Message): void {
  const { term } = node;
  switch (message.kind) {
    case "appendRequest":
    case "heartbeat":
      node.send(from, { kind: "termNotice", term });
      return;
    case "voteRequest":
      rejectVote(node, { from, preVote: message.preVote });
      return;
    case "proposeRequest":
      refuseProposals(node, { from, payloads: message.payloads });
      return;
    default:
      return;
  }
}
