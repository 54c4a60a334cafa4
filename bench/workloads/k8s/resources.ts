import type { K8sLoad } from "../../load/loads.js";

/** Objects of one resource type. */
export interface Resource {
  /** Ends in "/"; where API servers watch. */
  readonly prefix: string;
  /** Key of an object below the prefix, as its type's keys look. */
  readonly name: (number: number) => string;
  /** Bytes of a value (docs/facts: sizes of a typical control plane, the middle of each span). */
  readonly valueBytes: number;
  /** How many there are when the run begins. */
  readonly count: (load: K8sLoad) => number;
}

const NAMESPACES = 20;
const namespaced = (kind: string) => (number: number) =>
  `namespace-${number % NAMESPACES}/${kind}-5d8f9c7b6d-${String(number).padStart(8, "0")}`;

/** Types that are written. */
export const RESOURCES = {
  nodeLease: {
    prefix: "/registry/leases/",
    name: (number) => `kube-node-lease/node-${String(number).padStart(5, "0")}`,
    valueBytes: 450,
    count: ({ nodes }) => nodes,
  },
  electionLease: {
    prefix: "/registry/leases/",
    name: (number) => `kube-system/component-${number}`,
    valueBytes: 450,
    count: () => 3,
  },
  node: {
    prefix: "/registry/minions/",
    name: (number) => `node-${String(number).padStart(5, "0")}`,
    valueBytes: 10_000,
    count: ({ nodes }) => nodes,
  },
  pod: {
    prefix: "/registry/pods/",
    name: namespaced("workload"),
    valueBytes: 4000,
    count: ({ nodes, podsPerNode }) => nodes * podsPerNode,
  },
  endpointSlice: {
    prefix: "/registry/endpointslices/",
    name: namespaced("service"),
    valueBytes: 2000,
    count: ({ nodes }) => Math.max(1, Math.ceil(nodes / 2)),
  },
  event: {
    prefix: "/registry/events/",
    name: namespaced("event"),
    valueBytes: 750,
    count: () => 0,
  },
} as const satisfies Readonly<Record<string, Resource>>;
/** Name of a type that is written. */
export type ResourceName = keyof typeof RESOURCES;

/** All of them. */
export const RESOURCE_NAMES: readonly ResourceName[] = [
  "nodeLease",
  "electionLease",
  "node",
  "pod",
  "endpointSlice",
  "event",
];

/** Something for each of them. */
export function byResource<T>(make: (name: ResourceName) => T): Record<ResourceName, T> {
  return {
    nodeLease: make("nodeLease"),
    electionLease: make("electionLease"),
    node: make("node"),
    pod: make("pod"),
    endpointSlice: make("endpointSlice"),
    event: make("event"),
  };
}

/** Prefixes that an API server watches: those of the written types, then types without objects. */
export function watchedPrefixes(resourceTypes: number): string[] {
  const written = new Set(Object.values(RESOURCES).map(({ prefix }) => prefix));
  const idle = Array.from(
    { length: Math.max(0, resourceTypes - written.size) },
    (_, i) => `/registry/bench.example/type-${i}/`,
  );
  return [...written, ...idle];
}
