import type { Registry } from "prom-client";
import { A20_SECONDS } from "../../shared/histogram.js";
import { BoardSlot } from "../../shared/status-board.js";
import {
  copyCounter,
  copyCounters,
  copyGauge,
  copyGauges,
  copyHistogram,
} from "./copied-metrics.js";
import type { MetricsSources } from "./sources.js";

/** The `etcd_server_` and `etcd_cluster_` families. docs/facts/metrics.md sections 2 and 5. */
export function registerServerMetrics(registry: Registry, sources: MetricsSources): void {
  registerIdentity(registry, sources);
  registerLeadership(registry, sources);
  registerProposals(registry, sources);
  registerReads(registry, sources);
  registerApply(registry, sources);
  registerFeatures(registry, sources);
}

function registerIdentity(registry: Registry, sources: MetricsSources): void {
  copyGauges(registry, {
    name: "etcd_cluster_version",
    help: "1 for the version that the cluster has decided on.",
    labelNames: ["cluster_version"],
    read: () => {
      const version = sources.clusterVersion();
      const minor = version?.replace(/\.\d+$/, "");
      return minor === undefined ? [] : [{ labels: { cluster_version: minor }, value: 1 }];
    },
  });
  copyGauges(registry, {
    name: "etcd_server_version",
    help: "1 for the version that this server speaks.",
    labelNames: ["server_version"],
    read: () => [{ labels: { server_version: sources.serverVersion }, value: 1 }],
  });
  copyGauges(registry, {
    name: "etcd_server_go_version",
    help: "1 for the version of the runtime, which is Node.js here.",
    labelNames: ["server_go_version"],
    read: () => [{ labels: { server_go_version: `node ${process.version}` }, value: 1 }],
  });
  copyGauges(registry, {
    name: "etcd_server_id",
    help: "1 for this member's id in hexadecimal.",
    labelNames: ["server_id"],
    read: () => [{ labels: { server_id: sources.memberId.toString(16) }, value: 1 }],
  });
}

function registerLeadership(
  registry: Registry,
  { board, memberId, isLearner }: MetricsSources,
): void {
  copyGauge(registry, {
    name: "etcd_server_has_leader",
    help: "1 if this member knows a leader.",
    read: () => Number(board.getId(BoardSlot.leaderId) !== 0n),
  });
  copyGauge(registry, {
    name: "etcd_server_is_leader",
    help: "1 if this member is the leader.",
    read: () => Number(board.getId(BoardSlot.leaderId) === memberId),
  });
  copyGauge(registry, {
    name: "etcd_server_is_learner",
    help: "1 if this member is a learner.",
    read: () => Number(isLearner()),
  });
  copyCounter(registry, {
    name: "etcd_server_leader_changes_seen_total",
    help: "Changes of leader that this member has seen.",
    read: () => board.get(BoardSlot.leaderChanges),
  });
  copyCounter(registry, {
    name: "etcd_server_learner_promote_successes",
    help: "Learners promoted while this member was the leader.",
    read: () => 0,
  });
  copyCounter(registry, {
    name: "etcd_server_heartbeat_send_failures_total",
    help: "Heartbeats that a leader sent too late.",
    read: () => 0,
  });
}

function registerProposals(registry: Registry, { board, counters }: MetricsSources): void {
  copyGauge(registry, {
    name: "etcd_server_proposals_committed_total",
    help: "Commit index that this member knows.",
    read: () => board.get(BoardSlot.commitIndex),
  });
  copyGauge(registry, {
    name: "etcd_server_proposals_applied_total",
    help: "Index up to which this member has applied.",
    read: () => board.get(BoardSlot.appliedIndex),
  });
  copyGauge(registry, {
    name: "etcd_server_proposals_pending",
    help: "Proposals of this member that wait for their result.",
    read: () => counters.proposalsPending,
  });
  copyCounter(registry, {
    name: "etcd_server_proposals_failed_total",
    help: "Proposals of this member that failed.",
    read: () => counters.proposalsFailed,
  });
}

function registerReads(registry: Registry, { counters }: MetricsSources): void {
  copyCounter(registry, {
    name: "etcd_server_slow_read_indexes_total",
    help: "Read indexes that had to be asked for again.",
    read: () => counters.slowReadIndexes,
  });
  copyCounter(registry, {
    name: "etcd_server_read_indexes_failed_total",
    help: "Read indexes that were not obtained.",
    read: () => counters.readIndexesFailed,
  });
}

function registerApply(registry: Registry, sources: MetricsSources): void {
  copyCounter(registry, {
    name: "etcd_server_slow_apply_total",
    help: "Applies that took longer than the warning time.",
    read: () => sources.board.get(BoardSlot.slowApplies),
  });
  copyHistogram(registry, {
    name: "etcd_server_apply_duration_seconds",
    help: "Time to apply an entry, by operation.",
    labelNames: ["version", "op", "success"],
    bounds: A20_SECONDS,
    read: () => readApplyDurations(sources),
  });
  copyGauge(registry, {
    name: "etcd_server_snapshot_apply_in_progress_total",
    help: "1 while a snapshot from the leader is taken over.",
    read: () => 0,
  });
  copyGauge(registry, {
    name: "etcd_server_quota_backend_bytes",
    help: "Quota in force, in bytes.",
    read: () => sources.quotaBytes,
  });
}

/** Labelled series appear with their first use. */
function* readApplyDurations({ applyDurations }: MetricsSources) {
  for (const { op, success, histogram } of applyDurations) {
    const snapshot = histogram.snapshot();
    if (snapshot.count === 0) continue;
    yield { labels: { version: "v3", op, success: String(success) }, snapshot };
  }
}

function registerFeatures(registry: Registry, { features }: MetricsSources): void {
  copyGauges(registry, {
    name: "etcd_server_feature_enabled",
    help: "1 for a feature gate that is on.",
    labelNames: ["name", "stage"],
    read: () =>
      features.map(({ name, stage, enabled }) => ({
        labels: { name, stage },
        value: Number(enabled),
      })),
  });
}

/** `etcd_network_` families of a single member. */
export function registerNetworkMetrics(registry: Registry, { counters }: MetricsSources): void {
  copyCounters(registry, {
    name: "etcd_network_server_stream_failures_total",
    help: "Client streams that broke, by direction and API.",
    labelNames: ["Type", "API"],
    read: () =>
      [
        { Type: "send", API: "watch", value: counters.watchSendFailures },
        { Type: "receive", API: "watch", value: counters.watchReceiveFailures },
        { Type: "send", API: "lease-keepalive", value: counters.keepAliveSendFailures },
        { Type: "receive", API: "lease-keepalive", value: counters.keepAliveReceiveFailures },
      ]
        .filter(({ value }) => value > 0)
        .map(({ Type, API, value }) => ({ labels: { Type, API }, value })),
  });
}
