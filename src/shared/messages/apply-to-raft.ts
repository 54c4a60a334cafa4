import type { RingWriter } from "../ring/writer.js";
import { ENTRY_HEADER_BYTES, type EntryHeader, writeEntryHeader } from "./entry.js";
import { getUint53, putUint53 } from "./fields.js";

/** What the apply worker tells the Raft worker. */
export const ApplyToRaft = {
  /** An entry of the member's own making (lease expiry, lease checkpoint), as in entry.ts. */
  propose: 1,
  /** LMDB holds everything up to this index on disk: the WAL may let it go. {index u64} */
  flushed: 2,
} as const;

/** Proposes an entry that no client waits for. */
export function sendOwnProposal(
  writer: RingWriter,
  header: EntryHeader,
  payload: Uint8Array,
): void {
  const offset = writer.begin(ApplyToRaft.propose, ENTRY_HEADER_BYTES + payload.length);
  writeEntryHeader(writer.view, offset, header);
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
