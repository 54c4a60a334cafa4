import { ErrorCode } from "../../shared/errors.js";
import { Member } from "../../shared/gen/etcdserverpb/rpc.js";
import { ConfChangeType } from "../../shared/messages/conf-change.js";
import { ASK_LEADER, PeerAsk } from "../../shared/messages/peer-ask.js";
import { BoardSlot } from "../../shared/status-board.js";
import type { AnswerHandler } from "../frontend/pending.js";
import type { CallContext } from "../transport/method.js";
import { type ClusterContext, clusterState, proposeChange } from "./membership.js";
import { checkLearnerReady, checkPromote } from "./reconfiguration-checks.js";

/** Who is to be promoted, and who waits for it. */
interface Promotion {
  readonly id: bigint;
  /** Undefined when another member asks. */
  readonly client: CallContext | undefined;
}

const NO_BYTES = new Uint8Array(0);

/**
 * Promotes a learner, as the leader, who knows how far its log reaches (CL-09). Refused with notLeader by any
 * other member; answered by a MemberPromoteResponse without header.
 */
export async function promoteAsLeader(
  context: ClusterContext,
  { id, client }: Promotion,
  handler: AnswerHandler,
): Promise<void> {
  const state = await clusterState(context);
  const code = context.standing.leads
    ? checkLearnerReady(state, id, context.board.get(BoardSlot.lastIndex)) ||
      (context.strictReconfigCheck ? checkPromote(state) : 0)
    : ErrorCode.notLeader;
  if (code !== 0) return handler(code, 0, NO_BYTES, 0, 0);
  const change = { type: ConfChangeType.promote, member: Member.fromPartial({ ID: id }) };
  proposeChange(context, change, { client, handler });
}

/** Promotes a learner, wherever the leader is; `request` is the MemberPromoteRequest's bytes. */
export function promoteThroughLeader(
  context: ClusterContext,
  promotion: { readonly id: bigint; readonly request: Uint8Array; readonly client: CallContext },
  handler: AnswerHandler,
): void {
  const { calls, frontend, standing } = context;
  const { id, request, client } = promotion;
  const forward = (): void => {
    const attempt = (done: AnswerHandler): void => {
      if (standing.leads) void promoteAsLeader(context, { id, client: undefined }, done);
      else frontend.ask({ peer: ASK_LEADER, kind: PeerAsk.memberPromote, payload: request }, done);
    };
    // Once is enough: a second try would find the learner a voter, and say so.
    calls.make({ attempt, isWanted: () => !client.cancelled, isRepeatable: false }, handler);
  };
  if (!standing.leads) return forward();
  void promoteAsLeader(context, { id, client }, (code, ...answer) => {
    if (code === ErrorCode.notLeader) forward();
    else handler(code, ...answer);
  });
}
