import type { RingWriter } from "../ring/writer.js";
import { ENTRY_HEADER_BYTES, type EntryHeader, writeEntryHeader } from "./entry.js";
import { getUint53, putUint53 } from "./fields.js";

/** What a frontend asks of the Raft worker. */
export const MainToRaft = {
  /** Append this entry: header and request bytes as in entry.ts, ready for the log. */
  propose: 1,
  /** One read index for every read that arrived before it: {readId u64}. */
  readIndex: 2,
  /** Ask another member (peer-ask.ts): {request id, to} and what is asked; to 0: the leader. */
  ask: 3,
  /** Answer to an `asked` (peer-ask.ts). */
  answer: 4,
} as const;

/** Proposes `payload` (the client's request bytes, copied here and nowhere else before the WAL). */
export function sendPropose(writer: RingWriter, header: EntryHeader, payload: Uint8Array): void {
  const offset = writer.begin(MainToRaft.propose, ENTRY_HEADER_BYTES + payload.length);
  writeEntryHeader(writer.view, offset, header);
  writer.bytes.set(payload, offset + ENTRY_HEADER_BYTES);
  writer.end();
}

/** Asks for a read index. `readId` ascends per frontend. */
export function sendReadIndex(writer: RingWriter, readId: number): void {
  const offset = writer.begin(MainToRaft.readIndex, 8);
  putUint53(writer.view, offset, readId);
  writer.end();
}

/** The read id of a `readIndex` message. */
export function readReadIndex(view: DataView, offset: number): number {
  return getUint53(view, offset);
}
