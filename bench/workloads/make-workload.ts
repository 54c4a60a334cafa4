import { unreachable } from "../../src/shared/assert.js";
import type { LoadPlan } from "../load/plan.js";
import { fillWorkload } from "./fill.js";
import { leaseKeepAliveWorkload } from "./lease-keepalive.js";
import { putWorkload } from "./put.js";
import { rangeWorkload } from "./range.js";
import { txnWorkload } from "./txn.js";
import { watchWorkload } from "./watch.js";
import type { Share, Workload } from "./workload.js";

/** One thread's part of a plan. */
export function makeWorkload(plan: LoadPlan, share: Share): Workload {
  switch (plan.workload) {
    case "put":
      return putWorkload(plan, share);
    case "range":
      return rangeWorkload(plan, share);
    case "txn":
      return txnWorkload(plan, share);
    case "watch":
      return watchWorkload(plan, share);
    case "lease-keepalive":
      return leaseKeepAliveWorkload();
    case "fill":
      return fillWorkload(plan, share);
    default:
      return unreachable(plan.workload);
  }
}
