import type { ErrorCode } from "../errors.js";
import type { RingWriter } from "../ring/writer.js";
import { getUint53, putUint53 } from "./fields.js";
import type { PeerAsk } from "./peer-ask.js";

/** What the Raft worker tells a frontend. */
export const RaftToMain = {
  /** Reads of this id may be answered once this index is applied: {readId u64, index u64}. */
  readConfirmed: 1,
  /** The read index could not be had: {readId u64, code u32}. */
  readFailed: 2,
  /** A proposal was not appended and never will be: {requestId u64, code u32}. */
  refused: 3,
  /** Term, leader or role changed; the values are on the status board. */
  roleChanged: 4,
  /** Another member asks (peer-ask.ts): {askId u64, from u64, kind u32, 0 u32, payload}. Frontend 0 only. */
  asked: 5,
  /** Answer to an `ask` of this frontend: {requestId u64, code u32, 0 u32, payload} (main-to-raft.ts). */
  answered: 6,
} as const;

/** Confirms a read index. */
export function sendReadConfirmed(writer: RingWriter, readId: number, index: number): void {
  const offset = writer.begin(RaftToMain.readConfirmed, 16);
  putUint53(writer.view, offset, readId);
  putUint53(writer.view, offset + 8, index);
  writer.end();
}

/** Refuses a read or a proposal by id. */
export function sendRefusal(
  writer: RingWriter,
  type: typeof RaftToMain.readFailed | typeof RaftToMain.refused,
  refusal: { readonly id: number; readonly code: ErrorCode },
): void {
  const offset = writer.begin(type, 12);
  putUint53(writer.view, offset, refusal.id);
  writer.view.setUint32(offset + 8, refusal.code, true);
  writer.end();
}

/** Says that the status board changed. */
export function sendRoleChanged(writer: RingWriter): void {
  writer.begin(RaftToMain.roleChanged, 0);
  writer.end();
}

/** The id that every message but `roleChanged` begins with. */
export function readSubjectId(view: DataView, offset: number): number {
  return getUint53(view, offset);
}

/** The index of a `readConfirmed`. */
export function readConfirmedIndex(view: DataView, offset: number): number {
  return getUint53(view, offset + 8);
}

/** The code of a `readFailed` or `refused`. */
export function readRefusalCode(view: DataView, offset: number): ErrorCode {
  return view.getUint32(offset + 8, true) as ErrorCode;
}

/** A question of another member, as it crosses a ring. */
export interface AskedMessage {
  readonly askId: number;
  readonly from: bigint;
  readonly kind: PeerAsk;
  readonly payload: Uint8Array;
}

/** Hands another member's question to a frontend. `payload` is copied. */
export function sendAsked(writer: RingWriter, asked: AskedMessage): void {
  const offset = writer.begin(RaftToMain.asked, 24 + asked.payload.length);
  putUint53(writer.view, offset, asked.askId);
  writer.view.setBigUint64(offset + 8, asked.from, true);
  writer.view.setUint32(offset + 16, asked.kind, true);
  writer.view.setUint32(offset + 20, 0, true);
  writer.bytes.set(asked.payload, offset + 24);
  writer.end();
}

/** Reads an `asked`; the payload is copied. */
export function readAsked(
  bytes: Buffer,
  view: DataView,
  offset: number,
  length: number,
): AskedMessage {
  return {
    askId: getUint53(view, offset),
    from: view.getBigUint64(offset + 8, true),
    kind: view.getUint32(offset + 16, true) as PeerAsk,
    payload: Uint8Array.from(bytes.subarray(offset + 24, offset + length)),
  };
}
