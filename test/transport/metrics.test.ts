import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { Metrics } from "../../src/main/metrics/metrics.js";
import { FrontendCounters, type MetricsSources } from "../../src/main/metrics/sources.js";
import { GrpcStatus } from "../../src/shared/errors.js";
import { A20_SECONDS, D14_SECONDS, SharedHistogram } from "../../src/shared/histogram.js";
import { BoardSlot, StatusBoard } from "../../src/shared/status-board.js";

/** A page of the Prometheus text format, taken apart strictly: a line that does not parse fails. */
class Page {
  readonly types = new Map<string, string>();
  readonly values = new Map<string, number>();

  constructor(text: string) {
    assert.ok(text.endsWith("\n"));
    for (const line of text.split("\n")) this.#read(line);
  }

  /** Value of a series written `name{label="value",…}` with the labels in alphabetic order. */
  value(series: string): number | undefined {
    return this.values.get(series);
  }

  series(prefix: string): string[] {
    return [...this.values.keys()].filter((key) => key.startsWith(prefix));
  }

  #read(line: string): void {
    if (line === "" || line.startsWith("# HELP ")) return;
    const type = /^# TYPE (\S+) (counter|gauge|histogram|summary)$/.exec(line);
    if (type !== null) {
      this.types.set(type[1] ?? "", type[2] ?? "");
      return;
    }
    const sample =
      /^([a-zA-Z_:][\w:]*)(?:\{((?:\w+="(?:[^"\\]|\\.)*",?)*)\})? (Na[nN]|[-+]?(?:Inf|[\d.e+-]+))$/.exec(
        line,
      );
    assert.ok(sample, `not a sample: ${line}`);
    const labels = (sample[2] ?? "").match(/\w+="(?:[^"\\]|\\.)*"/g) ?? [];
    const key = labels.length === 0 ? sample[1] : `${sample[1]}{${labels.sort().join(",")}}`;
    assert.ok(!this.values.has(key ?? ""), `twice: ${key}`);
    this.values.set(key ?? "", Number(sample[3]));
  }
}

function makeSources(overrides: Partial<MetricsSources> = {}): MetricsSources {
  return {
    board: new StatusBoard(),
    counters: new FrontendCounters(),
    memberId: 0xabcn,
    serverVersion: "3.7.1",
    clusterVersion: () => "3.7.0",
    isLearner: () => false,
    quotaBytes: 2_147_483_648,
    keyCount: () => 5,
    openReadTransactions: () => 1,
    features: [{ name: "LeaseCheckpoint", stage: "ALPHA", enabled: false }],
    walFsync: new SharedHistogram(D14_SECONDS),
    walWrite: new SharedHistogram(D14_SECONDS),
    backendCommit: new SharedHistogram(D14_SECONDS),
    applyDurations: [],
    extensive: false,
    ...overrides,
  };
}

async function scrape(metrics: Metrics): Promise<Page> {
  return new Page(await metrics.scrape());
}

const EXPECTED_TYPES: Readonly<Record<string, string>> = {
  counter:
    "etcd_server_leader_changes_seen_total etcd_server_proposals_failed_total " +
    "etcd_server_slow_apply_total etcd_server_slow_read_indexes_total " +
    "etcd_server_read_indexes_failed_total etcd_server_heartbeat_send_failures_total " +
    "etcd_server_health_success etcd_server_health_failures etcd_server_healthchecks_total " +
    "etcd_server_client_requests_total etcd_server_learner_promote_successes " +
    "etcd_mvcc_put_total etcd_mvcc_range_total etcd_mvcc_delete_total etcd_mvcc_txn_total " +
    "etcd_network_client_grpc_received_bytes_total etcd_network_client_grpc_sent_bytes_total " +
    "etcd_network_server_stream_failures_total etcd_debugging_mvcc_events_total " +
    "etcd_debugging_mvcc_db_compaction_keys_total etcd_debugging_lease_granted_total " +
    "etcd_debugging_lease_renewed_total etcd_debugging_lease_revoked_total " +
    "etcd_debugging_server_lease_expired_total grpc_server_started_total " +
    "grpc_server_handled_total grpc_server_msg_received_total grpc_server_msg_sent_total " +
    "process_cpu_seconds_total process_network_receive_bytes_total " +
    "process_network_transmit_bytes_total promhttp_metric_handler_requests_total " +
    "etcd_grpc_proxy_events_coalescing_total",
  gauge:
    "etcd_cluster_version etcd_server_version etcd_server_go_version etcd_server_id " +
    "etcd_server_has_leader etcd_server_is_leader etcd_server_is_learner " +
    "etcd_server_proposals_committed_total etcd_server_proposals_applied_total " +
    "etcd_server_proposals_pending etcd_server_quota_backend_bytes etcd_server_healthcheck " +
    "etcd_server_snapshot_apply_in_progress_total etcd_server_feature_enabled " +
    "etcd_disk_wal_write_bytes_total etcd_disk_defrag_inflight " +
    "etcd_mvcc_db_total_size_in_bytes etcd_mvcc_db_total_size_in_use_in_bytes " +
    "etcd_mvcc_db_open_read_transactions etcd_debugging_mvcc_current_revision " +
    "etcd_debugging_mvcc_compact_revision etcd_debugging_mvcc_keys_total " +
    "etcd_debugging_mvcc_pending_events_total etcd_debugging_mvcc_slow_watcher_total " +
    "etcd_debugging_mvcc_watch_stream_total etcd_debugging_mvcc_watcher_total " +
    "etcd_grpc_proxy_cache_hits_total etcd_grpc_proxy_cache_misses_total " +
    "etcd_grpc_proxy_cache_keys_total etcd_grpc_proxy_watchers_coalescing_total " +
    "os_fd_used os_fd_limit process_resident_memory_bytes process_virtual_memory_bytes " +
    "process_virtual_memory_max_bytes process_open_fds process_max_fds " +
    "process_start_time_seconds promhttp_metric_handler_requests_in_flight",
  histogram:
    "etcd_disk_wal_fsync_duration_seconds etcd_disk_wal_write_duration_seconds " +
    "etcd_disk_backend_commit_duration_seconds etcd_disk_backend_defrag_duration_seconds " +
    "etcd_disk_backend_snapshot_duration_seconds etcd_mvcc_hash_duration_seconds " +
    "etcd_mvcc_hash_rev_duration_seconds etcd_server_apply_duration_seconds " +
    "etcd_snap_db_fsync_duration_seconds etcd_snap_fsync_duration_seconds " +
    "etcd_snap_db_save_total_duration_seconds",
};

describe("Metrics", () => {
  const sources = makeSources();
  let metrics: Metrics;
  let fresh: Page;
  before(async () => {
    metrics = new Metrics(sources);
    fresh = await scrape(metrics);
  });

  for (const [type, names] of Object.entries(EXPECTED_TYPES)) {
    test(`a fresh page has every ${type} with its type`, () => {
      for (const name of names.split(" ")) assert.equal(fresh.types.get(name), type, name);
    });
  }

  test("every method is there from the start, with all 17 codes", () => {
    const methods = fresh.series("grpc_server_started_total{");
    // 45 of etcd 3.7, RangeStream among them.
    assert.equal(methods.length, 45);
    assert.equal(fresh.series("grpc_server_handled_total{").length, 45 * 17);
    assert.equal(fresh.series("grpc_server_msg_sent_total{").length, 45);
    assert.ok([...methods].every((series) => fresh.value(series) === 0));
    const handled =
      'grpc_server_handled_total{grpc_code="DeadlineExceeded",grpc_method="LeaseKeepAlive",' +
      'grpc_service="etcdserverpb.Lease",grpc_type="bidi_stream"}';
    assert.equal(fresh.value(handled), 0);
    assert.equal(fresh.types.has("grpc_server_handling_seconds"), false);
  });

  test("process numbers are real", () => {
    assert.ok((fresh.value("process_resident_memory_bytes") ?? 0) > 10_000_000);
    assert.ok((fresh.value("process_max_fds") ?? 0) > 10);
    assert.ok((fresh.value("os_fd_used") ?? 0) > 2);
    assert.equal(fresh.value("os_fd_limit"), fresh.value("process_max_fds"));
    assert.ok((fresh.value("process_start_time_seconds") ?? 0) > 1.5e9);
  });

  test("identity is told in labels", () => {
    assert.equal(fresh.value('etcd_server_id{server_id="abc"}'), 1);
    assert.equal(fresh.value('etcd_cluster_version{cluster_version="3.7"}'), 1);
    assert.equal(fresh.value('etcd_server_version{server_version="3.7.1"}'), 1);
    assert.equal(
      fresh.value('etcd_server_feature_enabled{name="LeaseCheckpoint",stage="ALPHA"}'),
      0,
    );
  });

  test("the board, the counters and the histograms are copied at each scrape", async () => {
    const { board, counters, walFsync } = sources;
    board.setId(BoardSlot.leaderId, 0xabcn);
    board.set(BoardSlot.commitIndex, 12);
    board.set(BoardSlot.putsTotal, 7);
    counters.watchers = 3;
    counters.proposalsFailed = 2;
    counters.watchSendFailures = 1;
    walFsync.observe(0.0015);
    walFsync.observe(100);
    const page = await scrape(metrics);
    assert.equal(page.value("etcd_server_has_leader"), 1);
    assert.equal(page.value("etcd_server_is_leader"), 1);
    assert.equal(page.value("etcd_server_proposals_committed_total"), 12);
    assert.equal(page.value("etcd_mvcc_put_total"), 7);
    assert.equal(page.value("etcd_debugging_mvcc_watcher_total"), 3);
    assert.equal(page.value("etcd_debugging_mvcc_keys_total"), 5);
    assert.equal(page.value("etcd_debugging_mvcc_compact_revision"), -1);
    assert.equal(page.value("etcd_server_proposals_failed_total"), 2);
    const failures = 'etcd_network_server_stream_failures_total{API="watch",Type="send"}';
    assert.equal(page.value(failures), 1);
    const fsync = "etcd_disk_wal_fsync_duration_seconds";
    assert.equal(page.value(`${fsync}_bucket{le="0.001"}`), 0);
    assert.equal(page.value(`${fsync}_bucket{le="0.002"}`), 1);
    assert.equal(page.value(`${fsync}_bucket{le="8.192"}`), 1);
    assert.equal(page.value(`${fsync}_bucket{le="+Inf"}`), 2);
    assert.equal(page.value(`${fsync}_count`), 2);
    assert.equal(page.value(`${fsync}_sum`), 100.0015);
  });

  test("calls are counted by method and code, bytes over all methods", async () => {
    const put = metrics.rpc.forMethod({ kind: "unary", path: "/etcdserverpb.KV/Put" });
    put.started();
    put.received(100);
    put.sent(30);
    put.handled(GrpcStatus.OK, 1);
    put.started();
    put.handled(GrpcStatus.UNAVAILABLE, 1);
    const page = await scrape(metrics);
    const labels = 'grpc_method="Put",grpc_service="etcdserverpb.KV",grpc_type="unary"';
    assert.equal(page.value(`grpc_server_started_total{${labels}}`), 2);
    assert.equal(page.value(`grpc_server_handled_total{grpc_code="OK",${labels}}`), 1);
    assert.equal(page.value(`grpc_server_handled_total{grpc_code="Unavailable",${labels}}`), 1);
    assert.equal(page.value("etcd_network_client_grpc_received_bytes_total"), 100);
    assert.equal(page.value("etcd_network_client_grpc_sent_bytes_total"), 30);
  });

  test("a method outside the list appears with its first use", async () => {
    metrics.rpc.forMethod({ kind: "unary", path: "/v3lockpb.Lock/Lock" }).started();
    const page = await scrape(metrics);
    const series =
      'grpc_server_started_total{grpc_method="Lock",grpc_service="v3lockpb.Lock",grpc_type="unary"}';
    assert.equal(page.value(series), 1);
  });

  test("client versions are counted, and invented ones cannot grow the page", async () => {
    metrics.rpc.countClient("unary", "3.7");
    metrics.rpc.countClient("unary", "3.7");
    for (let index = 0; index < 1000; index++) metrics.rpc.countClient("stream", `x${index}`);
    const page = await scrape(metrics);
    const series = 'etcd_server_client_requests_total{client_api_version="3.7",type="unary"}';
    assert.equal(page.value(series), 2);
    const all = page.series("etcd_server_client_requests_total{");
    assert.ok(all.length <= 66, `${all.length} series`);
    const sum = all.reduce((total, key) => total + (page.value(key) ?? 0), 0);
    assert.equal(sum, 1002);
  });

  test("health results feed their families", async () => {
    metrics.health.health(true);
    metrics.health.health(false);
    metrics.health.check("readyz", "non_learner", true);
    metrics.health.check("readyz", "non_learner", false);
    const page = await scrape(metrics);
    assert.equal(page.value("etcd_server_health_success"), 1);
    assert.equal(page.value("etcd_server_health_failures"), 1);
    const labels = 'name="non_learner"';
    assert.equal(page.value(`etcd_server_healthcheck{${labels},type="readyz"}`), 0);
    const total = "etcd_server_healthchecks_total";
    assert.equal(page.value(`${total}{${labels},status="success",type="readyz"}`), 1);
    assert.equal(page.value(`${total}{${labels},status="error",type="readyz"}`), 1);
  });

  test("scrapes count themselves", async () => {
    const page = await scrape(metrics);
    assert.equal(page.value("promhttp_metric_handler_requests_in_flight"), 1);
    assert.ok((page.value('promhttp_metric_handler_requests_total{code="200"}') ?? 0) >= 6);
  });

  test("--metrics=extensive times every method from the start", async () => {
    const extensive = new Metrics(makeSources({ extensive: true }));
    const range = extensive.rpc.forMethod({ kind: "unary", path: "/etcdserverpb.KV/Range" });
    range.handled(GrpcStatus.OK, 7);
    const page = await scrape(extensive);
    assert.equal(page.series("grpc_server_handling_seconds_count{").length, 45);
    const labels = 'grpc_method="Range",grpc_service="etcdserverpb.KV",grpc_type="unary"';
    assert.equal(page.value(`grpc_server_handling_seconds_count{${labels}}`), 1);
    const bucket = "grpc_server_handling_seconds_bucket";
    assert.equal(page.value(`${bucket}{${labels},le="0.005"}`), 0);
    assert.equal(page.value(`${bucket}{${labels},le="0.01"}`), 1);
  });

  test("apply times appear by operation with their first use", async () => {
    const used = new SharedHistogram(A20_SECONDS);
    used.observe(0.001);
    const applyDurations = [
      { op: "Put", success: true, histogram: used },
      { op: "Txn", success: true, histogram: new SharedHistogram(A20_SECONDS) },
    ];
    const page = await scrape(new Metrics(makeSources({ applyDurations })));
    const counts = page.series("etcd_server_apply_duration_seconds_count{");
    assert.deepEqual(counts, [
      'etcd_server_apply_duration_seconds_count{op="Put",success="true",version="v3"}',
    ]);
  });
});
