import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { decodeMessage } from "../../src/shared/decode-message.js";
import { PutRequest } from "../../src/shared/gen/etcdserverpb/rpc.js";
import { decodePutRequest } from "../../src/shared/put-request.js";
import { runs } from "./support/scale.js";

function outcome(decode: () => PutRequest): unknown {
  try {
    const { key, value, ...rest } = decode();
    return { key: Buffer.from(key), value: Buffer.from(value), ...rest };
  } catch (error) {
    return String(error);
  }
}

describe("decodePutRequest", () => {
  it("gives what the generated codec gives for every request", () => {
    const request = fc.record({
      key: fc.uint8Array({ maxLength: 300 }),
      value: fc.uint8Array({ maxLength: 20_000, size: "+2" }),
      lease: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
      prevKv: fc.boolean(),
      ignoreValue: fc.boolean(),
      ignoreLease: fc.boolean(),
    });
    fc.assert(
      fc.property(request, (put) => {
        const bytes = PutRequest.encode(put).finish();
        assert.deepEqual(
          outcome(() => decodePutRequest(bytes)),
          outcome(() => decodeMessage(PutRequest, bytes)),
        );
      }),
      { numRuns: runs(1000) },
    );
  });

  it("gives what the generated codec gives for bytes that are cut, changed or of any kind", () => {
    const put = { key: Buffer.from("key"), value: Buffer.alloc(200), lease: 300n, prevKv: true };
    const whole = PutRequest.encode({ ...put, ignoreValue: true, ignoreLease: false }).finish();
    const changed = fc
      .tuple(fc.nat(whole.length), fc.nat(whole.length - 1), fc.nat(255))
      .map(([cut, at, byte]) => {
        const bytes = Uint8Array.from(whole);
        bytes[at] = byte;
        return bytes.subarray(0, cut);
      });
    const tagged = fc.array(fc.constantFrom(0x0a, 0x12, 0x18, 0x20, 0x28, 0x30, 1, 2, 0x80, 0xff));
    const random = fc.oneof(
      changed,
      fc.uint8Array({ maxLength: 40 }),
      tagged.map((list) => Uint8Array.from(list)),
    );
    fc.assert(
      fc.property(random, (bytes) => {
        assert.deepEqual(
          outcome(() => decodePutRequest(bytes)),
          outcome(() => decodeMessage(PutRequest, bytes)),
        );
      }),
      { numRuns: runs(5000) },
    );
  });
});
