import { ConfChangeType, confChangePayload } from "../shared/messages/conf-change.js";
import type { Wal } from "../wal/wal.js";
import { type HardState, type LogPosition, type MemberId, NO_MEMBER } from "./core/entry.js";
import type { LogContents } from "./core/log.js";

/** A log as it lies on disk: what the core starts from. */
export interface StoredLog {
  readonly hardState: HardState;
  readonly log: LogContents;
}

/** The term of a new cluster's first entries: before any election, so without a vote. */
const BOOTSTRAP_TERM = 1;

/**
 * Writes the first entries of a new cluster's log, which are the same on every member and therefore
 * committed from the start. Without any, the member joins a cluster and gets its log from the leader.
 */
export async function beginLog(wal: Wal, bootstrap: readonly Uint8Array[]): Promise<StoredLog> {
  const base = { index: 0, term: 0 };
  if (bootstrap.length === 0) {
    return { hardState: { term: 0, vote: NO_MEMBER, commit: 0 }, log: { base, entries: [] } };
  }
  const entries = bootstrap.map((payload, at) => ({
    index: at + 1,
    term: BOOTSTRAP_TERM,
    payload,
  }));
  const hardState = { term: BOOTSTRAP_TERM, vote: NO_MEMBER, commit: entries.length };
  await wal.append({ entries, hardState, sync: true });
  return { hardState, log: { base, entries } };
}

/**
 * Lets the log go on after what the store holds, whatever it held itself. Its term may be older than
 * that of the store's last entry: then this member has not voted in the later one yet, because a vote
 * is answered only when it is on disk.
 */
export async function restartAfter(
  wal: Wal,
  before: HardState,
  applied: LogPosition,
): Promise<StoredLog> {
  const isNewTerm = applied.term > before.term;
  const hardState = {
    term: Math.max(before.term, applied.term),
    vote: isNewTerm ? NO_MEMBER : before.vote,
    commit: applied.index,
  };
  await wal.append({ entries: [], hardState, snapshot: applied, sync: true });
  return { hardState, log: { base: applied, entries: [] } };
}

/**
 * Commits, on this member's own authority, everything that its log holds, and that it is the only one left.
 * What it does not know to be committed may have been acknowledged all the same: the commit index on disk
 * lags. Nobody is left to say otherwise. The term is a new one: no other member has an entry of that term, so the two histories
 * cannot be taken for one if they ever meet.
 */
export async function forceNewCluster(
  wal: Wal,
  { hardState: before, log }: StoredLog,
  memberId: MemberId,
): Promise<StoredLog> {
  const index = (log.entries.at(-1)?.index ?? log.base.index) + 1;
  const term = before.term + 1;
  const member = { ID: memberId, name: "", peerURLs: [], clientURLs: [], isLearner: false };
  const payload = confChangePayload({ type: ConfChangeType.forceNewCluster, member });
  const entry = { index, term, payload };
  const hardState = { term, vote: NO_MEMBER, commit: index };
  await wal.append({ entries: [entry], hardState, sync: true });
  return { hardState, log: { base: log.base, entries: [...log.entries, entry] } };
}
