import { assert } from "../shared/assert.js";
import { createWal, hasWal, openWal, type WalOptions } from "../wal/open-wal.js";
import type { RecoveredLog } from "../wal/recovery.js";
import type { WalMetadata } from "../wal/types.js";
import type { Wal } from "../wal/wal.js";
import { type HardState, type LogPosition, NO_MEMBER } from "./core/entry.js";
import type { LogContents } from "./core/log.js";

/** The log and the store do not belong together, or one of them lost something. */
export class LogMismatchError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "LogMismatchError";
  }
}

/** A log that is ready to be written, and what the core starts from. */
export interface OpenedLog {
  readonly wal: Wal;
  readonly hardState: HardState;
  readonly log: LogContents;
  /** Bytes of an unfinished write that were cut off; 0 for a clean end. */
  readonly tornBytes: number;
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
): Promise<OpenedLog> {
  if (!(await hasWal(options.disk, options.directory))) {
    return createLog(options, metadata, applied);
  }
  const accept = (recovered: RecoveredLog): void => {
    checkIdentity(options.directory, metadata, recovered.metadata);
    checkStore(options.directory, applied, recovered);
  };
  const { wal, recovered } = await openWal({ ...options, accept });
  const { hardState, snapshot, entries, last, torn } = recovered;
  assert(hardState.commit <= Math.max(last.index, snapshot.index), "commit is within the log", {
    commit: hardState.commit,
    lastIndex: last.index,
  });
  // Whatever was dropped from the log, or applied, was committed, even if the hard state lags.
  const commit = Math.max(hardState.commit, snapshot.index, applied.index);
  return {
    wal,
    hardState: { term: hardState.term, vote: hardState.vote, commit },
    log: { base: snapshot, entries },
    tornBytes: torn?.bytes ?? 0,
  };
}

async function createLog(
  options: WalOptions,
  metadata: WalMetadata,
  applied: LogPosition,
): Promise<OpenedLog> {
  if (applied.index > 0) {
    throw new LogMismatchError(
      `the WAL in ${options.directory} is missing: the store holds entries up to ${applied.index}`,
    );
  }
  return {
    wal: await createWal(options, metadata),
    hardState: { term: 0, vote: NO_MEMBER, commit: 0 },
    log: { base: { index: 0, term: 0 }, entries: [] },
    tornBytes: 0,
  };
}

function checkIdentity(directory: string, expected: WalMetadata, found: WalMetadata): void {
  if (expected.clusterId === found.clusterId && expected.memberId === found.memberId) return;
  throw new LogMismatchError(
    `the WAL in ${directory} is another member's: expected ${describe(expected)}, ` +
      `found ${describe(found)}`,
  );
}

function checkStore(directory: string, applied: LogPosition, log: RecoveredLog): void {
  const { snapshot, last, entries } = log;
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
  const term =
    applied.index === snapshot.index
      ? snapshot.term
      : entries[applied.index - snapshot.index - 1]?.term;
  if (term !== applied.term) {
    throw new LogMismatchError(
      `the WAL in ${directory} and the store are of different histories: entry ` +
        `${applied.index} is of term ${term} in the WAL and of term ${applied.term} in the store`,
    );
  }
}

function describe(metadata: WalMetadata): string {
  return `member ${metadata.memberId.toString(16)} of cluster ${metadata.clusterId.toString(16)}`;
}
