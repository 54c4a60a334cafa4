import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { HeadMemo } from "../../src/main/http2/grpc/head-memo.js";
import { parseRequestHead, type RequestHead } from "../../src/main/http2/grpc/request-head.js";
import type { HeaderField } from "../../src/main/http2/hpack/header-field.js";
import { CALL_FIELDS } from "./support/frames.js";
import { scaled } from "./support/scale.js";

const KEYS = ["grpc-timeout", "token", "key-bin", "te"];

function factsOf(head: RequestHead): unknown {
  const { method, path, contentType, encoding, timeoutMs, bodyBytes, problem } = head;
  const metadata = KEYS.map((key) => head.metadata(key));
  return { method, path, contentType, encoding, timeoutMs, bodyBytes, problem, metadata };
}

describe("HeadMemo", () => {
  test("says of any sequence of requests what the parser says", () => {
    // Few fields, the same objects again and again, as they come out of a table; and some new ones.
    const pool: HeaderField[] = [
      ...CALL_FIELDS.map(([name, value]) => ({ name, value })),
      { name: ":path", value: "/t.T/Other" },
      { name: "token", value: "a" },
      { name: "token", value: "b" },
      { name: "key-bin", value: "QQ==" },
      { name: "grpc-encoding", value: "gzip" },
      { name: "content-length", value: "7" },
      { name: "grpc-timeout", value: "1S" },
      { name: "grpc-timeout", value: "20m" },
      { name: "grpc-timeout", value: "never" },
    ];
    const base = pool.slice(0, CALL_FIELDS.length);
    const timeout = fc
      .constantFrom("1S", "5m", "250u", "", "1", "99999999H")
      .map((value): HeaderField => ({ name: "grpc-timeout", value }));
    const extra = fc.array(fc.oneof(fc.constantFrom(...pool), timeout, timeout), { maxLength: 3 });
    const copied = fc.boolean();
    const request = fc.tuple(extra, copied).map(([fields, isCopied]) => {
      const all = [...base, ...fields];
      return isCopied ? all.map((field) => ({ ...field })) : all;
    });
    const property = fc.property(fc.array(request, { maxLength: 30 }), (requests) => {
      const memo = new HeadMemo();
      for (const fields of requests) {
        assert.deepEqual(factsOf(memo.parse(fields)), factsOf(parseRequestHead(fields)));
      }
    });
    fc.assert(property, { numRuns: scaled(500), includeErrorInReport: true });
  });

  test("gives each request its own head, with its own deadline", () => {
    const memo = new HeadMemo();
    const base = CALL_FIELDS.map(([name, value]) => ({ name, value }));
    const first = memo.parse([...base, { name: "grpc-timeout", value: "1S" }]);
    const second = memo.parse([...base, { name: "grpc-timeout", value: "2S" }]);
    assert.equal(first.timeoutMs, 1000);
    assert.equal(second.timeoutMs, 2000);
    assert.equal(second.metadata("grpc-timeout"), "2S");
    assert.equal(first.metadata("grpc-timeout"), "1S");
  });
});
