import { RaftLog } from "./log.js";
import { Node } from "./node.js";
import type { RaftOptions } from "./raft.js";
import { ReadQueue } from "./read-index.js";

const CONTEXT_LIMIT = 2 ** 32;

/** What a member starts from, out of what it remembers. */
export function makeNode(options: RaftOptions): Node {
  const { hardState, appliedIndex, configuredIndex, isConfChange, leaveJointPayload } = options;
  const commitIndex = Math.max(hardState.commit, appliedIndex);
  // Anything but the same number twice will do; 2^20 requests fit between two lives' numbers.
  const firstContext = options.random.below(CONTEXT_LIMIT) * 2 ** 20;
  const state = { commitIndex, appliedIndex, configuredIndex, isConfChange };
  return new Node({
    ...options,
    codec: { isConfChange, leaveJointPayload },
    log: new RaftLog(options.log, state),
    reads: new ReadQueue(options.settings.readsWaitingMax, firstContext),
    term: hardState.term,
    vote: hardState.vote,
  });
}
