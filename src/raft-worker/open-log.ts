import { assert } from "../shared/assert.js";
import { createWal, hasWal, openWal, type WalOptions } from "../wal/open-wal.js";
import type { RecoveredLog } from "../wal/recovery.js";
import type { WalMetadata } from "../wal/types.js";
import type { Wal } from "../wal/wal.js";
import type { LogPosition } from "./core/entry.js";
import type { LogContents } from "./core/log.js";
import { beginLog, forceNewCluster, restartAfter, type StoredLog } from "./log-surgery.js";

/** The log and the store do not belong together, or one of them lost something. */
export class LogMismatchError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "LogMismatchError";
  }
}

/** How a member comes to its log, besides reading it. */
export interface LogStart {
  /** Payloads of the first entries of a new cluster's log; none for a member that joins one. */
  readonly bootstrap: readonly Uint8Array[];
  /** Go on without the other members (`--force-new-cluster`). */
  readonly forceNewCluster: boolean;
  /** A snapshot that is in the store: a crash may have come before the log was restarted after it. */
  readonly installedSnapshot: LogPosition | undefined;
}

/** A log that is ready to be written, and what the core starts from. */
export interface OpenedLog extends StoredLog {
  readonly wal: Wal;
  /** Bytes of an unfinished write that were cut off; 0 for a clean end. */
  readonly tornBytes: number;
  /** The log was restarted behind a snapshot that the store already had. */
  readonly isRestarted: boolean;
  /** Entries not known to be committed that `forceNewCluster` commits; undefined without it. */
  readonly adoptedEntries: number | undefined;
}

/**
 * Opens a member's log, or makes it when the member is new. `applied` is where its store stands.
 * Throws what `openWal` throws, and LogMismatchError when log and store do not fit together; nothing
 * is changed on disk then.
 */
export async function openLog(
  options: WalOptions,
  metadata: WalMetadata,
  applied: LogPosition,
  start: LogStart,
): Promise<OpenedLog> {
  if (!(await hasWal(options.disk, options.directory))) {
    return createLog(options, metadata, applied, start);
  }
  let isBehind = false;
  const accept = (recovered: RecoveredLog): void => {
    checkIdentity(options.directory, metadata, recovered.metadata);
    isBehind = isBehindSnapshot(start.installedSnapshot, applied, recovered);
    if (!isBehind) checkStore(options.directory, applied, recovered);
  };
  const { wal, recovered } = await openWal({ ...options, accept });
  let stored = isBehind
    ? await restartAfter(wal, recovered.hardState, applied)
    : await begunLog(wal, recovered, applied, start);
  const lastIndex = lastIndexOf(stored.log);
  let adoptedEntries: number | undefined;
  if (start.forceNewCluster && lastIndex > 0) {
    adoptedEntries = lastIndex - stored.hardState.commit;
    stored = await forceNewCluster(wal, stored, metadata.memberId);
  }
  const tornBytes = recovered.torn?.bytes ?? 0;
  return { ...stored, wal, tornBytes, isRestarted: isBehind, adoptedEntries };
}

async function createLog(
  options: WalOptions,
  metadata: WalMetadata,
  applied: LogPosition,
  start: LogStart,
): Promise<OpenedLog> {
  if (applied.index > 0) {
    throw new LogMismatchError(
      `the WAL in ${options.directory} is missing: the store holds entries up to ${applied.index}`,
    );
  }
  const wal = await createWal(options, metadata);
  const stored = await beginLog(wal, start.bootstrap);
  return { ...stored, wal, tornBytes: 0, isRestarted: false, adoptedEntries: undefined };
}

/** What was recovered; a log in which nothing was ever written is begun as a new one is. */
async function begunLog(
  wal: Wal,
  { hardState, snapshot, entries, last }: RecoveredLog,
  applied: LogPosition,
  start: LogStart,
): Promise<StoredLog> {
  if (last.index === 0 && hardState.term === 0) return beginLog(wal, start.bootstrap);
  assert(hardState.commit <= Math.max(last.index, snapshot.index), "commit is within the log", {
    commit: hardState.commit,
    lastIndex: last.index,
  });
  // Whatever was dropped from the log, or applied, was committed, even if the hard state lags.
  const commit = Math.max(hardState.commit, snapshot.index, applied.index);
  return {
    hardState: { term: hardState.term, vote: hardState.vote, commit },
    log: { base: snapshot, entries },
  };
}

function lastIndexOf({ base, entries }: LogContents): number {
  return entries.at(-1)?.index ?? base.index;
}

function checkIdentity(directory: string, expected: WalMetadata, found: WalMetadata): void {
  if (expected.clusterId === found.clusterId && expected.memberId === found.memberId) return;
  throw new LogMismatchError(
    `the WAL in ${directory} is another member's: expected ${describe(expected)}, ` +
      `found ${describe(found)}`,
  );
}

/**
 * Whether the store is where the log does not lead because a snapshot was installed and a crash came
 * before the log was restarted after it. A log that does lead to the snapshot, and ends before the store,
 * has lost something: a file that was left over does not excuse that.
 */
function isBehindSnapshot(
  installed: LogPosition | undefined,
  applied: LogPosition,
  log: RecoveredLog,
): boolean {
  if (installed === undefined || applied.index < installed.index) return false;
  if (installed.index <= log.snapshot.index) return false;
  return termAt(log, installed.index) !== installed.term;
}

function checkStore(directory: string, applied: LogPosition, log: RecoveredLog): void {
  const { snapshot, last } = log;
  const lastIndex = Math.max(last.index, snapshot.index);
  if (applied.index > lastIndex) {
    throw new LogMismatchError(
      `the WAL in ${directory} has lost entries: it ends at ${lastIndex}, ` +
        `the store holds entries up to ${applied.index}`,
    );
  }
  if (applied.index < snapshot.index) {
    throw new LogMismatchError(
      `the WAL in ${directory} begins after entry ${snapshot.index}, ` +
        `the store holds entries up to ${applied.index} only`,
    );
  }
  const term = termAt(log, applied.index);
  if (term !== applied.term) {
    throw new LogMismatchError(
      `the WAL in ${directory} and the store are of different histories: entry ` +
        `${applied.index} is of term ${term} in the WAL and of term ${applied.term} in the store`,
    );
  }
}

function termAt({ snapshot, entries }: RecoveredLog, index: number): number | undefined {
  return index === snapshot.index ? snapshot.term : entries[index - snapshot.index - 1]?.term;
}

function describe(metadata: WalMetadata): string {
  return `member ${metadata.memberId.toString(16)} of cluster ${metadata.clusterId.toString(16)}`;
}
