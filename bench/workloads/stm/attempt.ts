import {
  type Compare,
  Compare_CompareResult,
  Compare_CompareTarget,
  type DeepPartial,
  RangeRequest,
  RangeResponse,
  TxnRequest,
  TxnResponse,
} from "../../../src/shared/gen/etcdserverpb/rpc.js";
import { type Connection, call, RPC } from "../../client/connection.js";
import type { StmLoad } from "../../load/loads.js";

/** What one software transaction reads, all of it, and writes, some of that. */
export interface Job {
  readonly reads: readonly Buffer[];
  readonly writes: readonly Buffer[];
  readonly value: Buffer;
}

/** What an attempt has read: each key's revision, 0 where there was none. */
interface ReadSet {
  readonly modRevisions: readonly bigint[];
  /** Of the first answer; 0 before any. */
  readonly revision: bigint;
}

/**
 * Does a job: reads, then commits if nothing that was read has changed, else starts over. What is compared
 * depends on the isolation, as in etcd's client: nothing for read committed; what was read for repeatable
 * reads and serializable, where the latter reads everything at one revision; for the snapshot also
 * that nothing which is written was changed since.
 */
export async function runTransaction(
  connection: Connection,
  job: Job,
  isolation: StmLoad["isolation"],
): Promise<void> {
  let seen: ReadSet | undefined;
  for (;;) {
    seen ??= await readAll(connection, job.reads, isolation);
    const request = TxnRequest.fromPartial({
      compare: comparesOf(job, seen, isolation),
      success: job.writes.map((key) => {
        return { request: { $case: "requestPut", value: { key, value: job.value } } };
      }),
      // So that the next attempt of a serializable transaction need not read again.
      failure: job.reads.map((key) => ({ request: { $case: "requestRange", value: { key } } })),
    });
    const bytes = Buffer.from(TxnRequest.encode(request).finish());
    const answer = TxnResponse.decode(await call(connection, RPC.txn, bytes));
    if (answer.succeeded) return;
    seen = isolation === "s" ? readSetOf(answer) : undefined;
  }
}

async function readAll(
  connection: Connection,
  keys: readonly Buffer[],
  isolation: StmLoad["isolation"],
): Promise<ReadSet> {
  const isPinned = isolation === "s" || isolation === "ss";
  const modRevisions: bigint[] = [];
  let revision = 0n;
  for (const key of keys) {
    // All but the first read at the first one's revision, which every member that has it may answer.
    const pin = isPinned && revision > 0n ? { revision, serializable: true } : {};
    const request = RangeRequest.fromPartial({ key, ...pin });
    const bytes = Buffer.from(RangeRequest.encode(request).finish());
    const answer = RangeResponse.decode(await call(connection, RPC.range, bytes));
    if (revision === 0n) revision = answer.header?.revision ?? 0n;
    modRevisions.push(answer.kvs[0]?.modRevision ?? 0n);
  }
  return { modRevisions, revision };
}

function readSetOf(answer: TxnResponse): ReadSet {
  const modRevisions = answer.responses.map(({ response }) =>
    response?.$case === "responseRange" ? (response.value.kvs[0]?.modRevision ?? 0n) : 0n,
  );
  return { modRevisions, revision: answer.header?.revision ?? 0n };
}

function comparesOf(
  job: Job,
  seen: ReadSet,
  isolation: StmLoad["isolation"],
): DeepPartial<Compare>[] {
  if (isolation === "c") return [];
  const unchanged = job.reads.map((key, i) =>
    compare(key, Compare_CompareResult.EQUAL, seen.modRevisions[i] ?? 0n),
  );
  if (isolation !== "ss" || seen.revision === 0n) return unchanged;
  const unwritten = job.writes.map((key) =>
    compare(key, Compare_CompareResult.LESS, seen.revision + 1n),
  );
  return [...unchanged, ...unwritten];
}

function compare(key: Buffer, result: Compare_CompareResult, value: bigint): DeepPartial<Compare> {
  const target = Compare_CompareTarget.MOD;
  return { key, result, target, targetUnion: { $case: "modRevision", value } };
}
