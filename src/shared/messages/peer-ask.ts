import type { ErrorCode } from "../errors.js";
import type { RingWriter } from "../ring/writer.js";
import { getUint53, putUint53 } from "./fields.js";

/**
 * Questions that one member asks another beside the log: a follower's frontend asks through its Raft worker,
 * the peer stream and the other Raft worker, and a frontend of the other member answers. Never delivered
 * twice, perhaps lost: whoever asks has a timeout.
 */
export const PeerAsk = {
  /** Renew a lease; the leader answers. Payload: LeaseKeepAliveRequest; answer: LeaseKeepAliveResponse. */
  leaseRenew: 1,
  /** Payload: LeaseTimeToLiveRequest; answer: LeaseTimeToLiveResponse. The leader answers. */
  leaseTimeToLive: 2,
  /** Payload: MemberPromoteRequest; answer: MemberPromoteResponse without header. The leader answers. */
  memberPromote: 3,
  // 4 and 5 had a meaning once: not to be used again.
} as const;
export type PeerAsk = (typeof PeerAsk)[keyof typeof PeerAsk];

/** "The leader, whoever that is", where a member to ask is named. */
export const ASK_LEADER = 0n;

/** A question as it crosses a ring: {id u64, peer u64, kind u32, 0 u32, payload}. */
export interface AskMessage {
  /** Of whoever asked over this ring. */
  readonly id: number;
  /** The other member: whom to ask (or `ASK_LEADER`) in an `ask`, who asks in an `asked`. */
  readonly peer: bigint;
  readonly kind: PeerAsk;
  readonly payload: Uint8Array;
}

/** Sends a question as a message of `type`. The payload is copied. */
export function sendAsk(writer: RingWriter, type: number, ask: AskMessage): void {
  const offset = writer.begin(type, ASK_HEADER_BYTES + ask.payload.length);
  putUint53(writer.view, offset, ask.id);
  writer.view.setBigUint64(offset + 8, ask.peer, true);
  writer.view.setUint32(offset + 16, ask.kind, true);
  writer.view.setUint32(offset + 20, 0, true);
  writer.bytes.set(ask.payload, offset + ASK_HEADER_BYTES);
  writer.end();
}

/** Reads a question; the payload is copied. */
export function readAsk(bytes: Buffer, view: DataView, offset: number, length: number): AskMessage {
  return {
    id: getUint53(view, offset),
    peer: view.getBigUint64(offset + 8, true),
    kind: view.getUint32(offset + 16, true) as PeerAsk,
    payload: Uint8Array.from(bytes.subarray(offset + ASK_HEADER_BYTES, offset + length)),
  };
}

/** An answer as it crosses a ring: {id u64, code u32, 0 u32, payload}. */
export interface AnswerMessage {
  /** Of the question. */
  readonly id: number;
  readonly code: ErrorCode | 0;
  readonly payload: Uint8Array;
}

/** Sends an answer as a message of `type`. The payload is copied. */
export function sendAnswer(writer: RingWriter, type: number, answer: AnswerMessage): void {
  const offset = writer.begin(type, ANSWER_HEADER_BYTES + answer.payload.length);
  putUint53(writer.view, offset, answer.id);
  writer.view.setUint32(offset + 8, answer.code, true);
  writer.view.setUint32(offset + 12, 0, true);
  writer.bytes.set(answer.payload, offset + ANSWER_HEADER_BYTES);
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
    payload: Uint8Array.from(bytes.subarray(offset + ANSWER_HEADER_BYTES, offset + length)),
  };
}

const ASK_HEADER_BYTES = 24;
const ANSWER_HEADER_BYTES = 16;
