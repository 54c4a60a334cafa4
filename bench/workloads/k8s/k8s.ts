import { seededRandom } from "../../../src/shared/prng.js";
import type { K8sLoad } from "../../load/loads.js";
import { WatchedEvents } from "../watched-events.js";
import type { Workload, WorkloadContext } from "../workload.js";
import { ApiServer } from "./api-server.js";
import { progressRequest, watchPrefix } from "./messages.js";
import { K8S_SERIES, K8S_WRITES, k8sRates } from "./mix.js";
import { RESOURCES, watchedPrefixes } from "./resources.js";

/**
 * What the API servers of a Kubernetes cluster ask of etcd: the requests of `mix.ts` in those
 * proportions, on objects that are there before, under watches of every resource type.
 */
export function k8sWorkload(load: K8sLoad, context: WorkloadContext): Workload {
  const deliveries = watches(load, context);
  const progress = progressRequest();
  const podStream = watchedPrefixes(load.resourceTypes).indexOf(RESOURCES.pod.prefix);
  // What it was read for: a cache waits until its watch has come so far.
  const onFreshness = (): void => deliveries.send(podStream, progress);
  const apiServer = new ApiServer(load, context, onFreshness);
  const pick = weightedPick(k8sRates(load), context);
  return {
    unit: "requests",
    series: K8S_SERIES,
    prepare: (connections) => apiServer.fill(connections),
    deliveries,
    open: (connection) => Promise.resolve((done) => apiServer.ask(connection, pick(), done)),
  };
}

/** Each API server has a stream per resource type. */
function watches(load: K8sLoad, { share }: WorkloadContext): WatchedEvents {
  const prefixes = watchedPrefixes(load.resourceTypes);
  let own = 0;
  const streams: Buffer[][] = [];
  for (let server = share.thread; server < load.apiServers; server += share.threads) {
    own += 1;
    streams.push(...prefixes.map((prefix) => [watchPrefix(prefix)]));
  }
  const writes = K8S_WRITES.map((kind) => K8S_SERIES.indexOf(kind));
  return new WatchedEvents({
    streams,
    stamped: true,
    expected: (calls) => own * writes.reduce((sum, series) => sum + (calls[series] ?? 0), 0),
  });
}

/** Gives an index at random, each as often as its weight says. */
function weightedPick(
  weights: readonly number[],
  { seed, share }: WorkloadContext,
): () => (typeof K8S_SERIES)[number] {
  const random = seededRandom(seed + share.thread);
  const total = weights.reduce((sum, each) => sum + each, 0);
  return () => {
    let rest = (random.below(RANDOM_STEPS) / RANDOM_STEPS) * total;
    for (const [index, weight] of weights.entries()) {
      rest -= weight;
      if (rest < 0) return K8S_SERIES[index] ?? "get";
    }
    return "get";
  };
}

const RANDOM_STEPS = 2 ** 30;
