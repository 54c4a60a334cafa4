import { type CallChecks, withCallChecks } from "../transport/call-checks.js";
import type { HealthService } from "../transport/health-service.js";
import type { MethodTable } from "../transport/method.js";
import type { WatchHub } from "../watch/watch-hub.js";
import { watchMethod } from "../watch/watch-method.js";
import { clusterMethods } from "./cluster.js";
import { type KvContext, kvMethods } from "./kv.js";
import { leaseMethods } from "./lease.js";
import { maintenanceMethods } from "./maintenance.js";

/** Every RPC of a frontend, behind the checks that come before all of them. */
export function methodTable(
  context: KvContext & { readonly hub: WatchHub },
  common: CallChecks & { readonly health: HealthService },
): MethodTable {
  const methods = [
    ...kvMethods(context),
    watchMethod(context.hub),
    ...leaseMethods(context),
    ...clusterMethods(context),
    ...maintenanceMethods(context),
    ...common.health.methods,
  ];
  return withCallChecks(methods, common);
}
