import { Member } from "../gen/etcdserverpb/rpc.js";
import { ENTRY_HEADER_BYTES, EntryKind, NO_FRONTEND, writeEntryHeader } from "./entry.js";

/** What a `confChange` entry does to the membership. Stored in the WAL: never reuse a number. */
export const ConfChangeType = {
  addVoter: 1,
  addLearner: 2,
  /** A learner becomes a voter. */
  promote: 3,
  remove: 4,
  /** New peer URLs. */
  update: 5,
  /** Every other member is removed, this one is a voter (`--force-new-cluster`). */
  forceNewCluster: 6,
} as const;
export type ConfChangeType = (typeof ConfChangeType)[keyof typeof ConfChangeType];

/** One change of one member. Of `member` counts what the change is about; `ID` always. */
export interface ConfChange {
  readonly type: ConfChangeType;
  readonly member: Member;
}

const MEMBER_AT = 1;

/** Body of a `confChange` entry: {type u8, etcdserverpb.Member}. */
export function encodeConfChange(change: ConfChange): Uint8Array {
  const member = Member.encode(change.member).finish();
  const bytes = new Uint8Array(MEMBER_AT + member.length);
  bytes[0] = change.type;
  bytes.set(member, MEMBER_AT);
  return bytes;
}

/** Decodes the body. Nothing of `bytes` is kept. Throws on bytes that are none. */
export function decodeConfChange(bytes: Uint8Array): ConfChange {
  const type = Object.values(ConfChangeType).find((known) => known === bytes[0]);
  if (type === undefined) throw new Error(`no change of the membership: type ${bytes[0]}`);
  return { type, member: Member.decode(Uint8Array.from(bytes.subarray(MEMBER_AT))) };
}

/** Payload (header and body) of a change that no request of a client asked for. */
export function confChangePayload(change: ConfChange): Uint8Array {
  const body = encodeConfChange(change);
  const payload = new Uint8Array(ENTRY_HEADER_BYTES + body.length);
  const kind = EntryKind.confChange;
  const header = { kind, frontend: NO_FRONTEND, origin: 0n, requestId: 0 };
  writeEntryHeader(new DataView(payload.buffer), 0, header);
  payload.set(body, ENTRY_HEADER_BYTES);
  return payload;
}

/** Whether an entry's payload (header and body, entry.ts) is a change of the membership. */
export function isConfChangePayload(payload: Uint8Array): boolean {
  return payload.length >= ENTRY_HEADER_BYTES && payload[0] === EntryKind.confChange;
}
