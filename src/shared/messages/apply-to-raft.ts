import type { RingWriter } from "../ring/writer.js";
import { ENTRY_HEADER_BYTES, type EntryHeader, writeEntryHeader } from "./entry.js";
import { getUint53, putUint53 } from "./fields.js";

/** What the apply worker tells the Raft worker. */
export const ApplyToRaft = {
  /**
   * An entry of the member's own making (lease expiry, lease checkpoint), as in entry.ts, but with the term
   * of the leadership it was made in (u32, 0 for none) in the header's second word.
   */
  propose: 1,
  /** LMDB holds everything up to this index on disk: the WAL may let it go. {index u64} */
  flushed: 2,
  /** The membership after a `confChange` entry, or a snapshot, was applied: membership.ts. */
  membership: 3,
  /** The snapshot is in the store, on disk; its `membership` came before: {index u64, term u64}. */
  snapshotInstalled: 4,
  /** Rolling hash of everything applied up to this index (docs/decisions): {index u64, hash u64}. */
  stateHash: 5,
} as const;

/** Offset of the leader's term in a `propose`. */
const LEADER_TERM_AT = 4;

/** Proposes an entry that no client waits for. What only a leader may propose says in which term it led. */
export function sendOwnProposal(
  writer: RingWriter,
  header: EntryHeader,
  payload: Uint8Array,
  leaderTerm = 0,
): void {
  const offset = writer.begin(ApplyToRaft.propose, ENTRY_HEADER_BYTES + payload.length);
  writeEntryHeader(writer.view, offset, header);
  writer.view.setUint32(offset + LEADER_TERM_AT, leaderTerm, true);
  writer.bytes.set(payload, offset + ENTRY_HEADER_BYTES);
  writer.end();
}

/** Says how far the store is on disk. */
export function sendFlushed(writer: RingWriter, index: number): void {
  const offset = writer.begin(ApplyToRaft.flushed, 8);
  putUint53(writer.view, offset, index);
  writer.end();
}

/** Index of a `flushed`. */
export function readFlushedIndex(view: DataView, offset: number): number {
  return getUint53(view, offset);
}

/** Says that a snapshot was taken over. */
export function sendSnapshotInstalled(
  writer: RingWriter,
  position: { readonly index: number; readonly term: number },
): void {
  const offset = writer.begin(ApplyToRaft.snapshotInstalled, 16);
  putUint53(writer.view, offset, position.index);
  putUint53(writer.view, offset + 8, position.term);
  writer.end();
}

/** Reads a `snapshotInstalled`. */
export function readSnapshotInstalled(
  view: DataView,
  offset: number,
): { index: number; term: number } {
  return { index: getUint53(view, offset), term: getUint53(view, offset + 8) };
}

/** Reports the rolling hash at an index. */
export function sendStateHash(writer: RingWriter, index: number, hash: bigint): void {
  const offset = writer.begin(ApplyToRaft.stateHash, 16);
  putUint53(writer.view, offset, index);
  writer.view.setBigUint64(offset + 8, hash, true);
  writer.end();
}

/** Reads a `stateHash`. */
export function readStateHash(view: DataView, offset: number): { index: number; hash: bigint } {
  return { index: getUint53(view, offset), hash: view.getBigUint64(offset + 8, true) };
}
