import type { Registry } from "prom-client";
import { D14_SECONDS, type SharedHistogram } from "../../shared/histogram.js";
import { BoardSlot } from "../../shared/status-board.js";
import { copyCounter, copyGauge, copyHistogram, zeroHistogram } from "./copied-metrics.js";
import type { MetricsSources } from "./sources.js";

/** Upper bounds that double: `first` times 2^0 to 2^(count-1). */
function doubling(first: number, count: number): number[] {
  return Array.from({ length: count }, (_, power) => first * 2 ** power);
}

/** The `etcd_disk_` families. docs/facts/metrics.md sections 2 and 5. */
export function registerDiskMetrics(registry: Registry, sources: MetricsSources): void {
  const { board } = sources;
  const timed: readonly [name: string, help: string, histogram: SharedHistogram][] = [
    ["etcd_disk_wal_fsync_duration_seconds", "Time of the log's fsyncs.", sources.walFsync],
    ["etcd_disk_wal_write_duration_seconds", "Time of the log's writes.", sources.walWrite],
    [
      "etcd_disk_backend_commit_duration_seconds",
      "Time of the store's durable transactions.",
      sources.backendCommit,
    ],
  ];
  for (const [name, help, histogram] of timed) {
    copyHistogram(registry, {
      name,
      help,
      bounds: D14_SECONDS,
      read: () => [{ labels: {}, snapshot: histogram.snapshot() }],
    });
  }
  copyGauge(registry, {
    name: "etcd_disk_wal_write_bytes_total",
    help: "Bytes written to the log.",
    read: () => board.get(BoardSlot.walBytes),
  });
  // Nothing stops for a defragmentation here, so there is none to time.
  copyGauge(registry, {
    name: "etcd_disk_defrag_inflight",
    help: "1 while defragmenting.",
    read: () => 0,
  });
  zeroHistogram(registry, {
    name: "etcd_disk_backend_defrag_duration_seconds",
    help: "Time of defragmentations.",
    bounds: doubling(0.1, 13),
  });
  zeroHistogram(registry, {
    name: "etcd_disk_backend_snapshot_duration_seconds",
    help: "Time to copy the store for a snapshot.",
    bounds: doubling(0.01, 17),
  });
}

/** The `etcd_mvcc_` families. */
export function registerMvccMetrics(registry: Registry, sources: MetricsSources): void {
  const { board, counters } = sources;
  const counted: readonly [name: string, help: string, read: () => number][] = [
    ["etcd_mvcc_put_total", "Puts applied.", () => board.get(BoardSlot.putsTotal)],
    ["etcd_mvcc_delete_total", "Deletes applied.", () => board.get(BoardSlot.deletesTotal)],
    ["etcd_mvcc_txn_total", "Transactions applied.", () => board.get(BoardSlot.txnsTotal)],
    [
      "etcd_mvcc_range_total",
      "Ranges executed.",
      () => board.get(BoardSlot.rangesTotal) + counters.ranges,
    ],
  ];
  for (const [name, help, read] of counted) copyCounter(registry, { name, help, read });
  const gauges: readonly [name: string, help: string, read: () => number][] = [
    [
      "etcd_mvcc_db_total_size_in_bytes",
      "Size of the store's file.",
      () => board.get(BoardSlot.storeBytes),
    ],
    [
      "etcd_mvcc_db_total_size_in_use_in_bytes",
      "Size of the store without its free pages.",
      () => board.get(BoardSlot.storeBytesInUse),
    ],
    [
      "etcd_mvcc_db_open_read_transactions",
      "Read transactions that are open.",
      sources.openReadTransactions,
    ],
  ];
  for (const [name, help, read] of gauges) copyGauge(registry, { name, help, read });
  for (const kind of ["hash", "hash_rev"]) {
    zeroHistogram(registry, {
      name: `etcd_mvcc_${kind}_duration_seconds`,
      help: "Time to hash the store.",
      bounds: doubling(0.01, 15),
    });
  }
}

/** Families of what etcd has and this server does in another way or not at all: present, and zero. */
export function registerAbsentMetrics(registry: Registry): void {
  const durations: readonly [name: string, help: string, bounds: number[]][] = [
    ["etcd_snap_db_fsync_duration_seconds", "Time to fsync a snapshot.", doubling(0.001, 14)],
    ["etcd_snap_fsync_duration_seconds", "Time to fsync a snapshot.", doubling(0.001, 14)],
    ["etcd_snap_db_save_total_duration_seconds", "Time to save a snapshot.", doubling(0.1, 10)],
  ];
  for (const [name, help, bounds] of durations) zeroHistogram(registry, { name, help, bounds });
  for (const name of ["cache_hits", "cache_misses", "cache_keys", "watchers_coalescing"]) {
    copyGauge(registry, {
      name: `etcd_grpc_proxy_${name}_total`,
      help: "Of a gRPC proxy, which this is not.",
      read: () => 0,
    });
  }
  copyCounter(registry, {
    name: "etcd_grpc_proxy_events_coalescing_total",
    help: "Of a gRPC proxy, which this is not.",
    read: () => 0,
  });
}
