import type { LogLevel } from "../../shared/logger.js";

/** An address of a listener or a member, checked. docs/facts/flags.md section 1, "Syntax". */
export interface ServerUrl {
  readonly scheme: "http" | "https" | "unix" | "unixs";
  /** Host without brackets; empty for unix sockets. */
  readonly host: string;
  /** 0 lets the system choose; 0 for unix sockets. */
  readonly port: number;
  /** File of a unix socket, empty otherwise. */
  readonly socketPath: string;
  /** As written, lower-case scheme: what the member list and the ids use. */
  readonly text: string;
}

/** Where log lines go and how they look. */
export interface LogConfig {
  readonly level: LogLevel;
  readonly format: "json" | "console";
  /** "stderr", "stdout" or file paths; never empty. */
  readonly outputs: readonly string[];
}

/** What auto compaction keeps. docs/facts/operations.md section 8. */
export type AutoCompaction =
  | { readonly kind: "off" }
  | { readonly kind: "periodic"; readonly retentionMs: number }
  | { readonly kind: "revision"; readonly retentionRevisions: number };

/** TLS of a port, as named by the operator: files are read when the port is opened. */
export interface TlsFiles {
  /** Empty for none, here and below. */
  readonly certFile: string;
  readonly keyFile: string;
  readonly trustedCaFile: string;
  readonly clientCertAuth: boolean;
}

/** Everything the operator can set and this version obeys: checked, defaults filled in, plain data. */
export interface ServerConfig {
  readonly name: string;
  /** As given: relative to the working directory if not absolute. */
  readonly dataDir: string;
  /** Own place of the log, or undefined for the one inside the data directory. */
  readonly walDir: string | undefined;

  /** URL lists are sorted by text and hold no duplicates. */
  readonly listenClientUrls: readonly ServerUrl[];
  readonly advertiseClientUrls: readonly ServerUrl[];
  readonly listenPeerUrls: readonly ServerUrl[];
  readonly initialAdvertisePeerUrls: readonly ServerUrl[];
  readonly listenMetricsUrls: readonly ServerUrl[];

  /** As given: only looked at while the data directory is empty (see src/main/bootstrap). */
  readonly initialCluster: string;
  readonly initialClusterState: "new" | "existing";
  readonly initialClusterToken: string;
  /** Drop all other members and go on alone. */
  readonly forceNewCluster: boolean;

  readonly peerTls: TlsFiles;
  readonly clientTls: TlsFiles;

  readonly heartbeatIntervalMs: number;
  readonly electionTimeoutMs: number;
  readonly initialElectionTickAdvance: boolean;
  readonly preVote: boolean;
  /** Most applied entries kept for members that lag; undefined when the operator has no wish. */
  readonly catchUpEntriesMax: number | undefined;
  readonly strictReconfigCheck: boolean;
  /** Most learners at one time. */
  readonly maxLearners: number;

  /** Store size limit; 0 when the operator switched the quota off. */
  readonly quotaBackendBytes: number;
  readonly autoCompaction: AutoCompaction;
  readonly maxRequestBytes: number;
  readonly maxTxnOps: number;
  readonly maxConcurrentStreams: number;
  /** What serves gRPC to clients. */
  readonly clientTransport: "http2" | "grpc-js";
  /** Client pings closer together than this are answered with GOAWAY too_many_pings. */
  readonly grpcKeepaliveMinTimeMs: number;
  /** Server ping period on idle connections; 0 is off. */
  readonly grpcKeepaliveIntervalMs: number;
  /** Wait for the ping's answer; 0 is off. */
  readonly grpcKeepaliveTimeoutMs: number;
  readonly watchProgressNotifyIntervalMs: number;
  readonly warningApplyDurationMs: number;
  readonly warningUnaryRequestDurationMs: number;

  readonly metrics: "basic" | "extensive";
  readonly log: LogConfig;
  /** Every known gate by name, with its state. docs/facts/flags.md section 3. */
  readonly featureGates: Readonly<Record<string, boolean>>;
}
