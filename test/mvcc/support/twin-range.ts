import fc from "fast-check";
import {
  RangeRequest_SortOrder as Order,
  RangeRequest,
  RangeRequest_SortTarget as Target,
} from "../../../src/shared/gen/etcdserverpb/rpc.js";
import { anyKey, anyRangeEnd, text } from "./keys.js";
import { byteOrder, stored, type Twin, type TwinChange } from "./twin.js";

/** What a range must answer. */
export interface TwinAnswer {
  readonly keyValues: Uint8Array[];
  readonly count: number;
  readonly more: boolean;
}

/** A range request over small numbers, so that limits and filters cut something. */
export const anyRangeRequest = fc
  .record({
    key: anyKey,
    rangeEnd: anyRangeEnd,
    limit: fc.constantFrom(0n, 0n, 1n, 2n, 3n, 5n, 100n, -1n, 0x7fff_ffff_ffff_ffffn),
    sortOrder: fc.constantFrom(Order.NONE, Order.ASCEND, Order.DESCEND),
    sortTarget: fc.constantFrom(...[0, 1, 2, 3, 4]) as fc.Arbitrary<Target>,
    keysOnly: fc.boolean(),
    countOnly: fc.constantFrom(false, false, false, true),
    minModRevision: smallFilter(),
    maxModRevision: smallFilter(),
    minCreateRevision: smallFilter(),
    maxCreateRevision: smallFilter(),
  })
  .map(({ key, rangeEnd, ...rest }) =>
    RangeRequest.fromPartial({
      ...rest,
      key: Buffer.from(key, "latin1"),
      rangeEnd: Buffer.from(rangeEnd, "latin1"),
    }),
  );

/** Section 3.2 of the semantics, one rule after the other, on whole lists. */
export function twinRange(twin: Twin, request: RangeRequest, revision: number): TwinAnswer {
  const all = twin.alive(text(request.key), text(request.rangeEnd), revision);
  if (request.countOnly) return { keyValues: [], count: all.length, more: false };
  const limit = request.limit > 0n ? Number(request.limit) : Number.POSITIVE_INFINITY;
  const filtered = all.filter((one) => passes(one, request));
  let found = filtered;
  if (request.sortOrder === Order.NONE && filters(request).every((bound) => bound === 0n)) {
    found = found.slice(0, limit + 1);
  }
  found = [...found].sort((a, b) => order(a, b, request.sortTarget) || byteOrder(a.key, b.key));
  if (request.sortOrder === Order.DESCEND) found.reverse();
  const keyValues = found.slice(0, limit).map((one) => stored(shown(one, request)));
  return { keyValues, count: all.length, more: found.length > limit };
}

function shown(one: TwinChange, request: RangeRequest): TwinChange {
  if (!request.keysOnly) return one;
  return { ...one, value: "", lease: request.sortTarget === Target.VALUE ? one.lease : 0n };
}

function filters(request: RangeRequest): bigint[] {
  return [
    request.minModRevision,
    request.maxModRevision,
    request.minCreateRevision,
    request.maxCreateRevision,
  ];
}

function passes(one: TwinChange, request: RangeRequest): boolean {
  const mod = BigInt(one.main);
  const create = BigInt(one.create);
  return (
    (request.minModRevision === 0n || mod >= request.minModRevision) &&
    (request.maxModRevision === 0n || mod <= request.maxModRevision) &&
    (request.minCreateRevision === 0n || create >= request.minCreateRevision) &&
    (request.maxCreateRevision === 0n || create <= request.maxCreateRevision)
  );
}

function order(a: TwinChange, b: TwinChange, target: Target): number {
  switch (target) {
    case Target.VERSION:
      return a.version - b.version;
    case Target.CREATE:
      return a.create - b.create;
    case Target.MOD:
      return a.main - b.main;
    case Target.VALUE:
      return byteOrder(a.value, b.value);
    default:
      return byteOrder(a.key, b.key);
  }
}

function smallFilter(): fc.Arbitrary<bigint> {
  return fc.oneof(
    { weight: 5, arbitrary: fc.constant(0n) },
    { weight: 2, arbitrary: fc.bigInt(1n, 12n) },
    { weight: 1, arbitrary: fc.constant(-1n) },
  );
}
