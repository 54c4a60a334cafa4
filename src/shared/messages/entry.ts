/**
 * The header of a Raft entry's payload. What follows it is the client's request exactly as it came:
 * decoded once on the frontend for checks and routing, once where it is applied, never re-encoded.
 *
 *      0        1        2                 4                          8
 *     +--------+--------+-----------------+--------------------------+
 *     | kind   | 0      | frontend id u16 | 0                        |
 *     +--------+--------+-----------------+--------------------------+
 *     | origin u64: drawn by the proposing process when it started   |
 *     +--------------------------------------------------------------+
 *     | request id u64: per frontend, ascending                      |
 *     +--------------------------------------------------------------+
 *
 * All little endian. `origin` keeps an entry replayed from the log, or proposed by another member,
 * from answering a request of this process.
 */
export const ENTRY_HEADER_BYTES = 24;

/** What a Raft entry asks the store to do. Stored in the WAL: never reuse a number. */
export const EntryKind = {
  /** The empty entry that a new leader appends (Raft paper section 8). */
  none: 0,
  put: 1,
  deleteRange: 2,
  txn: 3,
  compact: 4,
  leaseGrant: 5,
  leaseRevoke: 6,
  /** LeaseCheckpointRequest: remaining TTLs, so that they outlive the leader. */
  leaseCheckpoint: 7,
  alarm: 8,
  /** etcdserverpb.Member: a member's name and URLs, published when it starts. */
  memberAttributes: 9,
  /** A change of the Raft group, applied by the Raft worker too. */
  confChange: 10,
} as const;
export type EntryKind = (typeof EntryKind)[keyof typeof EntryKind];

/** Frontend id of requests that an actor makes itself and nobody waits for (a lease expiry). */
export const NO_FRONTEND = 0xffff;

/** Fields of the entry header. `requestId` is a safe integer. */
export interface EntryHeader {
  kind: EntryKind;
  frontend: number;
  origin: bigint;
  requestId: number;
}

/** Writes the header at `offset`; `ENTRY_HEADER_BYTES` long. */
export function writeEntryHeader(view: DataView, offset: number, header: EntryHeader): void {
  view.setUint8(offset, header.kind);
  view.setUint8(offset + 1, 0);
  view.setUint16(offset + 2, header.frontend, true);
  view.setUint32(offset + 4, 0, true);
  view.setBigUint64(offset + 8, header.origin, true);
  view.setUint32(offset + 16, header.requestId >>> 0, true);
  view.setUint32(offset + 20, Math.floor(header.requestId / 0x1_0000_0000), true);
}

/** Reads the header at `offset` into `target`, so that a hot loop can reuse one object. */
export function readEntryHeader(view: DataView, offset: number, target: EntryHeader): EntryHeader {
  target.kind = view.getUint8(offset) as EntryKind;
  target.frontend = view.getUint16(offset + 2, true);
  target.origin = view.getBigUint64(offset + 8, true);
  target.requestId =
    view.getUint32(offset + 16, true) + view.getUint32(offset + 20, true) * 0x1_0000_0000;
  return target;
}
