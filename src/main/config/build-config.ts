import { MIB, QUOTA_BYTES_DEFAULT } from "../../shared/limits.js";
import { type LogNote, note } from "./log-note.js";
import type { AutoCompaction, LogConfig, ServerConfig, ServerUrl } from "./server-config.js";
import { isWildcard, withHost } from "./server-url.js";
import type { Settings } from "./settings.js";

/** Quota above which the store is known to become slow. docs/facts/flags.md section 1. */
const QUOTA_BYTES_ADVISED = 8 * 1024 * MIB;
/** Request size above which a warning is due. docs/facts/flags.md section 1. */
const REQUEST_BYTES_ADVISED = 10 * MIB;
/** Shortest period of watches' progress notes. docs/facts/flags.md section 2. */
const WATCH_PROGRESS_MS_MIN = 100;
const DEFAULT_PEER_URL = "http://localhost:2380";
const DEFAULT_CLIENT_URL = "http://localhost:2379";

/** What was worked out before, and the one fact about the machine that a default may need. */
export interface ConfigParts {
  readonly log: LogConfig;
  readonly autoCompaction: AutoCompaction;
  readonly featureGates: Readonly<Record<string, boolean>>;
  readonly defaultHost: () => string | undefined;
}

/** Fills in the derived defaults of checked settings, with the lines they draw. flags.md section 1. */
export function buildConfig(
  settings: Settings,
  parts: ConfigParts,
): { readonly config: ServerConfig; readonly notes: readonly LogNote[] } {
  const name = settings.text("name");
  const dataDir = settings.text("data-dir") || `${name}.etcd`;
  const walDir = settings.text("wal-dir");
  const quota = quotaBytes(settings);
  const advertised = advertisedUrls(settings, parts.defaultHost);
  const initialCluster =
    settings.text("initial-cluster") ||
    advertised.peerUrls.map((url) => `${name}=${url.text}`).join(",");
  const config: ServerConfig = {
    name,
    dataDir,
    walDir: walDir === "" ? undefined : walDir,
    listenClientUrls: settings.urls("listen-client-urls"),
    advertiseClientUrls: advertised.clientUrls,
    listenPeerUrls: settings.urls("listen-peer-urls"),
    initialAdvertisePeerUrls: advertised.peerUrls,
    listenMetricsUrls: settings.urls("listen-metrics-urls"),
    initialCluster,
    initialClusterState: settings.text("initial-cluster-state") === "existing" ? "existing" : "new",
    initialClusterToken: settings.text("initial-cluster-token"),
    forceNewCluster: settings.boolean("force-new-cluster"),
    peerTls: {
      certFile: settings.text("peer-cert-file"),
      keyFile: settings.text("peer-key-file"),
      trustedCaFile: settings.text("peer-trusted-ca-file"),
      clientCertAuth: settings.boolean("peer-client-cert-auth"),
    },
    clientTls: {
      certFile: settings.text("cert-file"),
      keyFile: settings.text("key-file"),
      trustedCaFile: settings.text("trusted-ca-file"),
      clientCertAuth: settings.boolean("client-cert-auth"),
    },
    heartbeatIntervalMs: settings.integer("heartbeat-interval"),
    electionTimeoutMs: settings.integer("election-timeout"),
    initialElectionTickAdvance: settings.boolean("initial-election-tick-advance"),
    preVote: settings.boolean("pre-vote"),
    catchUpEntriesMax: settings.isSet("snapshot-catchup-entries")
      ? settings.integer("snapshot-catchup-entries")
      : undefined,
    strictReconfigCheck: settings.boolean("strict-reconfig-check"),
    maxLearners: Math.max(0, settings.integer("max-learners")),
    quotaBackendBytes: quota.bytes,
    autoCompaction: parts.autoCompaction,
    maxRequestBytes: settings.integer("max-request-bytes"),
    maxTxnOps: settings.integer("max-txn-ops"),
    maxConcurrentStreams: settings.integer("max-concurrent-streams"),
    clientTransport:
      settings.text("experimental-client-transport") === "grpc-js" ? "grpc-js" : "http2",
    grpcKeepaliveMinTimeMs: settings.durationMs("grpc-keepalive-min-time"),
    grpcKeepaliveIntervalMs: settings.durationMs("grpc-keepalive-interval"),
    grpcKeepaliveTimeoutMs: settings.durationMs("grpc-keepalive-timeout"),
    watchProgressNotifyIntervalMs: Math.max(
      settings.durationMs("watch-progress-notify-interval"),
      WATCH_PROGRESS_MS_MIN,
    ),
    warningApplyDurationMs: settings.durationMs("warning-apply-duration"),
    warningUnaryRequestDurationMs: settings.durationMs("warning-unary-request-duration"),
    metrics: settings.text("metrics") === "extensive" ? "extensive" : "basic",
    log: parts.log,
    featureGates: parts.featureGates,
  };
  const notes = [
    ...pathNotes(settings, dataDir),
    ...quota.notes,
    ...requestSizeNotes(settings),
    ...advertised.notes,
  ];
  return { config, notes };
}

interface AdvertisedUrls {
  readonly peerUrls: readonly ServerUrl[];
  readonly clientUrls: readonly ServerUrl[];
  readonly notes: readonly LogNote[];
}

/**
 * The advertised URLs. A server that listens everywhere while it advertises localhost would be of use
 * to nobody else: the host becomes that of the default route.
 */
function advertisedUrls(settings: Settings, defaultHost: () => string | undefined): AdvertisedUrls {
  const derive = (listenFlag: string, advertiseFlag: string, initial: string) => {
    const urls = settings.urls(advertiseFlag);
    const listen = settings.urls(listenFlag)[0];
    const only = urls.length === 1 ? urls[0] : undefined;
    if (only?.text !== initial || listen === undefined || !isWildcard(listen)) return { urls };
    const host = defaultHost();
    return host === undefined ? { urls } : { urls: [withHost(only, host, listen.port)], host };
  };
  const peer = derive("listen-peer-urls", "initial-advertise-peer-urls", DEFAULT_PEER_URL);
  const client = derive("listen-client-urls", "advertise-client-urls", DEFAULT_CLIENT_URL);
  const host = peer.host ?? client.host;
  const notes =
    host === undefined ? [] : [note("info", "detected default host for advertise", { host })];
  return { peerUrls: peer.urls, clientUrls: client.urls, notes };
}

function pathNotes(settings: Settings, dataDir: string): readonly LogNote[] {
  const notes: LogNote[] = [];
  if (settings.text("data-dir") === "") {
    notes.push(note("warn", "'data-dir' was empty; using default", { "data-dir": dataDir }));
  }
  if (settings.list("log-outputs").includes("systemd/journal")) {
    notes.push(note("warn", "failed to find systemd journal; writing to stderr instead"));
  }
  return notes;
}

/** The store's limit in bytes, 0 for none, with a warning when it is unwise. */
function quotaBytes(settings: Settings): { bytes: number; notes: readonly LogNote[] } {
  const set = settings.integer("quota-backend-bytes");
  if (set < 0) {
    return {
      bytes: 0,
      notes: [note("info", "disabled backend quota", { "quota-size-bytes": set })],
    };
  }
  if (set <= QUOTA_BYTES_ADVISED) return { bytes: set || QUOTA_BYTES_DEFAULT, notes: [] };
  const fields = {
    "quota-size-bytes": set,
    "quota-size": humanBytes(set),
    "quota-maximum-size-bytes": QUOTA_BYTES_ADVISED,
    "quota-maximum-size": humanBytes(QUOTA_BYTES_ADVISED),
  };
  return { bytes: set, notes: [note("warn", "quota exceeds the maximum value", fields)] };
}

/** A warning when requests may become so large that one delays all others. */
function requestSizeNotes(settings: Settings): readonly LogNote[] {
  const bytes = settings.integer("max-request-bytes");
  if (bytes <= REQUEST_BYTES_ADVISED) return [];
  const fields = {
    "max-request-bytes": bytes,
    "max-request-size": humanBytes(bytes),
    "recommended-request-bytes": REQUEST_BYTES_ADVISED,
    "recommended-request-size": humanBytes(REQUEST_BYTES_ADVISED),
  };
  return [note("warn", "exceeded recommended request limit", fields)];
}

/** Powers of 1000, one decimal below ten: "8.6 GB", "20 MB". */
function humanBytes(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB", "PB", "EB"];
  let size = bytes;
  let unit = 0;
  while (size >= 1000 && unit < units.length - 1) {
    size /= 1000;
    unit += 1;
  }
  return `${size < 10 && unit > 0 ? size.toFixed(1) : Math.round(size)} ${units[unit] ?? ""}`;
}
