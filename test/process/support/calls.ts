import type { RpcClient } from "../../../src/main/client/rpc-client.js";
import {
  type CompactionResponse,
  type DeepPartial,
  type DeleteRangeResponse,
  KVDefinition,
  LeaseDefinition,
  type LeaseGrantResponse,
  type LeaseRevokeResponse,
  type LeaseTimeToLiveResponse,
  type PutResponse,
  RangeRequest,
  type RangeResponse,
  TxnRequest,
  type TxnResponse,
} from "../../../src/shared/gen/etcdserverpb/rpc.js";

/** Deadline of one call of a test. */
export const CALL_TIMEOUT_MS = 20_000;

const OPTIONS = { timeoutMs: CALL_TIMEOUT_MS };
const KV = KVDefinition.methods;
const LEASE = LeaseDefinition.methods;

/** The calls that the process tests make, with what they leave out filled in. */
export class Calls {
  readonly client: RpcClient;

  constructor(client: RpcClient) {
    this.client = client;
  }

  range(request: DeepPartial<RangeRequest>): Promise<RangeResponse> {
    return this.client.unary(KVDefinition, KV.range, RangeRequest.fromPartial(request), OPTIONS);
  }

  /** The bytes of a range's answer. */
  undecodedRange(request: DeepPartial<RangeRequest>): Promise<Uint8Array> {
    const full = RangeRequest.fromPartial(request);
    const responseType = { decode: (bytes: Uint8Array) => bytes, encode: unusedEncode };
    return this.client.unary(KVDefinition, { ...KV.range, responseType }, full, OPTIONS);
  }

  put(key: string, value: Uint8Array, lease = 0n): Promise<PutResponse> {
    const request = {
      ...{ key: Buffer.from(key), value, lease },
      ...{ prevKv: false, ignoreValue: false, ignoreLease: false },
    };
    return this.client.unary(KVDefinition, KV.put, request, OPTIONS);
  }

  deleteRange(key: string, rangeEnd = ""): Promise<DeleteRangeResponse> {
    const request = { key: Buffer.from(key), rangeEnd: Buffer.from(rangeEnd), prevKv: false };
    return this.client.unary(KVDefinition, KV.deleteRange, request, OPTIONS);
  }

  txn(request: DeepPartial<TxnRequest>): Promise<TxnResponse> {
    return this.client.unary(KVDefinition, KV.txn, TxnRequest.fromPartial(request), OPTIONS);
  }

  compact(revision: number): Promise<CompactionResponse> {
    const request = { revision: BigInt(revision), physical: true };
    return this.client.unary(KVDefinition, KV.compact, request, OPTIONS);
  }

  leaseGrant(id: bigint, ttlSeconds: number): Promise<LeaseGrantResponse> {
    const request = { ID: id, TTL: BigInt(ttlSeconds) };
    return this.client.unary(LeaseDefinition, LEASE.leaseGrant, request, OPTIONS);
  }

  leaseRevoke(id: bigint): Promise<LeaseRevokeResponse> {
    return this.client.unary(LeaseDefinition, LEASE.leaseRevoke, { ID: id }, OPTIONS);
  }

  leaseTimeToLive(id: bigint): Promise<LeaseTimeToLiveResponse> {
    return this.client.unary(
      LeaseDefinition,
      LEASE.leaseTimeToLive,
      { ID: id, keys: true },
      OPTIONS,
    );
  }

  /** The ids of all leases. */
  async leases(): Promise<Set<bigint>> {
    const response = await this.client.unary(LeaseDefinition, LEASE.leaseLeases, {}, OPTIONS);
    return new Set(response.leases.map(({ ID }) => ID));
  }

  /** The store's revision now, by a linearizable read. */
  async revision(): Promise<number> {
    const response = await this.range({ key: Buffer.from("none") });
    return Number(response.header?.revision);
  }
}

/** A response codec must have one; a client never encodes a response. */
function unusedEncode(bytes: Uint8Array): { finish(): Uint8Array } {
  return { finish: () => bytes };
}
