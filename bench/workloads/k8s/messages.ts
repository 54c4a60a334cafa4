import {
  type DeepPartial,
  RangeRequest,
  type RequestOp,
  TxnRequest,
  WatchRequest,
} from "../../../src/shared/gen/etcdserverpb/rpc.js";
import { prefixEnd } from "../../wire/bench-key.js";
import { modRevisionCompare } from "../../wire/revision-txn.js";
import type { StoredObject } from "./object-pool.js";

/** A put that holds if the object is as it was seen last; a create has no other branch. */
export function putIfUnchanged(object: StoredObject, value: Buffer, lease = 0n): Buffer {
  const put = {
    request: { $case: "requestPut" as const, value: { key: object.key, value, lease } },
  };
  return ifUnchanged(object, put);
}

/** A delete that holds if the object is as it was seen last. */
export function deleteIfUnchanged(object: StoredObject): Buffer {
  return ifUnchanged(object, {
    request: { $case: "requestDeleteRange", value: { key: object.key } },
  });
}

function ifUnchanged(object: StoredObject, write: DeepPartial<RequestOp>): Buffer {
  const { key, revision } = object;
  const read: DeepPartial<RequestOp> = { request: { $case: "requestRange", value: { key } } };
  const branches = TxnRequest.fromPartial({
    success: [write],
    failure: revision === 0 ? [] : [read],
  });
  return Buffer.concat([modRevisionCompare(key, revision), TxnRequest.encode(branches).finish()]);
}

/** A get of one object. */
export function getObject(key: Buffer): Buffer {
  return range({ key, limit: 1n });
}

/** The read by which an API server learns how fresh its cache must be: only the header counts. */
export function freshness(prefix: string): Buffer {
  return range({ key: Buffer.from(prefix.replace(/\/$/, "")), limit: 1n });
}

/** How many objects there are. */
export function countObjects(prefix: string): Buffer {
  return range({ key: Buffer.from(prefix), rangeEnd: prefixEnd(prefix), countOnly: true });
}

/** A page of a list; from the second page on with the key to go on at and the first page's revision. */
export function listPage(prefix: string, from: ListPosition | undefined): Buffer {
  return range({
    key: from?.key ?? Buffer.from(prefix),
    rangeEnd: prefixEnd(prefix),
    limit: LIST_PAGE_OBJECTS,
    revision: from?.revision ?? 0n,
  });
}

/** What a client of an API server asks for at a time. */
const LIST_PAGE_OBJECTS = 500n;

/** Where a list goes on. */
export interface ListPosition {
  readonly key: Buffer;
  readonly revision: bigint;
}

/** A watch as an API server makes it. */
export function watchPrefix(prefix: string): Buffer {
  const range = { key: Buffer.from(prefix), rangeEnd: prefixEnd(prefix) };
  const value = { ...range, prevKv: true, progressNotify: true };
  const request = WatchRequest.fromPartial({ requestUnion: { $case: "createRequest", value } });
  return Buffer.from(WatchRequest.encode(request).finish());
}

/** Asks how far the watches of a stream are. */
export function progressRequest(): Buffer {
  const request = WatchRequest.fromPartial({
    requestUnion: { $case: "progressRequest", value: {} },
  });
  return Buffer.from(WatchRequest.encode(request).finish());
}

function range(fields: DeepPartial<RangeRequest>): Buffer {
  return Buffer.from(RangeRequest.encode(RangeRequest.fromPartial(fields)).finish());
}
