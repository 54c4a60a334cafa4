import type { K8sLoad } from "../../load/loads.js";

/** Kinds of requests of an API server, as they are reported. */
export const K8S_SERIES = [
  "lease-renew",
  "leader-election",
  "node-status",
  "pod-status",
  "pod-create",
  "pod-delete",
  "endpoints",
  "event",
  "get",
  "freshness",
  "list-page",
  "count",
] as const;
/** One kind of request. */
export type K8sKind = (typeof K8S_SERIES)[number];

/** Requests per second: so many for each node, and so many for the cluster. */
interface Rate {
  readonly perNode: number;
  readonly perCluster: number;
}

/**
 * A steady control plane. Fixed by how Kubernetes works: a node's lease every 10 s, its status every 5
 * min, three components that renew their leader-election lease every 2 s, counts of each resource type
 * every minute. Rough: how often pods come and go and report, so that 5,000 nodes make the 500 to
 * 1,000 writes per second of docs/facts (Kubernetes, section 4).
 */
const RATES: Readonly<Record<K8sKind, Rate>> = {
  "lease-renew": { perNode: 1 / 10, perCluster: 0 },
  "leader-election": { perNode: 0, perCluster: 3 / 2 },
  "node-status": { perNode: 1 / 300, perCluster: 0 },
  "pod-status": { perNode: 0.02, perCluster: 0 },
  "pod-create": { perNode: 0.005, perCluster: 0 },
  "pod-delete": { perNode: 0.005, perCluster: 0 },
  endpoints: { perNode: 0.003, perCluster: 0 },
  event: { perNode: 0.02, perCluster: 0 },
  get: { perNode: 0.01, perCluster: 1 },
  freshness: { perNode: 0.02, perCluster: 1 },
  "list-page": { perNode: 0.005, perCluster: 0.1 },
  count: { perNode: 0, perCluster: 0 },
};
const COUNT_INTERVAL_SECONDS = 60;

/** Kinds that change the store: each that succeeds is one event. */
export const K8S_WRITES: readonly K8sKind[] = [
  "lease-renew",
  "leader-election",
  "node-status",
  "pod-status",
  "pod-create",
  "pod-delete",
  "endpoints",
  "event",
];

/** Requests per second of each kind, in the order of the series. */
export function k8sRates({ nodes, apiServers, resourceTypes }: K8sLoad): number[] {
  return K8S_SERIES.map((kind) => {
    if (kind === "count") return (apiServers * resourceTypes) / COUNT_INTERVAL_SECONDS;
    const { perNode, perCluster } = RATES[kind];
    return perNode * nodes + perCluster;
  });
}

/** Requests per second of a cluster of so many nodes. */
export function k8sRate(load: K8sLoad): number {
  return k8sRates(load).reduce((sum, each) => sum + each, 0);
}
