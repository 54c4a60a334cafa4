import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import {
  type Compare,
  type DeleteRangeResponse,
  type PutRequest,
  type PutResponse,
  type RangeRequest,
  type RangeResponse,
  type RequestOp,
  Compare_CompareResult as Result,
  Compare_CompareTarget as Target,
  type TxnRequest,
  type TxnResponse,
} from "../../src/shared/gen/etcdserverpb/rpc.js";
import {
  bytes,
  compare,
  del,
  get,
  MachineHarness,
  op,
  plain,
  put,
  txn,
} from "./support/machine.js";
import { runs } from "./support/scale.js";
import { StoreTwin, type TwinAnswer } from "./support/store-twin.js";

const key = fc.constantFrom("a", "b", "ba", "c", "\xff", "\xff\xff", "\0");
const rangeEnd = fc.oneof(
  { weight: 3, arbitrary: fc.constant("") },
  fc.constantFrom("b", "c", "z", "\0", "\xff"),
);
const value = fc.constantFrom("", "1", "2", "\0");
const lease = fc.oneof({ weight: 4, arbitrary: fc.constant(0n) }, fc.constantFrom(1n, 2n));
const revision = fc.oneof(
  { weight: 4, arbitrary: fc.constant(0n) },
  fc.integer({ min: -2, max: 30 }).map(BigInt),
);
const seldom = fc.nat(4).map((draw) => draw === 0);

const putRequest: fc.Arbitrary<PutRequest> = fc
  .record({ key, value, lease, prevKv: fc.boolean(), ignoreValue: seldom, ignoreLease: seldom })
  .map(({ key: k, value: v, ...rest }) =>
    put(k, rest.ignoreValue ? "" : v, { ...rest, lease: rest.ignoreLease ? 0n : rest.lease }),
  );

const deleteRequest = fc.tuple(key, rangeEnd, fc.boolean()).map((args) => del(...args));

const rangeRequest: fc.Arbitrary<RangeRequest> = fc
  .tuple(key, rangeEnd, revision, fc.nat(3))
  .map(([k, end, at, limit]) =>
    get(k, { rangeEnd: bytes(end), revision: at, limit: BigInt(limit) }),
  );

const number = fc.nat(12).map(BigInt);
const target = fc.constantFrom(
  Target.VERSION,
  Target.CREATE,
  Target.MOD,
  Target.VALUE,
  Target.LEASE,
);
const targetUnion: fc.Arbitrary<Compare["targetUnion"]> = fc.oneof(
  number.map((v) => ({ $case: "version" as const, value: v })),
  number.map((v) => ({ $case: "createRevision" as const, value: v })),
  number.map((v) => ({ $case: "modRevision" as const, value: v })),
  number.map((v) => ({ $case: "lease" as const, value: v })),
  value.map((v) => ({ $case: "value" as const, value: bytes(v) })),
  fc.constant(undefined),
);
const result = fc.constantFrom(Result.EQUAL, Result.NOT_EQUAL, Result.GREATER, Result.LESS);
const compareRequest = fc
  .tuple(key, rangeEnd, target, targetUnion, result)
  .map(([k, end, t, union, r]) =>
    compare(k, { rangeEnd: bytes(end), target: t, targetUnion: union, result: r }),
  );

function txnRequest(depth: number): fc.Arbitrary<TxnRequest> {
  const single: fc.Arbitrary<RequestOp>[] = [
    putRequest.map(op.put),
    deleteRequest.map(op.del),
    rangeRequest.map(op.get),
  ];
  if (depth > 0) single.push(txnRequest(depth - 1).map(op.txn));
  const branch = fc.array(fc.oneof(...single), { maxLength: 4, size: "max" });
  return fc
    .tuple(fc.array(compareRequest, { maxLength: 2 }), branch, branch)
    .map(([compares, success, failure]) => txn({ compare: compares, success, failure }));
}

type Step =
  | { kind: "put"; request: PutRequest }
  | { kind: "del"; request: ReturnType<typeof del> }
  | { kind: "txn"; request: TxnRequest }
  | { kind: "compact"; revision: number }
  | { kind: "grant" | "revoke"; lease: number }
  | { kind: "checkpoint" };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: putRequest.map((request) => ({ kind: "put" as const, request })) },
  { weight: 2, arbitrary: deleteRequest.map((request) => ({ kind: "del" as const, request })) },
  { weight: 6, arbitrary: txnRequest(2).map((request) => ({ kind: "txn" as const, request })) },
  fc.integer({ min: -1, max: 30 }).map((r) => ({ kind: "compact" as const, revision: r })),
  fc.constantFrom(1, 2).map((l) => ({ kind: "grant" as const, lease: l })),
  fc.constantFrom(1, 2).map((l) => ({ kind: "revoke" as const, lease: l })),
  fc.constant({ kind: "checkpoint" as const }),
);

/** Both sides' answers as the same plain data. */
const flatten = {
  put: ({ prevKv }: PutResponse) => ({ prevKv: plain(prevKv) }),
  del: ({ deleted, prevKvs }: DeleteRangeResponse) => ({
    deleted: Number(deleted),
    prevKvs: prevKvs.map(plain),
  }),
  range: ({ kvs, count, more }: RangeResponse) => ({
    kvs: kvs.map(plain),
    count: Number(count),
    more,
  }),
  txn: ({ succeeded, responses }: TxnResponse): unknown => ({
    succeeded,
    responses: responses.map(({ response }) => {
      assert.ok(response?.value.header, "each response has a header");
      const header = response.value.header.revision;
      return { revision: Number(header), answer: flattenResponse(response) };
    }),
  }),
};

function flattenResponse(response: NonNullable<TxnResponse["responses"][0]["response"]>): unknown {
  switch (response.$case) {
    case "responsePut":
      return flatten.put(response.value);
    case "responseDeleteRange":
      return flatten.del(response.value);
    case "responseRange":
      return flatten.range(response.value);
    case "responseTxn":
      return flatten.txn(response.value);
  }
}

/** Takes the step on both sides; gives both answers. */
function take(it: MachineHarness, twin: StoreTwin, one: Step): [unknown, unknown] {
  const shape = (code: number, header: number, answer: unknown): TwinAnswer =>
    code === 0 ? { code, revision: header, answer } : { code };
  switch (one.kind) {
    case "put": {
      const { code, revision: header, response } = it.put(one.request);
      return [shape(code, header, flatten.put(response)), twin.put(one.request)];
    }
    case "del": {
      const { code, revision: header, response } = it.del(one.request);
      return [shape(code, header, flatten.del(response)), twin.del(one.request)];
    }
    case "txn": {
      const { code, revision: header, response } = it.txn(one.request);
      return [shape(code, header, flatten.txn(response)), twin.txn(one.request)];
    }
    case "compact": {
      const { code, revision: header } = it.compact(one.revision);
      return [shape(code, header, {}), twin.compact(one.revision)];
    }
    case "grant": {
      const { code } = it.grant(BigInt(one.lease), 10n);
      const had = twin.leases.has(one.lease);
      twin.leases.add(one.lease);
      return [code !== 0, had];
    }
    case "revoke": {
      const { code, revision: header } = it.revoke(BigInt(one.lease));
      return [shape(code, header, {}), twin.revoke(one.lease)];
    }
    case "checkpoint":
      it.checkpoint();
      return [0, 0];
  }
}

describe("StateMachine", () => {
  it("answers and stores what its slow twin does, wherever a checkpoint falls", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40, size: "max" }), (steps) => {
        const it = new MachineHarness();
        const twin = new StoreTwin();
        for (const one of steps) {
          const [actual, expected] = take(it, twin, one);
          assert.deepEqual(actual, expected, one.kind);
        }
        assert.equal(it.revision, twin.revision);
        for (let at = Math.max(twin.compacted, 1); at <= twin.revision; at++) {
          const world = [...(twin.worlds[at] ?? new Map()).values()];
          world.sort((a, b) => (a.key < b.key ? -1 : 1));
          assert.deepEqual(it.read("\0", "\0", at), world, `the world at ${at}`);
        }
        for (const id of twin.leases) {
          const held = [...(twin.worlds.at(-1)?.values() ?? [])].filter((k) => k.lease === id);
          const attached = it.machine.leaseKeys.keys(BigInt(id));
          assert.deepEqual(
            attached.map((k) => Buffer.from(k).toString("latin1")),
            held.map((k) => k.key).sort(),
          );
        }
      }),
      { numRuns: runs(600) },
    );
  });
});
