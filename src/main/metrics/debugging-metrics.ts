import type { Registry } from "prom-client";
import { BoardSlot } from "../../shared/status-board.js";
import { copyCounter, copyGauge } from "./copied-metrics.js";
import type { MetricsSources } from "./sources.js";

type Family = readonly [name: string, help: string, read: () => number];

/** The `etcd_debugging_` families that people graph. docs/facts/metrics.md section 6. */
export function registerDebuggingMetrics(registry: Registry, sources: MetricsSources): void {
  for (const [name, help, read] of gauges(sources)) {
    copyGauge(registry, { name: `etcd_debugging_${name}`, help, read });
  }
  for (const [name, help, read] of counters(sources)) {
    copyCounter(registry, { name: `etcd_debugging_${name}`, help, read });
  }
}

function gauges({ board, counters, keyCount }: MetricsSources): readonly Family[] {
  return [
    ["mvcc_current_revision", "Current revision.", () => board.get(BoardSlot.revision)],
    [
      "mvcc_compact_revision",
      "Revision of the last compaction, -1 before the first.",
      () => board.get(BoardSlot.compactRevisionPlusOne) - 1,
    ],
    ["mvcc_keys_total", "Keys that exist.", keyCount],
    ["mvcc_pending_events_total", "Events that wait to be sent.", () => counters.pendingEvents],
    ["mvcc_slow_watcher_total", "Watchers that lag behind.", () => counters.slowWatchers],
    ["mvcc_watch_stream_total", "Open watch streams.", () => counters.watchStreams],
    ["mvcc_watcher_total", "Watchers.", () => counters.watchers],
  ];
}

function counters({ board, counters: frontend }: MetricsSources): readonly Family[] {
  return [
    ["mvcc_events_total", "Events sent to watchers.", () => frontend.eventsSent],
    [
      "mvcc_db_compaction_keys_total",
      "Revisions removed by compactions.",
      () => board.get(BoardSlot.compactedRevisions),
    ],
    ["lease_granted_total", "Leases granted.", () => board.get(BoardSlot.leasesGranted)],
    ["lease_revoked_total", "Leases revoked.", () => board.get(BoardSlot.leasesRevoked)],
    ["lease_renewed_total", "Leases renewed.", () => board.get(BoardSlot.leasesRenewed)],
    ["server_lease_expired_total", "Leases expired.", () => board.get(BoardSlot.leasesExpired)],
  ];
}
