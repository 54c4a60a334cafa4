import {
  CompactionRequest,
  type Compare,
  Compare_CompareResult,
  Compare_CompareTarget,
  DeleteRangeRequest,
  PutRequest,
  RangeRequest,
  type RequestOp,
  TxnRequest,
  WatchCreateRequest,
} from "../../src/shared/gen/etcdserverpb/rpc.js";
import type { Random } from "../support/random.js";
import type { Operation } from "./operation.js";

/** Few keys, so that they meet: prefixes of one another, the edges 0x00 and 0xff, one empty. */
const KEYS = [
  "a",
  "a\0",
  "aa",
  "ab",
  "b",
  "ba",
  "b\xff",
  "c",
  "c/1",
  "c/2",
  "d",
  "\xff",
  "\xff\xff",
  "\0",
];
const ENDS = ["", "", "", "\0", "b", "c", "c0", "d", "e", "\xff", "a"];
const LEASES = [11n, 12n, 13n, -14n];
const WATCH_SLOTS = 6;

const bytes = (text: string): Uint8Array => Buffer.from(text, "latin1");

/** A random sequence of calls. The same random source state gives the same sequence. */
export function generateOperations(random: Random, count: number): Operation[] {
  return Array.from({ length: count }, () => generateOperation(random));
}

function generateOperation(random: Random): Operation {
  return random.weighted<() => Operation>([
    [22, () => ({ kind: "put", request: put(random) })],
    [22, () => ({ kind: "range", request: range(random) })],
    [8, () => ({ kind: "deleteRange", request: deleteRange(random) })],
    [24, () => ({ kind: "txn", request: survivable(txn(random, 0)) })],
    [2, () => ({ kind: "compact", request: compact(random) })],
    [4, () => ({ kind: "leaseGrant", id: random.pick(LEASES), ttl: leaseTtl(random) })],
    [2, () => ({ kind: "leaseRevoke", id: random.pick(LEASES) })],
    [2, () => ({ kind: "leaseKeepAlive", id: random.pick(LEASES) })],
    [3, () => ({ kind: "leaseTimeToLive", id: random.pick(LEASES), keys: random.chance(0.7) })],
    [1, () => ({ kind: "leaseLeases" })],
    [2, () => ({ kind: "hashKv", revision: random.chance(0.6) ? 0n : revision(random) })],
    [
      4,
      () => ({ kind: "watch", slot: random.integer(0, WATCH_SLOTS - 1), request: watch(random) }),
    ],
    [2, () => ({ kind: "watchCancel", slot: random.integer(0, WATCH_SLOTS - 1) })],
  ])();
}

function key(random: Random): Uint8Array {
  return random.chance(0.01) ? bytes("") : bytes(random.pick(KEYS));
}

function value(random: Random): Uint8Array {
  return random.chance(0.1) ? bytes("") : bytes(`v${random.integer(0, 9)}`);
}

/** Mostly revisions that exist in a run of a few hundred calls; some far off, some negative. */
function revision(random: Random): bigint {
  return BigInt(
    random.weighted([
      [20, random.integer(1, 60)],
      [20, random.integer(1, 200)],
      [1, 100_000],
      [1, -1],
      [1, -7],
      [1, 0],
    ]),
  );
}

function leaseTtl(random: Random): bigint {
  return random.pick([600n, 1000n, 5000n, 9_000_000_001n]);
}

function put(random: Random): PutRequest {
  const ignoreValue = random.chance(0.08);
  const ignoreLease = random.chance(0.08);
  return PutRequest.fromPartial({
    key: key(random),
    value: ignoreValue && random.chance(0.9) ? bytes("") : value(random),
    lease: random.chance(0.25) && !(ignoreLease && random.chance(0.9)) ? random.pick(LEASES) : 0n,
    prevKv: random.chance(0.4),
    ignoreValue,
    ignoreLease,
  });
}

function range(random: Random): RangeRequest {
  const filtered = random.chance(0.15);
  const bound = (): bigint => (filtered && random.chance(0.4) ? revision(random) : 0n);
  return RangeRequest.fromPartial({
    key: key(random),
    rangeEnd: bytes(random.pick(ENDS)),
    limit: random.chance(0.35) ? BigInt(random.integer(-1, 6)) : 0n,
    revision: random.chance(0.3) ? revision(random) : 0n,
    sortOrder: random.pick([0, 0, 1, 2]),
    // Ties have no stated order: sort by what differs between keys, or by key.
    sortTarget: random.pick([0, 0, 0, 2, 3]),
    serializable: random.chance(0.3),
    keysOnly: random.chance(0.15),
    countOnly: random.chance(0.1),
    minModRevision: bound(),
    maxModRevision: bound(),
    minCreateRevision: bound(),
    maxCreateRevision: bound(),
  });
}

function deleteRange(random: Random): DeleteRangeRequest {
  return DeleteRangeRequest.fromPartial({
    key: key(random),
    rangeEnd: bytes(random.chance(0.6) ? "" : random.pick(ENDS)),
    prevKv: random.chance(0.5),
  });
}

function compact(random: Random): CompactionRequest {
  return CompactionRequest.fromPartial({
    revision: revision(random),
    physical: random.chance(0.3),
  });
}

function watch(random: Random): WatchCreateRequest {
  return WatchCreateRequest.fromPartial({
    key: key(random),
    rangeEnd: bytes(random.pick(ENDS)),
    startRevision: random.chance(0.6) ? revision(random) : 0n,
    prevKv: random.chance(0.5),
    filters: random.chance(0.2) ? [random.pick([0, 1])] : [],
    fragment: random.chance(0.2),
    watchId: random.chance(0.1) ? BigInt(random.integer(-3, 9)) : 0n,
  });
}

function txn(random: Random, depth: number): TxnRequest {
  const list = <T>(low: number, high: number, make: () => T): T[] =>
    Array.from({ length: random.integer(low, high) }, make);
  return TxnRequest.fromPartial({
    compare: list(0, 2, () => compare(random)),
    success: list(0, 3, () => op(random, depth)),
    failure: list(0, 3, () => op(random, depth)),
  });
}

/**
 * Turns every put that may come after a delete of the same transaction into a read of its key. Real etcd can be
 * broken by such a put, so there is nothing to compare with: with an ignore flag it ends its process; and a key
 * that is deleted and put again at one main revision gives other hashes later, or is lost for good when it is
 * compacted there. What such transactions do here is in the scripted sequences.
 */
function survivable(request: TxnRequest): TxnRequest {
  calmBranch(request.success, false);
  calmBranch(request.failure, false);
  return request;
}

/** Whether the branch may have deleted something, or something before it had. */
function calmBranch(ops: readonly RequestOp[], deletedBefore: boolean): boolean {
  let deleted = deletedBefore;
  for (const op of ops) {
    const { request } = op;
    if (request?.$case === "requestDeleteRange") deleted = true;
    else if (request?.$case === "requestTxn") {
      const { success, failure } = request.value;
      const [one, other] = [calmBranch(success, deleted), calmBranch(failure, deleted)];
      deleted = one || other;
    } else if (request?.$case === "requestPut" && deleted) {
      const value = RangeRequest.fromPartial({ key: request.value.key });
      op.request = { $case: "requestRange", value };
    }
  }
  return deleted;
}

function op(random: Random, depth: number): RequestOp {
  const request = random.weighted<() => RequestOp["request"]>([
    [5, () => ({ $case: "requestRange", value: range(random) })],
    [6, () => ({ $case: "requestPut", value: put(random) })],
    [3, () => ({ $case: "requestDeleteRange", value: deleteRange(random) })],
    [depth < 3 ? 2 : 0, () => ({ $case: "requestTxn", value: txn(random, depth + 1) })],
    [0.1, () => undefined],
  ])();
  return { request };
}

function compare(random: Random): Compare {
  const target = random.pick(Object.values(Compare_CompareTarget).filter((number) => number >= 0));
  // One in twenty gives a value of another kind than the target (T-14).
  const given = random.chance(0.05) ? random.integer(0, 4) : target;
  const number = random.chance(0.5) ? 0n : revision(random);
  const unions: readonly Compare["targetUnion"][] = [
    { $case: "version", value: BigInt(random.integer(0, 3)) },
    { $case: "createRevision", value: number },
    { $case: "modRevision", value: number },
    { $case: "value", value: value(random) },
    { $case: "lease", value: random.chance(0.5) ? 0n : random.pick(LEASES) },
  ];
  return {
    target,
    result: random.pick(Object.values(Compare_CompareResult).filter((result) => result >= 0)),
    key: key(random),
    rangeEnd: random.chance(0.15) ? bytes(random.pick(ENDS)) : bytes(""),
    targetUnion: unions[given],
  };
}
