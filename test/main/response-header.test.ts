import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { HeaderEncoder } from "../../src/main/services/response-header.js";
import { PutResponse, RangeResponse } from "../../src/shared/gen/etcdserverpb/rpc.js";

const id = fc.bigInt({ min: 1n, max: 2n ** 64n - 1n });
const counter = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });

test("HeaderEncoder gives the same bytes as the generated codec", () => {
  fc.assert(
    fc.property(id, id, counter, counter, (clusterId, memberId, revision, term) => {
      const encoder = new HeaderEncoder({ clusterId, memberId }, () => term);
      const header = { clusterId, memberId, revision: BigInt(revision), raftTerm: BigInt(term) };
      const expected = PutResponse.encode({ header, prevKv: undefined }).finish();
      assert.deepEqual(encoder.reply(revision), Buffer.from(expected));
    }),
  );
});

test("HeaderEncoder puts the body behind the header, from where it lies", () => {
  const encoder = new HeaderEncoder({ clusterId: 1n, memberId: 2n }, () => 3);
  const body = RangeResponse.encode(RangeResponse.fromPartial({ count: 5n, more: true })).finish();
  const ring = Buffer.concat([Buffer.from("before"), body, Buffer.from("behind")]);
  const reply = RangeResponse.decode(encoder.reply(4, ring, 6, body.length));
  assert.equal(reply.count, 5n);
  assert.equal(reply.more, true);
  assert.equal(reply.header?.revision, 4n);
});
