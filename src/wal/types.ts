/** A place in the Raft log. Index 0 with term 0 is the place before the first entry. */
export interface LogPosition {
  readonly index: number;
  readonly term: number;
}

/** One entry of the Raft log. `payload` is opaque here (messages/entry.ts says what it holds). */
export interface LogEntry extends LogPosition {
  readonly payload: Uint8Array;
}

/** Consecutive entries of one term: the first one's place, and how many. */
export interface EntryRun extends LogPosition {
  readonly count: number;
}

/** What Raft must not forget besides its entries. `vote` is a member id, 0n for nobody. */
export interface HardState {
  readonly term: number;
  readonly vote: bigint;
  readonly commit: number;
}

/** Whose log this is: in every segment's header, equal in all segments of a directory. */
export interface WalMetadata {
  readonly clusterId: bigint;
  readonly memberId: bigint;
}

/** What one append makes durable, in one write. */
export interface WalBatch {
  /**
   * Consecutive by index. The first may be at or below the log's last index: then it and all that
   * follow replace what was there, as when a follower's log is corrected. The payloads must not
   * change until the append resolves.
   */
  readonly entries: readonly LogEntry[];
  /** The new hard state, when it changed. */
  readonly hardState?: HardState;
  /**
   * A snapshot that was installed: everything up to this place is held elsewhere. When the log does
   * not hold that very entry, the whole log is replaced by this place.
   */
  readonly snapshot?: LogPosition;
  /** False for what may be lost with the machine (a commit index alone). Never for votes or entries. */
  readonly sync: boolean;
}
