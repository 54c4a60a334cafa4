import {
  AlarmRequest,
  type AlarmRequest_AlarmAction,
  type AlarmType,
  CompactionRequest,
  type Compare,
  Compare_CompareResult,
  Compare_CompareTarget,
  DeleteRangeRequest,
  HashKVRequest,
  type HashRequest,
  type MemberListRequest,
  PutRequest,
  RangeRequest,
  type RequestOp,
  type StatusRequest,
  type TxnRequest,
  WatchRequest,
} from "../../src/shared/gen/etcdserverpb/rpc.js";
import type { Operation } from "./operation.js";

/** What hand-written sequences call beyond the random ones: whole watch streams, and other services. */
export type ScriptOperation =
  | Operation
  | { readonly kind: "hash"; readonly request: HashRequest }
  | { readonly kind: "status"; readonly request: StatusRequest }
  | { readonly kind: "alarm"; readonly request: AlarmRequest }
  | { readonly kind: "memberList"; readonly request: MemberListRequest }
  | { readonly kind: "defragment" }
  | { readonly kind: "rangeStream"; readonly request: RangeRequest }
  | { readonly kind: "burst"; readonly request: PutRequest; readonly count: number }
  /** All of them on one stream, then half-close; gives the responses and how the stream ended. */
  | { readonly kind: "keepAlives"; readonly ids: readonly bigint[] }
  | { readonly kind: "send"; readonly stream: string; readonly request: WatchRequest }
  | { readonly kind: "halfClose"; readonly stream: string }
  /** The next `count` responses of a watch stream, exactly as they came. */
  | { readonly kind: "receive"; readonly stream: string; readonly count: number }
  /** Responses until `count` events came: the events alone, since grouping depends on timing (W-41). */
  | { readonly kind: "events"; readonly stream: string; readonly count: number };

/** One call of a script, and what of the answer is known beforehand. */
export interface Step {
  readonly operation: ScriptOperation;
  /** A part of the normalised answer that every server must give; the rest is only compared. */
  readonly expected?: unknown;
}

/** A hand-written sequence of calls. */
export interface Script {
  /** The items it exercises and what they promise. */
  readonly name: string;
  /**
   * "own" when it needs servers that nothing touched before, "compacted" when it compacts: both kinds
   * are kept from those that need a store that was never compacted.
   */
  readonly store?: "own" | "compacted";
  /** Flags of its own servers. */
  readonly flags?: readonly string[];
  /** The calls; `base` is the store's revision at the start. */
  steps(base: number): readonly Step[];
}

/** The step, whose answer must be this failure. */
export function fails(step: Step, message: string): Step {
  return { ...step, expected: { ok: false, message } };
}

/** The step, whose answer must hold this part. Numbers of 64 bits are written as decimals. */
export function gives(step: Step, part: unknown): Step {
  return { ...step, expected: { ok: true, response: part } };
}

/** A number where an enum stands, known or not: a client may send any. */
export function enumNumber(number: number): never {
  return number as never;
}

const bytes = (text: string): Uint8Array => Buffer.from(text, "latin1");

/** Request fields with keys and values as latin1 text, and revisions as numbers. */
interface RangeOptions {
  readonly end?: string;
  readonly limit?: number;
  readonly revision?: number;
  readonly sortOrder?: number;
  readonly sortTarget?: number;
  readonly serializable?: boolean;
  readonly keysOnly?: boolean;
  readonly countOnly?: boolean;
  readonly minMod?: number;
  readonly maxMod?: number;
  readonly minCreate?: number;
  readonly maxCreate?: number;
}

function rangeRequest(key: string, options: RangeOptions): RangeRequest {
  const number = (value: number | undefined): bigint => BigInt(value ?? 0);
  return RangeRequest.fromPartial({
    key: bytes(key),
    rangeEnd: bytes(options.end ?? ""),
    limit: number(options.limit),
    revision: number(options.revision),
    sortOrder: enumNumber(options.sortOrder ?? 0),
    sortTarget: enumNumber(options.sortTarget ?? 0),
    serializable: options.serializable ?? false,
    keysOnly: options.keysOnly ?? false,
    countOnly: options.countOnly ?? false,
    minModRevision: number(options.minMod),
    maxModRevision: number(options.maxMod),
    minCreateRevision: number(options.minCreate),
    maxCreateRevision: number(options.maxCreate),
  });
}

interface PutOptions {
  readonly lease?: bigint;
  readonly prevKv?: boolean;
  readonly ignoreValue?: boolean;
  readonly ignoreLease?: boolean;
}

function putRequest(key: string, value: string, options: PutOptions): PutRequest {
  return PutRequest.fromPartial({ key: bytes(key), value: bytes(value), ...options });
}

interface DeleteOptions {
  readonly end?: string;
  readonly prevKv?: boolean;
}

function deleteRequest(key: string, { end = "", prevKv = false }: DeleteOptions) {
  return DeleteRangeRequest.fromPartial({ key: bytes(key), rangeEnd: bytes(end), prevKv });
}

/** Range. */
export function range(key: string, options: RangeOptions = {}): Step {
  return { operation: { kind: "range", request: rangeRequest(key, options) } };
}

/** RangeStream. */
export function rangeStream(key: string, options: RangeOptions = {}): Step {
  return { operation: { kind: "rangeStream", request: rangeRequest(key, options) } };
}

/** Put. */
export function put(key: string, value = "", options: PutOptions = {}): Step {
  return { operation: { kind: "put", request: putRequest(key, value, options) } };
}

/** So many equal puts at once. */
export function burst(key: string, value: string, count: number): Step {
  return { operation: { kind: "burst", request: putRequest(key, value, {}), count } };
}

/** DeleteRange. */
export function del(key: string, options: DeleteOptions = {}): Step {
  return { operation: { kind: "deleteRange", request: deleteRequest(key, options) } };
}

/** The parts of a transaction, each a list that may be left out. */
interface TxnParts {
  readonly compare?: readonly Compare[];
  readonly success?: readonly RequestOp[];
  readonly failure?: readonly RequestOp[];
}

function txnRequest({ compare = [], success = [], failure = [] }: TxnParts): TxnRequest {
  return { compare: [...compare], success: [...success], failure: [...failure] };
}

/** Txn. */
export function txn(parts: TxnParts): Step {
  return { operation: { kind: "txn", request: txnRequest(parts) } };
}

/** A range as an op of a transaction. */
export function opRange(key: string, options: RangeOptions = {}): RequestOp {
  return { request: { $case: "requestRange", value: rangeRequest(key, options) } };
}

/** A put as an op of a transaction. */
export function opPut(key: string, value = "", options: PutOptions = {}): RequestOp {
  return { request: { $case: "requestPut", value: putRequest(key, value, options) } };
}

/** A delete as an op of a transaction. */
export function opDel(key: string, options: DeleteOptions = {}): RequestOp {
  return { request: { $case: "requestDeleteRange", value: deleteRequest(key, options) } };
}

/** A transaction within a transaction. */
export function opTxn(parts: TxnParts): RequestOp {
  return { request: { $case: "requestTxn", value: txnRequest(parts) } };
}

/** An op whose oneof is not set. */
export const OP_UNSET: RequestOp = { request: undefined };

const OPERATORS = {
  "=": Compare_CompareResult.EQUAL,
  ">": Compare_CompareResult.GREATER,
  "<": Compare_CompareResult.LESS,
  "!=": Compare_CompareResult.NOT_EQUAL,
} as const;

type Operator = keyof typeof OPERATORS;

function compareOf(
  target: Compare_CompareTarget,
  given: Compare["targetUnion"],
  { key, operator, end }: { key: string; operator: Operator; end: string },
): Compare {
  const result = OPERATORS[operator];
  return { target, result, key: bytes(key), rangeEnd: bytes(end), targetUnion: given };
}

/** Compares of each target: `key operator given`, over [key, end) when there is an end. */
export const compare = {
  version: (key: string, operator: Operator, given: number, end = ""): Compare =>
    compareOf(
      Compare_CompareTarget.VERSION,
      { $case: "version", value: BigInt(given) },
      { key, operator, end },
    ),
  create: (key: string, operator: Operator, given: number, end = ""): Compare =>
    compareOf(
      Compare_CompareTarget.CREATE,
      { $case: "createRevision", value: BigInt(given) },
      { key, operator, end },
    ),
  mod: (key: string, operator: Operator, given: number, end = ""): Compare =>
    compareOf(
      Compare_CompareTarget.MOD,
      { $case: "modRevision", value: BigInt(given) },
      { key, operator, end },
    ),
  value: (key: string, operator: Operator, given: string, end = ""): Compare =>
    compareOf(
      Compare_CompareTarget.VALUE,
      { $case: "value", value: bytes(given) },
      { key, operator, end },
    ),
  lease: (key: string, operator: Operator, given: bigint, end = ""): Compare =>
    compareOf(
      Compare_CompareTarget.LEASE,
      { $case: "lease", value: given },
      { key, operator, end },
    ),
};

/** Compact. */
export function compact(revision: number, physical = false): Step {
  const request = CompactionRequest.fromPartial({ revision: BigInt(revision), physical });
  return { operation: { kind: "compact", request } };
}

/** LeaseGrant; id 0 lets the server choose. */
export function grant(id: bigint, ttl: bigint): Step {
  return { operation: { kind: "leaseGrant", id, ttl } };
}

/** LeaseRevoke. */
export function revoke(id: bigint): Step {
  return { operation: { kind: "leaseRevoke", id } };
}

/** LeaseTimeToLive. */
export function timeToLive(id: bigint, keys = false): Step {
  return { operation: { kind: "leaseTimeToLive", id, keys } };
}

/** LeaseLeases. */
export const LEASES: Step = { operation: { kind: "leaseLeases" } };

/** Keepalives of these ids, one after another on one stream that is then half-closed. */
export function keepAlives(...ids: readonly bigint[]): Step {
  return { operation: { kind: "keepAlives", ids } };
}

/** HashKV. */
export function hashKv(revision: number): Step {
  const request = HashKVRequest.fromPartial({ revision: BigInt(revision) });
  return { operation: { kind: "hashKv", revision: request.revision } };
}

/** Hash. */
export const HASH: Step = { operation: { kind: "hash", request: {} } };

/** Status. */
export const STATUS: Step = { operation: { kind: "status", request: {} } };

/** Defragment. */
export const DEFRAGMENT: Step = { operation: { kind: "defragment" } };

/** Alarm. */
export function alarm(
  action: AlarmRequest_AlarmAction,
  type: AlarmType,
  memberID: bigint = 0n,
): Step {
  return {
    operation: {
      kind: "alarm",
      request: AlarmRequest.fromPartial({ action, alarm: type, memberID }),
    },
  };
}

/** MemberList. */
export function memberList(linearizable: boolean): Step {
  return { operation: { kind: "memberList", request: { linearizable } } };
}

interface WatchOptions {
  readonly end?: string;
  readonly start?: number;
  readonly prevKv?: boolean;
  readonly filters?: readonly number[];
  readonly id?: number;
  readonly fragment?: boolean;
  readonly progressNotify?: boolean;
}

/** Asks for a watcher on a stream; the stream opens with its first request. */
export function watch(stream: string, key: string, options: WatchOptions = {}): Step {
  const { end = "", start = 0, prevKv = false, filters = [], id = 0 } = options;
  const { fragment = false, progressNotify = false } = options;
  const request = WatchRequest.fromPartial({
    requestUnion: {
      $case: "createRequest",
      value: {
        ...{ key: bytes(key), rangeEnd: bytes(end), startRevision: BigInt(start) },
        ...{
          prevKv,
          filters: filters.map(enumNumber),
          watchId: BigInt(id),
          fragment,
          progressNotify,
        },
      },
    },
  });
  return { operation: { kind: "send", stream, request } };
}

/** Asks for the end of a watcher. */
export function cancelWatch(stream: string, id: number): Step {
  const request = WatchRequest.fromPartial({
    requestUnion: { $case: "cancelRequest", value: { watchId: BigInt(id) } },
  });
  return { operation: { kind: "send", stream, request } };
}

/** Asks for a progress message. */
export function askProgress(stream: string): Step {
  const request = WatchRequest.fromPartial({
    requestUnion: { $case: "progressRequest", value: {} },
  });
  return { operation: { kind: "send", stream, request } };
}

/** A watch request whose oneof is not set. */
export function emptyWatchRequest(stream: string): Step {
  return { operation: { kind: "send", stream, request: { requestUnion: undefined } } };
}

/** Ends the client's side of a watch stream. */
export function halfClose(stream: string): Step {
  return { operation: { kind: "halfClose", stream } };
}

/** The next responses of a watch stream. */
export function receive(stream: string, count = 1): Step {
  return { operation: { kind: "receive", stream, count } };
}

/** The next events of a watch stream, over however many responses. */
export function events(stream: string, count: number): Step {
  return { operation: { kind: "events", stream, count } };
}
