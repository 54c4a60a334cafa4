import { BoardSlot } from "../../shared/status-board.js";
import { type CallChecks, withCallChecks } from "../transport/call-checks.js";
import type { HealthService } from "../transport/health-service.js";
import type { MethodTable } from "../transport/method.js";
import type { WatchHub } from "../watch/watch-hub.js";
import { watchMethod } from "../watch/watch-method.js";
import { clusterMethods } from "./cluster.js";
import type { ClusterLink } from "./cluster-link.js";
import { type KvContext, kvMethods } from "./kv.js";
import { LeaderCalls } from "./leader-calls.js";
import { LeaderLessor } from "./leader-lessor.js";
import { leaseMethods } from "./lease.js";
import { LeaseRouter } from "./lease-router.js";
import { maintenanceMethods } from "./maintenance.js";
import { withMemberChecks } from "./member-checks.js";
import { peerAnswers } from "./peer-answers.js";
import type { Standing } from "./standing.js";

/** What the services of a frontend are made of. */
export interface FrontendServices extends KvContext {
  readonly hub: WatchHub;
  readonly standing: Standing;
  readonly cluster: ClusterLink;
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
