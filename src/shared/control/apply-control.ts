import type { MessagePort } from "node:worker_threads";
import type { LogLevel } from "../logger.js";

/** What an apply worker is made with. Plain data and shared memory: it is structured-cloned once. */
export interface ApplyWorkerData {
  /** Of the LMDB store. Made when it is not there. */
  readonly directory: string;
  readonly clusterId: bigint;
  readonly memberId: bigint;
  /** Whether the member has a log: a store that holds something must not be without. */
  readonly hasLog: boolean;
  /** Drawn when the process started: tells its entries from replayed ones. */
  readonly origin: bigint;
  readonly heartbeatMs: number;
  readonly electionMs: number;
  /** Space quota; 0 for none. */
  readonly quotaBytes: number;
  /** A StatusBoard. */
  readonly board: SharedArrayBuffer;
  /** A SharedHistogram with D14_SECONDS buckets: how long commits of the store took. */
  readonly commitSeconds: SharedArrayBuffer;
  /** The Raft worker's bell, this worker's, and one per frontend. */
  readonly bells: {
    readonly raft: SharedArrayBuffer;
    readonly apply: SharedArrayBuffer;
    readonly frontends: readonly SharedArrayBuffer[];
  };
  /** Rings; those to and from frontends by frontend id. */
  readonly rings: {
    readonly fromRaft: SharedArrayBuffer;
    readonly toRaft: SharedArrayBuffer;
    readonly fromFrontends: readonly SharedArrayBuffer[];
    readonly toFrontends: readonly SharedArrayBuffer[];
  };
  /**
   * Where new delta segments go, `DeltaSegmentMessage` each, one port per frontend; must be in the worker's
   * transfer list.
   */
  readonly segmentPorts: readonly MessagePort[];
  /** Takes LogRecords; must be in the worker's transfer list. */
  readonly logPort: MessagePort;
  readonly logLevel: LogLevel;
}

/** A new delta segment, posted before anything in it is published. */
export interface DeltaSegmentMessage {
  readonly segment: number;
  readonly buffer: SharedArrayBuffer;
}

/** Where the store stood when it was opened. */
export interface ApplyOpened {
  readonly appliedIndex: number;
  /** 0 for a store that has applied nothing. */
  readonly appliedTerm: number;
  readonly revision: number;
  /** -1 before the first compaction (M-10). */
  readonly compactRevision: number;
  /** MemberListResponse without its header field. Later changes come as `ApplyToMain.members`. */
  readonly members: Uint8Array;
  /** Ids that were members once and must not be again. */
  readonly removed: readonly bigint[];
}

/** What an apply worker says of itself. */
export interface ApplyWorkerStatus {
  readonly appliedIndex: number;
  /** On disk. */
  readonly flushedIndex: number;
  readonly revision: number;
  readonly leases: number;
  readonly isPrimaryLessor: boolean;
}

/** The control plane of the apply worker. */
export interface ApplyControl {
  /**
   * Opens or makes the store. Once only; frontends open their own readers after it. Rejects when the store
   * is damaged, too new or another member's; nothing is changed on disk then. A complete snapshot that was
   * received before the process ended takes the store's place first, if it is the newer one.
   */
  open(options?: { readonly snapshotFile?: string }): Promise<ApplyOpened>;
  /** Begins to take turns: after `open`, and before the Raft worker hands entries over. */
  start(): Promise<void>;
  /**
   * Puts what is left of every lease through the log, for an orderly stop: while the Raft worker still
   * runs. Waits for it a second at most; without it leases only live longer.
   */
  recordLeases(): Promise<void>;
  /** Brings everything applied to disk and closes the store. Readers of other threads must have closed. */
  stop(): Promise<void>;
  /** A summary; only after start. */
  status(): ApplyWorkerStatus;
}
