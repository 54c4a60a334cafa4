import type { ErrorCode } from "../errors.js";
import type { RingWriter } from "../ring/writer.js";
import { getUint53, putUint53 } from "./fields.js";

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
  /** Another member asks (peer-ask.ts): {ask id, from} and what is asked. Frontend 0 only. */
  asked: 5,
  /** Answer to an `ask` of this frontend (peer-ask.ts). */
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
