import type { MessagePort } from "node:worker_threads";
import type { LogLevel } from "../logger.js";

/** What a Raft worker is made with. Plain data and shared memory: it is structured-cloned once. */
export interface RaftWorkerData {
  /** Of the WAL. Made when it is not there. */
  readonly directory: string;
  readonly clusterId: bigint;
  readonly memberId: bigint;
  /** The voters of the group, this member among them. */
  readonly voters: readonly bigint[];
  readonly heartbeatMs: number;
  /** At least five heartbeats. limits.md section 5. */
  readonly electionMs: number;
  /** A StatusBoard. */
  readonly board: SharedArrayBuffer;
  /** A SharedHistogram with D14_SECONDS buckets: how long appends to the WAL took. */
  readonly walSyncSeconds: SharedArrayBuffer;
  /** This worker's bell, the apply worker's, and one per frontend. */
  readonly bells: {
    readonly raft: SharedArrayBuffer;
    readonly apply: SharedArrayBuffer;
    readonly frontends: readonly SharedArrayBuffer[];
  };
  /** Rings; those to and from frontends by frontend id. */
  readonly rings: {
    readonly fromFrontends: readonly SharedArrayBuffer[];
    readonly toFrontends: readonly SharedArrayBuffer[];
    readonly fromApply: SharedArrayBuffer;
    readonly toApply: SharedArrayBuffer;
  };
  /** Takes LogRecords; must be in the worker's transfer list. */
  readonly logPort: MessagePort;
  readonly logLevel: LogLevel;
}

/** Where the store stands, as the apply worker found it on disk. */
export interface RaftStartOptions {
  readonly appliedIndex: number;
  /** Term of the entry there; 0 for a store that has applied nothing. */
  readonly appliedTerm: number;
}

/** What a Raft worker says of itself. */
export interface RaftWorkerStatus {
  readonly role: "follower" | "preCandidate" | "candidate" | "leader";
  readonly term: number;
  /** 0 when there is none. */
  readonly leaderId: bigint;
  readonly commitIndex: number;
  readonly lastIndex: number;
  /** Everything up to here was handed to the apply worker. */
  readonly handedOverIndex: number;
}

/** The control plane of the Raft worker. */
export interface RaftControl {
  /**
   * Opens or makes the log and joins the group. Once only. Rejects, and loses nothing on disk, when
   * the log is damaged, too new, another member's, or does not fit the store.
   */
  start(options: RaftStartOptions): Promise<void>;
  /** Takes no more proposals, finishes the writes under way and closes the log. */
  stop(): Promise<void>;
  /** A summary; only after start. */
  status(): RaftWorkerStatus;
}
