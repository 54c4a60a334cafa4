import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { RpcClient } from "../../src/main/client/rpc-client.js";
import {
  CompactionRequest,
  Compare_CompareResult,
  Compare_CompareTarget,
  KVDefinition,
  type RequestOp,
  TxnRequest,
  type TxnResponse,
} from "../../src/shared/gen/etcdserverpb/rpc.js";
import { type ServerProcess, startCapstan } from "../support/server-process.js";

/** More than a frontend walks itself, so that these reads go to the pool. */
const KEYS = 3000;
const KEYS_PER_TXN = 100;
const ALL = { key: Buffer.from("k"), rangeEnd: Buffer.from("l") };

describe("transactions of ranges, too big for a frontend", () => {
  let server: ServerProcess;
  let client: RpcClient;

  const txn = (request: Parameters<typeof TxnRequest.fromPartial>[0]): Promise<TxnResponse> =>
    client.unary(KVDefinition, KVDefinition.methods.txn, TxnRequest.fromPartial(request));
  const put = (number: number): RequestOp =>
    TxnRequest.fromPartial({
      success: [
        {
          request: {
            $case: "requestPut",
            value: {
              key: Buffer.from(`k${String(number).padStart(5, "0")}`),
              value: Buffer.from("v"),
            },
          },
        },
      ],
    }).success[0]!;
  const counts = (response: TxnResponse): (bigint | undefined)[] =>
    response.responses.map(({ response: one }) =>
      one?.$case === "responseRange" ? one.value.count : undefined,
    );
  const range = (more: object) => ({
    request: { $case: "requestRange" as const, value: { ...ALL, ...more } },
  });

  before(async () => {
    server = await startCapstan();
    client = new RpcClient(server.target);
    for (let first = 0; first < KEYS; first += KEYS_PER_TXN) {
      await txn({ success: Array.from({ length: KEYS_PER_TXN }, (_, i) => put(first + i)) });
    }
  });

  after(async () => {
    client.close();
    await server.dispose();
  });

  test("T-21 read one state, each range in its place", async () => {
    const old = BigInt(1 + KEYS / KEYS_PER_TXN / 2);
    const response = await txn({
      success: [
        range({}),
        range({ revision: old }),
        range({ limit: 7n }),
        range({ countOnly: true }),
      ],
    });
    assert.deepEqual(counts(response), [
      BigInt(KEYS),
      BigInt(KEYS / 2),
      BigInt(KEYS),
      BigInt(KEYS),
    ]);
    const kvs = response.responses.map(({ response: one }) =>
      one?.$case === "responseRange" ? one.value.kvs.length : -1,
    );
    assert.deepEqual(kvs, [KEYS, KEYS / 2, 7, 0]);
  });

  test("T-13 compare every key of a range", async () => {
    const compare = (version: bigint) => ({
      ...ALL,
      target: Compare_CompareTarget.VERSION,
      result: Compare_CompareResult.EQUAL,
      targetUnion: { $case: "version" as const, value: version },
    });
    assert.equal((await txn({ compare: [compare(1n)] })).succeeded, true);
    assert.equal((await txn({ compare: [compare(2n)] })).succeeded, false);
  });

  test("refuse a revision that is still to come", async () => {
    await assert.rejects(
      txn({ success: [range({}), range({ revision: 1_000_000n })] }),
      /required revision is a future revision/,
    );
  });

  test("T-15 look at the path that is taken only, where a revision is compacted", async () => {
    const compare = (version: bigint) => ({
      ...ALL,
      target: Compare_CompareTarget.VERSION,
      result: Compare_CompareResult.EQUAL,
      targetUnion: { $case: "version" as const, value: version },
    });
    const compaction = CompactionRequest.fromPartial({ revision: 5n, physical: true });
    await client.unary(KVDefinition, KVDefinition.methods.compact, compaction);
    const branches = { success: [range({ revision: 3n })], failure: [range({ limit: 1n })] };
    const response = await txn({ ...branches, compare: [compare(2n)] });
    assert.equal(response.succeeded, false);
    assert.deepEqual(counts(response), [BigInt(KEYS)]);
    await assert.rejects(txn({ ...branches, compare: [compare(1n)] }), /has been compacted/);
  });

  test("many at once are all answered, and writes go on beside them", async () => {
    const reads = Array.from({ length: 60 }, () => txn({ success: [range({ sortTarget: 3 })] }));
    const write = await txn({ success: [put(0)] });
    assert.equal(write.succeeded, true);
    for (const response of await Promise.all(reads)) {
      assert.deepEqual(counts(response), [BigInt(KEYS)]);
    }
  });
});
