import type { ErrorCode } from "../errors.js";
import type { RingWriter } from "../ring/writer.js";
import { ENTRY_HEADER_BYTES, type EntryHeader, writeEntryHeader } from "./entry.js";
import { getUint53, putUint53 } from "./fields.js";
import type { PeerAsk } from "./peer-ask.js";

/** What a frontend asks of the Raft worker. */
export const MainToRaft = {
  /** Append this entry: header and request bytes as in entry.ts, ready for the log. */
  propose: 1,
  /** One read index for every read that arrived before it: {readId u64}. */
  readIndex: 2,
  /** Ask another member (peer-ask.ts): {requestId u64, to u64, kind u32, 0 u32, payload}. To 0: the leader. */
  ask: 3,
  /** Answer to an `asked`: {askId u64, code u32, 0 u32, payload}. */
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

/** A question for another member, as it crosses a ring. */
export interface AskMessage {
  readonly requestId: number;
  /** `ASK_LEADER` or a member id. */
  readonly to: bigint;
  readonly kind: PeerAsk;
  readonly payload: Uint8Array;
}

/** Asks another member. `payload` is copied. */
export function sendAsk(writer: RingWriter, ask: AskMessage): void {
  const offset = writer.begin(MainToRaft.ask, 24 + ask.payload.length);
  putUint53(writer.view, offset, ask.requestId);
  writer.view.setBigUint64(offset + 8, ask.to, true);
  writer.view.setUint32(offset + 16, ask.kind, true);
  writer.view.setUint32(offset + 20, 0, true);
  writer.bytes.set(ask.payload, offset + 24);
  writer.end();
}

/** Reads an `ask`; the payload is copied. */
export function readAsk(bytes: Buffer, view: DataView, offset: number, length: number): AskMessage {
  return {
    requestId: getUint53(view, offset),
    to: view.getBigUint64(offset + 8, true),
    kind: view.getUint32(offset + 16, true) as PeerAsk,
    payload: Uint8Array.from(bytes.subarray(offset + 24, offset + length)),
  };
}

/** An answer to another member's question, as it crosses a ring. */
export interface AnswerMessage {
  /** Of the `asked`, or the request id of the `ask`. */
  readonly id: number;
  readonly code: ErrorCode | 0;
  readonly payload: Uint8Array;
}

/** Answers another member's question. `payload` is copied. */
export function sendAnswer(writer: RingWriter, type: number, answer: AnswerMessage): void {
  const offset = writer.begin(type, 16 + answer.payload.length);
  putUint53(writer.view, offset, answer.id);
  writer.view.setUint32(offset + 8, answer.code, true);
  writer.view.setUint32(offset + 12, 0, true);
  writer.bytes.set(answer.payload, offset + 16);
  writer.end();
}

/** Reads an answer; the payload is copied. */
export function readAnswer(
  bytes: Buffer,
  view: DataView,
  offset: number,
  length: number,
): AnswerMessage {
  return {
    id: getUint53(view, offset),
    code: view.getUint32(offset + 8, true) as ErrorCode | 0,
    payload: Uint8Array.from(bytes.subarray(offset + 16, offset + length)),
  };
}
