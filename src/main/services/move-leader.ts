import { setTimeout as sleep } from "node:timers/promises";
import { ErrorCode } from "../../shared/errors.js";
import { BoardSlot } from "../../shared/status-board.js";
import type { ClusterContext } from "../cluster/membership.js";
import type { UnaryCall } from "../transport/method.js";
import { failWith } from "./context.js";

/** Pause between two looks at who leads. */
const LOOK_MS = 20;

const NO_BYTES = new Uint8Array(0);

/**
 * Hands leadership to a voter, and answers when this member sees it lead (MT-50); without a timeout but the
 * client's own. The answer has no header (H-16).
 */
export async function moveLeader(
  { board, cluster, frontend, memberId, standing }: ClusterContext,
  call: UnaryCall,
  target: bigint,
): Promise<void> {
  if (!standing.leads) return failWith(call, ErrorCode.notLeader);
  const isVoter = frontend.members().some(({ ID, isLearner }) => ID === target && !isLearner);
  if (!isVoter) return failWith(call, ErrorCode.badLeaderTransferee);
  if (target !== memberId) await cluster.transferLeader(target);
  while (board.getId(BoardSlot.leaderId) !== target) {
    if (call.cancelled) return failWith(call, ErrorCode.timeoutLeaderTransfer);
    await sleep(LOOK_MS);
  }
  call.reply(NO_BYTES);
}
