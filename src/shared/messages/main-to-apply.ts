import type { RingWriter } from "../ring/writer.js";
import { getUint53, putUint53 } from "./fields.js";

/** What a frontend asks of the apply worker beside the log. Each but `released` is answered by a result. */
export const MainToApply = {
  /** Renews a lease (leader only): {requestId u64, leaseId i64}. Result body: LeaseKeepAliveResponse. */
  leaseRenew: 1,
  /** {requestId u64, leaseId i64, keys u32}. Result body: LeaseTimeToLiveResponse. */
  leaseTimeToLive: 2,
  /** {requestId u64}. Result body: LeaseLeasesResponse. */
  leaseLeases: 3,
  /** Checkpoint now and give free pages back; answered when flushed. {requestId u64} */
  defragment: 4,
  /**
   * The frontend reads no delta record before this position any more, and its LMDB view is at least as
   * new as the checkpoint that announced it: {checkpointId u64}; stands for all earlier ones. Not answered.
   */
  released: 5,
  /** The raised alarms as this member knows them: {requestId u64}. Result body: AlarmResponse. */
  alarmList: 6,
  /** A hash of all that is stored (MT-31): {requestId u64, revision i64 0}. Result body: HashResponse. */
  hash: 7,
  /** {requestId u64, revision i64}. Result body: HashKVResponse (MT-32 to MT-34). */
  hashKv: 8,
} as const;

/** Sends a request that carries a lease id. `flag` is `keys` of leaseTimeToLive, else false. */
export function sendLeaseQuery(
  writer: RingWriter,
  query: {
    readonly type: typeof MainToApply.leaseRenew | typeof MainToApply.leaseTimeToLive;
    readonly requestId: number;
    readonly leaseId: bigint;
    readonly flag: boolean;
  },
): void {
  const offset = writer.begin(query.type, 20);
  putUint53(writer.view, offset, query.requestId);
  writer.view.setBigInt64(offset + 8, query.leaseId, true);
  writer.view.setUint32(offset + 16, query.flag ? 1 : 0, true);
  writer.end();
}

/** Sends a message that is one number: a request id, or the id of a released checkpoint. */
export function sendNumber(
  writer: RingWriter,
  type:
    | typeof MainToApply.leaseLeases
    | typeof MainToApply.defragment
    | typeof MainToApply.alarmList
    | typeof MainToApply.released,
  value: number,
): void {
  const offset = writer.begin(type, 8);
  putUint53(writer.view, offset, value);
  writer.end();
}

/** Sends a hash request. `revision` is the client's, 0 for the current one. */
export function sendHashQuery(
  writer: RingWriter,
  query: {
    readonly type: typeof MainToApply.hash | typeof MainToApply.hashKv;
    readonly requestId: number;
    readonly revision: bigint;
  },
): void {
  const offset = writer.begin(query.type, 16);
  putUint53(writer.view, offset, query.requestId);
  writer.view.setBigInt64(offset + 8, query.revision, true);
  writer.end();
}

/** Revision of a hash request. */
export function readHashRevision(view: DataView, offset: number): bigint {
  return view.getBigInt64(offset + 8, true);
}

/** The number that every message begins with: request id, or checkpoint id of `released`. */
export function readNumber(view: DataView, offset: number): number {
  return getUint53(view, offset);
}

/** Lease id of a lease query. */
export function readLeaseId(view: DataView, offset: number): bigint {
  return view.getBigInt64(offset + 8, true);
}

/** Flag of a lease query. */
export function readFlag(view: DataView, offset: number): boolean {
  return view.getUint32(offset + 16, true) === 1;
}
