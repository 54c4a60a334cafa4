import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { checkPut, checkRange, checkTxn, routeTxn } from "../../src/main/services/check-request.js";
import { ErrorCode } from "../../src/shared/errors.js";
import {
  DeleteRangeRequest,
  PutRequest,
  RangeRequest,
  type RequestOp,
  TxnRequest,
} from "../../src/shared/gen/etcdserverpb/rpc.js";
import { putCostBytes, txnCostBytes } from "../../src/shared/space-cost.js";

const OPS_MAX = 128;
const key = (text: string): Uint8Array => Buffer.from(text);

function put(text: string): RequestOp {
  return { request: { $case: "requestPut", value: PutRequest.fromPartial({ key: key(text) }) } };
}

function range(text: string, serializable = false): RequestOp {
  const value = RangeRequest.fromPartial({ key: key(text), serializable });
  return { request: { $case: "requestRange", value } };
}

function remove(text: string, end = ""): RequestOp {
  const value = DeleteRangeRequest.fromPartial({ key: key(text), rangeEnd: key(end) });
  return { request: { $case: "requestDeleteRange", value } };
}

function nested(success: RequestOp[], failure: RequestOp[] = []): RequestOp {
  return { request: { $case: "requestTxn", value: txn(success, failure) } };
}

function txn(success: RequestOp[], failure: RequestOp[] = []): TxnRequest {
  return { compare: [], success, failure };
}

describe("checkRange()", () => {
  test("R-01 refuses an empty key", () => {
    assert.equal(checkRange(RangeRequest.fromPartial({})), ErrorCode.emptyKey);
  });

  test("R-02 refuses sort options outside their enums, below and above", () => {
    for (const bad of [
      { sortOrder: 3 },
      { sortOrder: -1 },
      { sortTarget: 5 },
      { sortTarget: -2 },
    ]) {
      const request = RangeRequest.fromPartial({ key: key("a") });
      const code = checkRange({ ...request, ...bad } as RangeRequest);
      assert.equal(code, ErrorCode.invalidSortOption, JSON.stringify(bad));
    }
  });
});

describe("checkPut()", () => {
  test("P-01 looks at the key, then at the value, then at the lease", () => {
    const all = { value: key("v"), lease: 1n, ignoreValue: true, ignoreLease: true };
    assert.equal(checkPut(PutRequest.fromPartial(all)), ErrorCode.emptyKey);
    assert.equal(
      checkPut(PutRequest.fromPartial({ ...all, key: key("k") })),
      ErrorCode.valueProvided,
    );
    const noValue = PutRequest.fromPartial({ ...all, key: key("k"), value: key("") });
    assert.equal(checkPut(noValue), ErrorCode.leaseProvided);
  });

  test("P-09 allows both ignore flags together", () => {
    const touch = PutRequest.fromPartial({ key: key("k"), ignoreValue: true, ignoreLease: true });
    assert.equal(checkPut(touch), 0);
  });
});

describe("checkTxn()", () => {
  const accepts = (request: TxnRequest): void => assert.equal(checkTxn(request, OPS_MAX), 0);
  const refuses = (request: TxnRequest, code: ErrorCode): void =>
    assert.equal(checkTxn(request, OPS_MAX), code);

  test("T-07 accepts an empty txn", () => accepts(txn([])));

  test("T-04 counts the largest list, and nested txns on what is left", () => {
    const ops = (count: number): RequestOp[] =>
      Array.from({ length: count }, (_, n) => put(`k${n}`));
    accepts(txn(ops(OPS_MAX), ops(OPS_MAX)));
    refuses(txn(ops(OPS_MAX + 1)), ErrorCode.tooManyOps);
    accepts(txn([...ops(OPS_MAX - 1), nested([])]));
    refuses(txn([...ops(OPS_MAX - 1), nested([put("x")])]), ErrorCode.tooManyOps);
  });

  test("T-02 refuses an empty key at any depth, in either branch", () => {
    refuses(txn([], [nested([], [put("")])]), ErrorCode.emptyKey);
    const compare = {
      ...txn([]),
      compare: [{ ...TxnRequest.fromPartial({ compare: [{}] }).compare[0]! }],
    };
    refuses(compare, ErrorCode.emptyKey);
  });

  test("T-05 refuses an op without request", () => {
    refuses(txn([{ request: undefined }]), ErrorCode.keyNotFound);
  });

  test("T-06a put and put", () => refuses(txn([put("k"), put("k")]), ErrorCode.duplicateKey));

  test("T-06b put and a delete that covers it, in any order", () => {
    refuses(txn([put("k"), remove("a", "z")]), ErrorCode.duplicateKey);
    refuses(txn([remove("k"), put("k")]), ErrorCode.duplicateKey);
    accepts(txn([put("k"), remove("a", "k")]));
  });

  test("T-06c overlapping deletes are fine", () => accepts(txn([remove("a", "z"), remove("k")])));

  test("T-06d, T-06e a put here and a nested put or delete of it", () => {
    refuses(txn([put("k"), nested([], [put("k")])]), ErrorCode.duplicateKey);
    refuses(txn([put("k"), nested([remove("k")])]), ErrorCode.duplicateKey);
  });

  test("T-06f a delete here and a nested put it covers", () => {
    refuses(txn([remove("a", "z"), nested([put("k")])]), ErrorCode.duplicateKey);
  });

  test("T-06g two siblings that may put the same key", () => {
    refuses(txn([nested([put("k")]), nested([], [put("k")])]), ErrorCode.duplicateKey);
  });

  test("T-06h the two branches of one nested txn", () => {
    accepts(txn([nested([put("k")], [put("k")])]));
    accepts(txn([nested([remove("k")], [put("k")])]));
  });

  test("T-06i a later sibling's delete is not seen, an earlier one's is", () => {
    accepts(txn([nested([put("k")]), nested([remove("k")])]));
    refuses(txn([nested([remove("k")]), nested([put("k")])]), ErrorCode.duplicateKey);
  });

  test("T-06j a delete from a key on covers nothing", () =>
    accepts(txn([put("k"), remove("a", "\0")])));

  test("T-06 looks at the two branches of the top txn apart", () =>
    accepts(txn([put("k")], [put("k")])));
});

describe("routeTxn()", () => {
  test("T-21 to T-23 tells reads from writes, and serializable reads from the others", () => {
    assert.equal(routeTxn(txn([])), "serializable");
    assert.equal(routeTxn(txn([range("a", true)], [range("b", true)])), "serializable");
    assert.equal(routeTxn(txn([range("a", true)], [range("b")])), "linearizable");
    assert.equal(routeTxn(txn([range("a")], [put("b")])), "consensus");
    assert.equal(routeTxn(txn([nested([])])), "consensus");
  });
});

describe("txnCostBytes()", () => {
  test("takes the dearer branch and counts nested puts", () => {
    const one = putCostBytes(PutRequest.fromPartial({ key: key("k") }));
    assert.equal(txnCostBytes(txn([put("k")], [put("k"), nested([put("x")])])), 2 * one);
    assert.equal(txnCostBytes(txn([range("k"), remove("k")])), 0);
  });
});
