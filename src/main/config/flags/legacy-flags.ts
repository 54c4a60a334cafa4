import { alias, type FlagKind, type FlagSpec } from "../flag-spec.js";

const RENAMED: readonly (readonly [name: string, kind: FlagKind])[] = [
  ["compact-hash-check-time", "duration"],
  ["corrupt-check-time", "duration"],
  ["compaction-batch-limit", "int"],
  ["compaction-sleep-interval", "duration"],
  ["watch-progress-notify-interval", "duration"],
  ["warning-apply-duration", "duration"],
  ["warning-unary-request-duration", "duration"],
  ["bootstrap-defrag-threshold-megabytes", "uint"],
  ["memory-mlock", "boolean"],
  ["snapshot-catchup-entries", "uint"],
  ["downgrade-check-time", "duration"],
  ["peer-skip-client-san-verification", "boolean"],
  ["enable-distributed-tracing", "boolean"],
  ["distributed-tracing-address", "text"],
  ["distributed-tracing-service-name", "text"],
  ["distributed-tracing-instance-id", "text"],
  ["distributed-tracing-sampling-rate", "int"],
];

/** The file spells this one with one dash more than the flag. */
const CATCH_UP_FILE_KEY = "experimental-snapshot-catch-up-entries";

const GATED: readonly (readonly [name: string, gate: string])[] = [
  ["initial-corrupt-check", "InitialCorruptCheck"],
  ["compact-hash-check-enabled", "CompactHashCheck"],
  ["stop-grpc-service-on-defrag", "StopGRPCServiceOnDefrag"],
  ["txn-mode-write-with-shared-buffer", "TxnModeWriteWithSharedBuffer"],
  ["enable-lease-checkpoint", "LeaseCheckpoint"],
  ["enable-lease-checkpoint-persist", "LeaseCheckpointPersist"],
];

const IGNORED: readonly string[] = [
  "peer-heartbeat-interval",
  "peer-election-timeout",
  "cluster-active-size",
  "cluster-remove-delay",
  "cluster-sync-interval",
  "config",
  "force",
  "max-result-buffer",
  "max-retry-attempts",
  "retry-interval",
  "snapshot",
  "v",
  "vv",
  "test.coverprofile",
  "test.outputdir",
];

/**
 * Names that deployments written for etcd 3.5 use: 3.7 knows them no more, this server takes them as
 * what they became. docs/facts/flags.md section 4.
 */
export const ALIAS_FLAGS: readonly FlagSpec[] = [
  ...RENAMED.map(([name, kind]) => ({
    ...alias(`experimental-${name}`, kind, { flag: name }),
    fileKey: [name === "snapshot-catchup-entries" ? CATCH_UP_FILE_KEY : `experimental-${name}`],
  })),
  ...GATED.map(([name, gate]) => alias(`experimental-${name}`, "boolean", { gate })),
];

/** Leftovers of etcd 0.4: accepted, no effect. docs/facts/flags.md section 5. */
export const IGNORED_FLAGS: readonly FlagSpec[] = IGNORED.map((name) => ({
  name,
  kind: "ignored",
  initial: "",
  help: "",
  support: { kind: "accepted", reason: "the flag is no longer supported" },
  fileKey: undefined,
  choices: [],
  replacedBy: undefined,
}));
