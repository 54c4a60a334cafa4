import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { decodeMessage } from "../../src/shared/decode-message.js";
import {
  LeaseGrantRequest,
  RangeRequest,
  type TxnRequest,
  TxnRequest as TxnRequestType,
} from "../../src/shared/gen/etcdserverpb/rpc.js";

function nestedTxn(depth: number): TxnRequest {
  let txn: TxnRequest = { compare: [], success: [], failure: [] };
  for (let level = 0; level < depth; level++) {
    const request = { $case: "requestTxn" as const, value: txn };
    txn = { compare: [], success: [{ request }], failure: [] };
  }
  return txn;
}

describe("decodeMessage()", () => {
  for (const [hex, what] of [
    ["0000", "field 0"],
    ["0c", "the end of a group"],
    ["0a7f01", "a length beyond the end"],
    ["ff".repeat(10), "a varint without end"],
    ["0f", "wire type 7"],
  ] as const) {
    test(`throws at ${what}`, () => {
      assert.throws(() => decodeMessage(LeaseGrantRequest, Buffer.from(hex, "hex")));
    });
  }

  test("passes over fields that it does not know", () => {
    const known = LeaseGrantRequest.encode({ TTL: 5n, ID: 7n }).finish();
    const bytes = Buffer.concat([Buffer.from("f83f01", "hex"), known]);
    assert.deepEqual(decodeMessage(LeaseGrantRequest, bytes), { TTL: 5n, ID: 7n });
  });

  test("T-04 takes transactions as deep as the op budget", () => {
    const bytes = TxnRequestType.encode(nestedTxn(128)).finish();
    let depth = 0;
    let txn: TxnRequest | undefined = decodeMessage(TxnRequestType, bytes);
    while (txn?.success[0]?.request?.$case === "requestTxn") {
      txn = txn.success[0].request.value;
      depth++;
    }
    assert.equal(depth, 128);
  });

  test("throws, and no more, at nesting that would overflow the stack", () => {
    let bytes: Uint8Array = new Uint8Array(0);
    for (let level = 0; level < 2000; level++) {
      bytes = Buffer.concat([lengthPrefixed(0x22, bytes)]);
      bytes = lengthPrefixed(0x12, bytes);
    }
    assert.throws(() => decodeMessage(TxnRequestType, bytes), /recursion/);
  });

  test("gives a message or throws, whatever the bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        try {
          decodeMessage(RangeRequest, bytes);
        } catch (error) {
          assert.ok(error instanceof Error);
        }
      }),
    );
  });
});

function lengthPrefixed(tag: number, bytes: Uint8Array): Uint8Array {
  const length: number[] = [];
  let rest = bytes.length;
  for (; rest > 0x7f; rest >>>= 7) length.push((rest & 0x7f) | 0x80);
  length.push(rest);
  return Buffer.concat([Buffer.from([tag, ...length]), bytes]);
}
