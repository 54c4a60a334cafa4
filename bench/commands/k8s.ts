import { k8sRate } from "../workloads/k8s/mix.js";
import type { Command } from "./command.js";
import { UsageError } from "./flags.js";

const NODES_MAX = 20_000;

/** `k8s`: a Kubernetes control plane. */
export const K8S: Command = {
  name: "k8s",
  help: "what the API servers of a cluster of --nodes ask, at the rate of such a cluster",
  flags: {
    nodes: { type: "string", default: "100", help: "nodes of the cluster" },
    "pods-per-node": { type: "string", default: "30", help: "pods when the run begins" },
    "api-servers": { type: "string", default: "1", help: "each watches every resource type" },
    "resource-types": { type: "string", default: "60", help: "most of them without objects" },
    total: { type: "string", help: "how many requests to make; without --seconds too: 30 s" },
    rate: {
      type: "string",
      help: "requests per second (those of such a cluster); 0: as answers come",
    },
  },
  load: (flags) => {
    const nodes = flags.count("nodes");
    if (nodes > NODES_MAX) throw new UsageError(`--nodes is more than ${NODES_MAX}`);
    return {
      kind: "k8s",
      nodes,
      podsPerNode: flags.count("pods-per-node"),
      apiServers: flags.count("api-servers"),
      resourceTypes: flags.count("resource-types"),
    };
  },
  rate: (load) => (load.kind === "k8s" ? k8sRate(load) : 0),
};
