import { unreachable } from "../../src/shared/assert.js";
import type { Load } from "../load/loads.js";
import { fillWorkload } from "./fill.js";
import { k8sWorkload } from "./k8s/k8s.js";
import { leaseKeepAliveWorkload } from "./lease-keepalive.js";
import { listWorkload } from "./list.js";
import { putWorkload } from "./put.js";
import { rangeSpanWorkload, rangeWorkload } from "./range.js";
import { stmWorkload } from "./stm/stm.js";
import { txnK8sWorkload } from "./txn-k8s.js";
import { txnMixedWorkload } from "./txn-mixed.js";
import { txnPutWorkload } from "./txn-put.js";
import { watchWorkload } from "./watch.js";
import { watchGetWorkload } from "./watch-get.js";
import type { Workload, WorkloadContext } from "./workload.js";

/** One thread's part of a load. */
export function makeWorkload(load: Load, context: WorkloadContext): Workload {
  switch (load.kind) {
    case "put":
      return putWorkload(load, context);
    case "range":
      return rangeWorkload(load);
    case "range-span":
      return rangeSpanWorkload(load, context);
    case "list":
      return listWorkload(load, context);
    case "fill":
      return fillWorkload(load, context);
    case "txn-put":
      return txnPutWorkload(load, context);
    case "txn-mixed":
      return txnMixedWorkload(load, context);
    case "txn-k8s":
      return txnK8sWorkload(load, context);
    case "watch":
      return watchWorkload(load, context);
    case "watch-get":
      return watchGetWorkload(load);
    case "lease-keepalive":
      return leaseKeepAliveWorkload();
    case "stm":
      return stmWorkload(load, context);
    case "k8s":
      return k8sWorkload(load, context);
    default:
      return unreachable(load);
  }
}
