import type { LmdbBaseReader } from "../../shared/mvcc/base/lmdb-base-reader.js";
import { API_VERSION, CLUSTER_VERSION } from "../../shared/version.js";
import type { Actors } from "../actors.js";
import type { Standing } from "../cluster/standing.js";
import { FEATURE_GATES } from "../config/feature-gates.js";
import type { ServerConfig } from "../config/server-config.js";
import type { Frontend } from "../frontend/frontend.js";
import type { WatchHub } from "../watch/watch-hub.js";
import type { FrontendCounters, MetricsSources } from "./sources.js";

/** Everything that the metrics of a server are read from. */
export function metricsSources(server: {
  readonly memberId: bigint;
  readonly config: ServerConfig;
  readonly actors: Actors;
  readonly base: LmdbBaseReader;
  readonly frontend: Frontend;
  readonly hub: WatchHub;
  readonly standing: Standing;
}): MetricsSources {
  const { memberId, config, actors, base, frontend, hub, standing } = server;
  return {
    board: actors.board,
    counters: liveCounters(frontend, hub),
    memberId,
    serverVersion: API_VERSION,
    clusterVersion: () => CLUSTER_VERSION,
    isLearner: () => standing.isLearner,
    quotaBytes: config.quotaBackendBytes,
    keyCount: () => base.keyCount(),
    openReadTransactions: () => base.openReads(),
    features: FEATURE_GATES.map(({ name, stage }) => ({
      name,
      stage: stage.toUpperCase(),
      enabled: config.featureGates[name] === true,
    })),
    // One O_DSYNC write is both the write and the sync.
    walFsync: actors.walSyncSeconds,
    walWrite: actors.walSyncSeconds,
    backendCommit: actors.commitSeconds,
    applyDurations: [],
    extensive: config.metrics === "extensive",
  };
}

/** The counters as they stand at each scrape. */
function liveCounters(frontend: Frontend, hub: WatchHub): FrontendCounters {
  const { counts } = frontend;
  return {
    get proposalsPending() {
      return frontend.pendingCount;
    },
    get proposalsFailed() {
      return counts.proposalsFailed;
    },
    get readIndexesFailed() {
      return counts.readIndexesFailed;
    },
    get ranges() {
      return counts.ranges;
    },
    get watchStreams() {
      return hub.stats.streams;
    },
    get watchers() {
      return hub.stats.watchers;
    },
    get slowWatchers() {
      return hub.stats.slowWatchers;
    },
    get pendingEvents() {
      return hub.stats.pendingEvents;
    },
    get eventsSent() {
      return hub.stats.eventsSent;
    },
    // A question for a read index is asked once; it is the Raft worker that repeats it to peers.
    slowReadIndexes: 0,
    watchSendFailures: 0,
    watchReceiveFailures: 0,
    keepAliveSendFailures: 0,
    keepAliveReceiveFailures: 0,
  };
}
