import type { ErrorCode } from "../../shared/errors.js";
import { type ConfChange, encodeConfChange } from "../../shared/messages/conf-change.js";
import { EntryKind } from "../../shared/messages/entry.js";
import type { AnswerHandler } from "../frontend/pending.js";
import type { ServiceContext } from "../services/context.js";
import type { CallContext } from "../transport/method.js";
import { type GroupControl, peerClockMs } from "./group-control.js";
import type { LeaderCalls } from "./leader-calls.js";
import type { ClusterState } from "./reconfiguration-checks.js";
import type { Standing } from "./standing.js";

/** What the changes of the membership need. */
export interface ClusterContext extends ServiceContext {
  readonly cluster: GroupControl;
  readonly standing: Standing;
  readonly calls: LeaderCalls;
  readonly strictReconfigCheck: boolean;
}

/** The cluster as this member knows it now. */
export async function clusterState(context: ClusterContext): Promise<ClusterState> {
  const peers = await context.cluster.peers();
  const { frontend, memberId } = context;
  return { memberId, members: frontend.members(), peers, nowMs: peerClockMs() };
}

/** Makes a strict reconfiguration check (CL-05, CL-07), unless the operator has switched them off. */
export async function checkStrictly(
  context: ClusterContext,
  check: (state: ClusterState) => ErrorCode | 0,
): Promise<ErrorCode | 0> {
  return context.strictReconfigCheck ? check(await clusterState(context)) : 0;
}

/**
 * Puts a change through the log; answered by a MemberListResponse without header. A client waits as long as it
 * likes (CL-13); where no client waits, a change that is not applied in time is given up.
 */
export function proposeChange(
  { frontend }: ClusterContext,
  change: ConfChange,
  options: { readonly client: CallContext | undefined; readonly handler: AnswerHandler },
): void {
  const { client, handler } = options;
  const payload = encodeConfChange(change);
  if (client === undefined) return frontend.propose(EntryKind.confChange, payload, handler);
  client.onCancel(frontend.proposePatiently(EntryKind.confChange, payload, handler));
}
