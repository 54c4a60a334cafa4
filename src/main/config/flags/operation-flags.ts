import { accepted, flagGroup, refused } from "../flag-spec.js";

const NO_TRACING = accepted("distributed tracing is not supported yet by this version");
const NO_CHECKS = accepted("members compare their stores all the time");

/** Flags of metrics and profiling. docs/facts/flags.md section 2. */
export const MONITORING_FLAGS = flagGroup("Profiling and Monitoring", [
  ["listen-metrics-urls", "urls", "", "More URLs to listen on, for metrics and health alone."],
  ["metrics", "text", "basic", "'extensive' adds histograms of each method."],
  [
    "enable-pprof",
    "boolean",
    "false",
    "Serve profiles under /debug/pprof/.",
    accepted("profiles are not served by this version"),
  ],
]);

/** Flags of the log. docs/facts/flags.md section 2. */
export const LOGGING_FLAGS = flagGroup("Logging", [
  ["logger", "text", "zap", "Kept for compatibility; only 'zap'."],
  ["log-level", "text", "info", "Least severe lines: debug, info, warn, error, panic or fatal."],
  ["log-format", "text", "json", "'json' or 'console'."],
  [
    "log-outputs",
    "list",
    "default",
    "'default' (stderr), 'stderr', 'stdout' or paths of files, comma-separated.",
  ],
  [
    "enable-log-rotation",
    "boolean",
    "false",
    "Rotate the log file.",
    refused("log rotation is not supported yet by this version"),
  ],
  [
    "log-rotation-config-json",
    "text",
    '{"maxsize": 100, "maxage": 0, "maxbackups": 0, "localtime": false, "compress": false}',
    "When and how to rotate.",
    refused("log rotation is not supported yet by this version"),
  ],
  ["warning-apply-duration", "duration", "100ms", "Log entries that take longer to apply."],
  ["warning-unary-request-duration", "duration", "300ms", "Log requests that take longer."],
]);

/** Flags of compaction, checks and watches. docs/facts/flags.md section 2. */
export const STORE_FLAGS = flagGroup("Compaction, checks and watches", [
  ["auto-compaction-mode", "text", "periodic", "'periodic' by time, 'revision' by count."],
  [
    "auto-compaction-retention",
    "text",
    "0",
    "What auto compaction keeps: hours or a duration, or a number of revisions. 0 is off.",
  ],
  [
    "compaction-batch-limit",
    "int",
    "1000",
    "Most revisions deleted in one batch.",
    accepted("compaction works in slices of time"),
  ],
  [
    "compaction-sleep-interval",
    "duration",
    "10ms",
    "Pause between two batches.",
    accepted("compaction works in slices of time"),
  ],
  ["corrupt-check-time", "duration", "0s", "Period of the comparison of members.", NO_CHECKS],
  ["compact-hash-check-time", "duration", "1m", "Period of the comparison of hashes.", NO_CHECKS],
  ["watch-progress-notify-interval", "duration", "10m", "Period of idle watches' progress notes."],
  [
    "bootstrap-defrag-threshold-megabytes",
    "uint",
    "0",
    "Defragment at start if it frees so much.",
    accepted("the store reuses its pages while it runs"),
  ],
  [
    "downgrade-check-time",
    "duration",
    "5s",
    "Period of the check whether a downgrade is complete.",
    accepted("downgrades are not supported yet by this version"),
  ],
]);

/** Flags of distributed tracing. docs/facts/flags.md section 2. */
export const TRACING_FLAGS = flagGroup("Distributed tracing", [
  ["enable-distributed-tracing", "boolean", "false", "Export spans of requests.", NO_TRACING],
  ["distributed-tracing-address", "text", "localhost:4317", "Collector.", NO_TRACING],
  ["distributed-tracing-service-name", "text", "etcd", "Name of the service.", NO_TRACING],
  ["distributed-tracing-instance-id", "text", "", "Id of this instance.", NO_TRACING],
  ["distributed-tracing-sampling-rate", "int", "0", "Samples per million.", NO_TRACING],
]);

/** Gates, the configuration file, and flags that trade safety. docs/facts/flags.md section 2. */
export const GENERAL_FLAGS = flagGroup("General", [
  ["feature-gates", "gates", "", "Switches of features: Name=true,Name=false."],
  [
    "config-file",
    "text",
    "",
    "YAML or JSON file of all settings. Other flags and variables are then ignored.",
    { fileKey: null },
  ],
  [
    "force-new-cluster",
    "boolean",
    "false",
    "Unsafe: forget all other members and keep the data. Use it once, then start without it.",
  ],
  [
    "unsafe-no-fsync",
    "boolean",
    "false",
    "Unsafe: never wait for the disk.",
    accepted("this server always waits for the disk"),
  ],
  ["version", "boolean", "false", "Print the versions and exit.", { fileKey: null }],
]);
