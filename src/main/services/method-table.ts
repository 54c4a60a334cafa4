import { BoardSlot } from "../../shared/status-board.js";
import type { GroupControl } from "../cluster/group-control.js";
import { LeaderCalls } from "../cluster/leader-calls.js";
import { LeaderLessor } from "../cluster/leader-lessor.js";
import { LeaseRouter } from "../cluster/lease-router.js";
import { withMemberChecks } from "../cluster/member-checks.js";
import { peerAnswers } from "../cluster/peer-answers.js";
import type { Standing } from "../cluster/standing.js";
import { type CallChecks, withCallChecks } from "../transport/call-checks.js";
import type { HealthService } from "../transport/health-service.js";
import type { MethodTable } from "../transport/method.js";
import type { WatchHub } from "../watch/watch-hub.js";
import { watchMethod } from "../watch/watch-method.js";
import { clusterMethods } from "./cluster.js";
import { type KvContext, kvMethods } from "./kv.js";
import { leaseMethods } from "./lease.js";
import { maintenanceMethods } from "./maintenance.js";

/** What the services of a frontend are made of. */
export interface FrontendServices extends KvContext {
  readonly hub: WatchHub;
  readonly standing: Standing;
  readonly cluster: GroupControl;
  readonly electionTimeoutMs: number;
  readonly strictReconfigCheck: boolean;
}

/**
 * Every RPC of a frontend, behind the checks that come before all of them. From then on the frontend answers
 * the questions of other members, too.
 */
export function methodTable(
  services: FrontendServices,
  common: CallChecks & { readonly health: HealthService },
): MethodTable {
  const { frontend, standing, electionTimeoutMs } = services;
  const calls = new LeaderCalls({
    timeoutMs: frontend.requestTimeoutMs,
    // A leader that says nothing for this long is one no more.
    attemptMs: 2 * electionTimeoutMs,
    nowMs: () => performance.now(),
    leaderId: () => services.board.getId(BoardSlot.leaderId),
  });
  const lessor = new LeaderLessor(services);
  const leases = new LeaseRouter({ frontend, standing, lessor, calls });
  const context = { ...services, calls, lessor, leases };
  frontend.onAsked(peerAnswers(context));
  const methods = [
    ...kvMethods(context),
    watchMethod(context.hub),
    ...leaseMethods(context),
    ...clusterMethods(context),
    ...maintenanceMethods(context),
    ...common.health.methods,
  ];
  return withMemberChecks(withCallChecks(methods, common), standing);
}
