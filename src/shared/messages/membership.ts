import { type Member, MemberListResponse } from "../gen/etcdserverpb/rpc.js";
import type { RingWriter } from "../ring/writer.js";
import { getUint53, putUint53 } from "./fields.js";

/** The members of the cluster as the store has them after the entry at `index`. */
export interface Membership {
  readonly index: number;
  /** Ascending by id; learners are marked. */
  readonly members: readonly Member[];
  /** Ids that were members once. They are never used again (CL-07). */
  readonly removed: readonly bigint[];
}

const HEADER_BYTES = 16;

/** Encodes: {index u64, removed count u32, 0 u32, removed ids u64 each, MemberListResponse}. */
export function encodeMembership(membership: Membership): Uint8Array {
  const { index, members, removed } = membership;
  const list = MemberListResponse.encode({ header: undefined, members: [...members] }).finish();
  const bytes = new Uint8Array(HEADER_BYTES + removed.length * 8 + list.length);
  const view = new DataView(bytes.buffer);
  putUint53(view, 0, index);
  view.setUint32(8, removed.length, true);
  for (const [position, id] of removed.entries()) {
    view.setBigUint64(HEADER_BYTES + position * 8, id, true);
  }
  bytes.set(list, HEADER_BYTES + removed.length * 8);
  return bytes;
}

/** Decodes what `encodeMembership` made; nothing of `bytes` is kept. */
export function decodeMembership(bytes: Uint8Array): Membership {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const removed = Array.from({ length: view.getUint32(8, true) }, (_, position) =>
    view.getBigUint64(HEADER_BYTES + position * 8, true),
  );
  const list = Uint8Array.from(bytes.subarray(HEADER_BYTES + removed.length * 8));
  return { index: getUint53(view, 0), members: MemberListResponse.decode(list).members, removed };
}

/** Sends a membership as a message of its own. */
export function sendMembership(writer: RingWriter, type: number, membership: Membership): void {
  const bytes = encodeMembership(membership);
  const offset = writer.begin(type, bytes.length);
  writer.bytes.set(bytes, offset);
  writer.end();
}
