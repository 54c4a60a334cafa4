import type { SharedHistogram } from "../../shared/histogram.js";
import type { StatusBoard } from "../../shared/status-board.js";

/** What a frontend counts in plain fields and the metrics read: whoever serves a thing adds to its field. */
export class FrontendCounters {
  /** Own proposals that wait for their result. */
  proposalsPending = 0;
  /** Own proposals that failed: no leader, timeout. */
  proposalsFailed = 0;
  /** Linearizable reads that had to ask again, and that failed. */
  slowReadIndexes = 0;
  readIndexesFailed = 0;
  /** Serializable and linearizable ranges answered by this frontend. */
  ranges = 0;
  /** Open watch streams, watchers, watchers that lag behind, and events that wait to be sent. */
  watchStreams = 0;
  watchers = 0;
  slowWatchers = 0;
  pendingEvents = 0;
  /** Events sent to watchers. */
  eventsSent = 0;
  /** Streams that broke while sending or receiving. */
  watchSendFailures = 0;
  watchReceiveFailures = 0;
  keepAliveSendFailures = 0;
  keepAliveReceiveFailures = 0;
}

/** One labelled duration histogram of the apply worker. */
export interface ApplyDuration {
  /** `Put`, `Txn`, `DeleteRange`, `Compaction`, `LeaseGrant`, … */
  readonly op: string;
  readonly success: boolean;
  readonly histogram: SharedHistogram;
}

/** Everything that the metrics are read from; functions are called at each scrape. */
export interface MetricsSources {
  readonly board: StatusBoard;
  readonly counters: FrontendCounters;
  readonly memberId: bigint;
  /** API version of this server, and of the cluster once it is decided. */
  readonly serverVersion: string;
  readonly clusterVersion: () => string | undefined;
  readonly isLearner: () => boolean;
  /** Quota in force, in bytes. */
  readonly quotaBytes: number;
  /** Keys that exist now. */
  readonly keyCount: () => number;
  /** LMDB read transactions that are open now. */
  readonly openReadTransactions: () => number;
  /** Feature gates: name, stage (`ALPHA`, `BETA`, ``) and whether it is on. */
  readonly features: readonly {
    readonly name: string;
    readonly stage: string;
    readonly enabled: boolean;
  }[];
  /** Log fsync and write times, and the times of the store's transactions; bucket set D14. */
  readonly walFsync: SharedHistogram;
  readonly walWrite: SharedHistogram;
  readonly backendCommit: SharedHistogram;
  /** Bucket set A20. */
  readonly applyDurations: readonly ApplyDuration[];
  /** --metrics=extensive. */
  readonly extensive: boolean;
}
