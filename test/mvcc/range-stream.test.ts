import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { ErrorCode } from "../../src/shared/errors.js";
import type { RangeRequest } from "../../src/shared/gen/etcdserverpb/rpc.js";
import { range } from "../../src/shared/mvcc/range.js";
import { RangeStream } from "../../src/shared/mvcc/range-stream.js";
import { text } from "./support/keys.js";
import { runs } from "./support/scale.js";
import { rangeRequest, Store } from "./support/store.js";

const CHUNK_BYTES = 1000;

function open(store: Store, request: RangeRequest): RangeStream {
  const stream = RangeStream.open(store.view, request, CHUNK_BYTES);
  assert.ok(stream.ok);
  return stream.value;
}

/** All steps of a stream; `between` runs after each. Values are copied, as an encoder would. */
function drain(stream: RangeStream, between: () => void = () => {}) {
  const messages: string[][] = [];
  for (let i = 0; i < 10_000; i += 1) {
    const step = stream.step();
    assert.ok(step.ok);
    const { value } = step;
    if (value.kind !== "counting") messages.push(value.keyValues.map(text));
    if (value.kind === "last") return { messages, last: value };
    between();
  }
  throw new Error("stream does not end");
}

function filled(count: number, valueBytes: number): Store {
  const store = new Store();
  for (let i = 0; i < count; i += 1) {
    store.put(`k${String(i).padStart(5, "0")}`, "v".repeat(valueBytes));
    if (i === Math.floor(count / 2)) store.checkpoint();
  }
  return store;
}

describe("RangeStream", () => {
  it("RS-02 RS-04 RS-06: gives in all what one range gives, while writes and checkpoints go on", () => {
    const anyCase = fc.record({
      count: fc.nat(60),
      limit: fc.constantFrom(0n, 1n, 9n, 10n, 11n, 30n, 100n),
      keysOnly: fc.boolean(),
      valueBytes: fc.constantFrom(0, 300),
    });
    fc.assert(
      fc.property(anyCase, ({ count, limit, keysOnly, valueBytes }) => {
        const store = filled(count, valueBytes);
        const request = rangeRequest("k", "l", { limit, keysOnly });
        const whole = range(store.view, request);
        assert.ok(whole.ok);
        const expected = whole.value.keyValues.map(text);
        let turn = 0;
        const { messages, last } = drain(open(store, request), () => {
          turn += 1;
          store.put(`k${turn}new`);
          store.delete("k00003");
          store.put("k00059", "changed");
          if (turn % 2 === 0) store.checkpoint();
        });
        assert.deepEqual(messages.flat(), expected);
        assert.ok((messages[0]?.length ?? 0) <= 10);
        assert.deepEqual(
          [last.count, last.more, last.revision],
          [whole.value.count, whole.value.more, whole.value.revision],
        );
      }),
      { numRuns: runs(60) },
    );
  });

  it("RS-03: chunks begin with ten keys and grow while they are small", () => {
    const sizes = drain(open(filled(200, 0), rangeRequest("k", "l"))).messages.map(
      (message) => message.length,
    );
    assert.deepEqual(sizes, [10, 20, 40, 40, 40, 40, 10]);
  });

  it("RS-05: one message for an empty range, and for count_only", () => {
    const store = filled(30, 0);
    const empty = drain(open(store, rangeRequest("x", "z")));
    assert.deepEqual([empty.messages, empty.last.count], [[[]], 0]);
    const counted = drain(open(store, rangeRequest("k", "l", { countOnly: true })));
    assert.deepEqual([counted.messages, counted.last.count, counted.last.more], [[[]], 30, false]);
  });

  it("counts a long rest in steps", () => {
    const store = new Store();
    for (let i = 0; i < 10_500; i += 1) store.put(`k${i}`);
    let steps = 0;
    const { messages, last } = drain(open(store, rangeRequest("k", "l", { limit: 5n })), () => {
      steps += 1;
    });
    assert.equal(steps, 1);
    assert.deepEqual([messages.length, messages[0]?.length], [1, 5]);
    assert.deepEqual([last.count, last.more], [10_500, true]);
  });

  it("RS-07: ends with compacted when its revision is", () => {
    const store = filled(30, 0);
    const stream = open(store, rangeRequest("k", "l"));
    assert.ok(stream.step().ok);
    store.put("k");
    store.view.setCompactRevision(store.view.revision);
    assert.deepEqual(stream.step(), { ok: false, code: ErrorCode.compacted });
  });

  it("refuses a revision that cannot be read", () => {
    const request = rangeRequest("k", "l", { revision: 100n });
    const outcome = RangeStream.open(filled(3, 0).view, request, CHUNK_BYTES);
    assert.deepEqual(outcome, { ok: false, code: ErrorCode.futureRevision });
  });
});
