import type { RingWriter } from "../ring/writer.js";
import { getUint53, putUint53 } from "./fields.js";

/** What the Raft worker tells the apply worker. */
export const RaftToApply = {
  /** A committed entry, in index order: {index u64, term u64, payload as in entry.ts (may be empty)}. */
  entry: 1,
  /** Leadership: {isLeader u32, term u64}. Sent in order with the entries. */
  role: 2,
  /** Take over the snapshot in this file, as if every entry up to it had come: {index u64, term u64, path utf8}. */
  snapshot: 3,
  /** Make a checkpoint of what is applied; answered by `flushed`, also when there was nothing to do. {} */
  checkpointWanted: 4,
} as const;

/** Bytes of an `entry` message before its payload. */
export const COMMITTED_ENTRY_HEADER_BYTES = 16;

/** Hands a committed entry over. `payload` is copied. */
export function sendCommittedEntry(
  writer: RingWriter,
  entry: { readonly index: number; readonly term: number; readonly payload: Uint8Array },
): void {
  const size = COMMITTED_ENTRY_HEADER_BYTES + entry.payload.length;
  const offset = writer.begin(RaftToApply.entry, size);
  putUint53(writer.view, offset, entry.index);
  putUint53(writer.view, offset + 8, entry.term);
  writer.bytes.set(entry.payload, offset + COMMITTED_ENTRY_HEADER_BYTES);
  writer.end();
}

/** Tells of won or lost leadership. */
export function sendRole(writer: RingWriter, role: { isLeader: boolean; term: number }): void {
  const offset = writer.begin(RaftToApply.role, 12);
  writer.view.setUint32(offset, role.isLeader ? 1 : 0, true);
  putUint53(writer.view, offset + 4, role.term);
  writer.end();
}

/** Index of an `entry`. */
export function readEntryIndex(view: DataView, offset: number): number {
  return getUint53(view, offset);
}

/** Term of an `entry`. */
export function readEntryTerm(view: DataView, offset: number): number {
  return getUint53(view, offset + 8);
}

/** Fields of a `role`. */
export function readRole(view: DataView, offset: number): { isLeader: boolean; term: number } {
  return { isLeader: view.getUint32(offset, true) === 1, term: getUint53(view, offset + 4) };
}

/** Names a snapshot that was received and verified, in order with the entries. */
export function sendSnapshotFile(
  writer: RingWriter,
  snapshot: { readonly index: number; readonly term: number; readonly path: string },
): void {
  const path = Buffer.from(snapshot.path);
  const offset = writer.begin(RaftToApply.snapshot, 16 + path.length);
  putUint53(writer.view, offset, snapshot.index);
  putUint53(writer.view, offset + 8, snapshot.term);
  writer.bytes.set(path, offset + 16);
  writer.end();
}

/** Reads a `snapshot`. */
export function readSnapshotFile(
  bytes: Buffer,
  view: DataView,
  offset: number,
  length: number,
): { index: number; term: number; path: string } {
  return {
    index: getUint53(view, offset),
    term: getUint53(view, offset + 8),
    path: bytes.toString("utf8", offset + 16, offset + length),
  };
}

/** Asks for a checkpoint. */
export function sendCheckpointWanted(writer: RingWriter): void {
  writer.begin(RaftToApply.checkpointWanted, 0);
  writer.end();
}
