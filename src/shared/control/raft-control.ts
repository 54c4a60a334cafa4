import type { MessagePort } from "node:worker_threads";
import type { LogLevel } from "../logger.js";

/** What a Raft worker is made with. Plain data and shared memory: it is structured-cloned once. */
export interface RaftWorkerData {
  /** Of the WAL. Made when it is not there. */
  readonly directory: string;
  readonly clusterId: bigint;
  readonly memberId: bigint;
  /** Drawn when the process started: refusals of another origin reach nobody here. */
  readonly origin: bigint;
  /** Of the LMDB store, which is read to bring other members up to date. */
  readonly storeDirectory: string;
  /** Where stores come in that other members send. Made when it is not there. */
  readonly snapshotDirectory: string;
  /** First entries of a cluster's log, for a member of a new one; none for a member that joins. */
  readonly bootstrap: readonly Uint8Array[];
  /** Membership that is not in the store yet: whom a joining member may expect (membership.ts). */
  readonly seeds: Uint8Array;
  /** Drop all other members and go on alone. */
  readonly forceNewCluster: boolean;
  /** Where other members reach this one, and how. */
  readonly peers: PeerListenOptions;
  readonly preVote: boolean;
  /** Most applied entries kept for members that lag; undefined: as many as the bounds in limits.ts allow. */
  readonly catchUpEntriesMax: number | undefined;
  /** A new member's first election timeout is short. */
  readonly advanceFirstElection: boolean;
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

/** The member-to-member port. */
export interface PeerListenOptions {
  /** host:port each. */
  readonly listen: readonly string[];
  /** Peer URLs as others are told them. */
  readonly advertise: readonly string[];
  /** Undefined: plain text. */
  readonly tls: PeerTlsOptions | undefined;
}

/** PEM texts for mutual TLS between members. */
export interface PeerTlsOptions {
  readonly cert: string;
  readonly key: string;
  readonly ca: string | undefined;
  /** Other members must show a certificate that `ca` signed. */
  readonly clientCertAuth: boolean;
}

/** Where the store stands, as the apply worker found it on disk. */
export interface RaftStartOptions {
  readonly appliedIndex: number;
  /** Term of the entry there; 0 for a store that has applied nothing. */
  readonly appliedTerm: number;
  /** The members that the store holds (membership.ts). */
  readonly membership: Uint8Array;
  /** A snapshot that was received, and is in the store, but perhaps not in the log yet. */
  readonly installedSnapshot: InstalledSnapshot | undefined;
}

/** A snapshot file and the place in the log that it stands for. */
export interface InstalledSnapshot {
  readonly path: string;
  readonly index: number;
  readonly term: number;
}

/** What is known of another member. */
export interface PeerStatus {
  readonly id: bigint;
  /** Connected without a break since this time of `performance.timeOrigin + now()`; undefined: not connected. */
  readonly activeSinceMs: number | undefined;
  /** How far its log is known to reach; known on the leader only. */
  readonly matchIndex: number | undefined;
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
  /** Resolves when this member was removed from the cluster: it must end. */
  removed(): Promise<void>;
  /** The other members, as far as this one knows them. */
  peers(): readonly PeerStatus[];
  /** Begins to hand leadership over, if this member leads; the roles tell how it ended. To 0: to the best one. */
  transferLeader(to: bigint): void;
}
