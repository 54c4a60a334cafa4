import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { InvariantError } from "../../src/shared/assert.js";
import { ErrorCode } from "../../src/shared/errors.js";
import {
  RangeRequest_SortOrder as Order,
  type RangeRequest,
  RangeResponse,
  RangeRequest_SortTarget as Target,
} from "../../src/shared/gen/etcdserverpb/rpc.js";
import { KeyValue } from "../../src/shared/gen/mvccpb/kv.js";
import {
  encodeRangeBody,
  type RangeAnswer,
  range,
  rangeWithin,
} from "../../src/shared/mvcc/range.js";
import { keyBounds } from "../../src/shared/mvcc/range-bounds.js";
import { ReadView } from "../../src/shared/mvcc/read-view.js";
import { bytes } from "./support/keys.js";
import { keysOf, rangeRequest, Store } from "./support/store.js";

function answerOf(store: Store, request: RangeRequest): RangeAnswer {
  const outcome = range(store.view, request);
  assert.ok(outcome.ok);
  return outcome.value;
}

function found(store: Store, key: string, end: string, rest: Partial<RangeRequest> = {}): string[] {
  return keysOf(answerOf(store, rangeRequest(key, end, rest)).keyValues);
}

/** a (mod 5), b (mod 4), c (mod 3), as in R-21. */
function threeKeys(): Store {
  const store = new Store();
  store.put("x");
  store.put("c", "3");
  store.put("b", "2");
  store.put("a", "1");
  store.delete("x");
  return store;
}

describe("range", () => {
  it("R-03 R-04 R-05: latest for 0 and below, futureRevision above, compacted below the compaction", () => {
    const store = threeKeys();
    store.view.setCompactRevision(4);
    assert.deepEqual(found(store, "a", "", { revision: 0n }), ["a"]);
    assert.deepEqual(found(store, "a", "", { revision: -9n }), ["a"]);
    assert.deepEqual(found(store, "a", "", { revision: 4n }), []);
    assert.deepEqual(found(store, "a", "", { revision: 5n }), ["a"]);
    const future = range(store.view, rangeRequest("a", "", { revision: 7n }));
    assert.deepEqual(future, { ok: false, code: ErrorCode.futureRevision });
    const compacted = range(store.view, rangeRequest("a", "", { revision: 3n }));
    assert.deepEqual(compacted, { ok: false, code: ErrorCode.compacted });
  });

  it("R-10 M-20 to M-25: every form of range_end, ascending", () => {
    const store = new Store();
    for (const key of ["\xff\xff", "\xff", "b", "a\0", "a", "\0"]) store.put(key);
    for (let half = 0; half < 2; half += 1) {
      assert.deepEqual(found(store, "a", ""), ["a"]);
      assert.deepEqual(found(store, "a", "b"), ["a", "a\0"]);
      assert.deepEqual(found(store, "b", "\0"), ["b", "\xff", "\xff\xff"]);
      assert.deepEqual(found(store, "\0", "\0"), ["\0", "a", "a\0", "b", "\xff", "\xff\xff"]);
      assert.deepEqual(found(store, "b", "a"), []);
      assert.deepEqual(found(store, "b", "b"), []);
      store.checkpoint();
    }
  });

  it("M-08 W-07: the empty key is no key, and with a range_end the lowest one", () => {
    const store = threeKeys();
    assert.deepEqual(found(store, "", ""), []);
    assert.deepEqual(found(store, "", "\0"), ["a", "b", "c"]);
    assert.deepEqual(found(store, "", "b"), ["a"]);
  });

  it("R-11 R-12 R-13: limit cuts, count counts all, more says that there is more", () => {
    const store = threeKeys();
    for (const [limit, keys, more] of [
      [2n, 2, true],
      [3n, 3, false],
      [0n, 3, false],
      [-1n, 3, false],
    ] as const) {
      const answer = answerOf(store, rangeRequest("\0", "\0", { limit }));
      assert.deepEqual([answer.keyValues.length, answer.count, answer.more], [keys, 3, more]);
    }
  });

  it("R-14: count_only answers the count and nothing else", () => {
    const store = threeKeys();
    const request = { countOnly: true, limit: 1n, minModRevision: 5n, keysOnly: true };
    const answer = answerOf(store, rangeRequest("\0", "\0", request));
    assert.deepEqual(answer, { keyValues: [], count: 3, more: false, revision: 6 });
  });

  it("R-15 R-16 R-24: keys_only leaves out value and lease, but keeps the lease when sorted by value", () => {
    const store = new Store();
    store.put("a", "2", 7n);
    store.put("b", "1", 8n);
    for (let half = 0; half < 2; half += 1) {
      const plain = answerOf(store, rangeRequest("a", "c", { keysOnly: true }));
      assert.deepEqual(
        plain.keyValues.map((one) => KeyValue.decode(one)).map((one) => [one.lease, one.version]),
        [
          [0n, 1n],
          [0n, 1n],
        ],
      );
      const byValue = { keysOnly: true, sortOrder: Order.ASCEND, sortTarget: Target.VALUE };
      const sorted = answerOf(store, rangeRequest("a", "c", byValue));
      const decoded = sorted.keyValues.map((one) => KeyValue.decode(one));
      assert.deepEqual(keysOf(sorted.keyValues), ["b", "a"]);
      assert.deepEqual(
        decoded.map((one) => [one.lease, one.value.length]),
        [
          [8n, 0],
          [7n, 0],
        ],
      );
      store.checkpoint();
    }
  });

  it("R-17: a missing key is an empty answer, and its body is empty", () => {
    const answer = answerOf(threeKeys(), rangeRequest("nope", ""));
    assert.equal(answer.count, 0);
    assert.equal(encodeRangeBody(answer).length, 0);
  });

  it("R-18 R-19: filters are inclusive, literal when negative, and come before the limit", () => {
    const store = threeKeys();
    assert.deepEqual(found(store, "\0", "\0", { minModRevision: 4n }), ["a", "b"]);
    assert.deepEqual(found(store, "\0", "\0", { maxModRevision: 4n }), ["b", "c"]);
    assert.deepEqual(found(store, "\0", "\0", { minCreateRevision: -5n }), ["a", "b", "c"]);
    assert.deepEqual(found(store, "\0", "\0", { maxCreateRevision: -5n }), []);
    const request = rangeRequest("\0", "\0", { maxModRevision: 4n, limit: 1n });
    const answer = answerOf(store, request);
    assert.deepEqual([keysOf(answer.keyValues), answer.count, answer.more], [["b"], 3, true]);
  });

  it("R-20 R-21 R-22: the limit cuts before the sort only with order NONE and no filter", () => {
    const store = threeKeys();
    const byMod = { sortTarget: Target.MOD, limit: 1n };
    const none = answerOf(store, rangeRequest("\0", "\0", byMod));
    assert.deepEqual([keysOf(none.keyValues), none.more, none.count], [["b"], true, 3]);
    assert.deepEqual(found(store, "\0", "\0", { ...byMod, sortOrder: Order.ASCEND }), ["c"]);
    assert.deepEqual(found(store, "\0", "\0", { ...byMod, sortOrder: Order.DESCEND }), ["a"]);
    assert.deepEqual(found(store, "\0", "\0", { ...byMod, minModRevision: 1n }), ["c"]);
    assert.deepEqual(found(store, "\0", "\0", { sortOrder: Order.DESCEND, limit: 2n }), ["c", "b"]);
  });

  it("H-01: answers with the store's revision, also for an old one", () => {
    const answer = answerOf(threeKeys(), rangeRequest("c", "", { revision: 3n }));
    assert.equal(answer.revision, 6);
    assert.deepEqual(keysOf(answer.keyValues), ["c"]);
  });

  it("H-22 T-18: sees the writes of the open transaction, and answers with its revision", () => {
    const store = threeKeys();
    store.space.begin(7);
    assert.equal(answerOf(store, rangeRequest("a", "")).revision, 6);
    store.space.put(bytes("d"), bytes(""), 0n);
    store.space.delete(bytes("a"));
    const answer = answerOf(store, rangeRequest("\0", "\0"));
    assert.deepEqual([keysOf(answer.keyValues), answer.revision], [["b", "c", "d"], 7]);
    assert.deepEqual(found(store, "\0", "\0", { revision: 6n }), ["a", "b", "c"]);
    assert.ok(!range(store.view, rangeRequest("a", "", { revision: 7n })).ok);
    store.space.end();
  });

  it("encodeRangeBody() writes what the generated codec writes", () => {
    const store = threeKeys();
    const answer = answerOf(store, rangeRequest("\0", "\0", { limit: 2n }));
    const kvs = answer.keyValues.map((one) => KeyValue.decode(one));
    const expected = RangeResponse.encode(
      RangeResponse.fromPartial({ kvs, more: true, count: 3n }),
    ).finish();
    assert.equal(Buffer.compare(encodeRangeBody(answer), expected), 0);
  });
});

describe("rangeWithin", () => {
  it("answers as range does when the budget holds, and tooBig when it does not", () => {
    const store = threeKeys();
    const all = rangeRequest("\0", "\0");
    const outcomes = [
      [3, 1000],
      [2, 1000],
      [3, 8],
    ].map(([keysMax, bytesMax]) => {
      const budget = { keysMax: keysMax ?? 0, bytesMax: bytesMax ?? 0 };
      const outcome = rangeWithin(store.view, all, budget);
      return outcome.ok && outcome.value === "tooBig";
    });
    assert.deepEqual(outcomes, [false, true, true]);
    const sorted = { ...all, sortOrder: Order.DESCEND, sortTarget: Target.VALUE };
    const outcome = rangeWithin(store.view, sorted, { keysMax: 3, bytesMax: 8 });
    assert.deepEqual(outcome, { ok: true, value: "tooBig" });
  });

  it("leaves room for a limit: only what is answered counts as bytes", () => {
    const store = new Store();
    for (let i = 0; i < 50; i += 1) store.put(`k${i}`, "v".repeat(100));
    const request = rangeRequest("k", "l", { limit: 2n });
    const outcome = rangeWithin(store.view, request, { keysMax: 50, bytesMax: 300 });
    assert.ok(outcome.ok);
    assert.notEqual(outcome.value, "tooBig");
  });
});

describe("ReadView", () => {
  it("get() at no matter what revision passes over what the base has ahead of the view", () => {
    const store = new Store();
    const [frontend] = store.world.frontends;
    assert.ok(frontend);
    store.put("a", "1");
    store.world.publish();
    frontend.handleNext();
    store.put("a", "2");
    store.put("b");
    store.checkpoint();
    frontend.base.refresh();
    const version = frontend.view.get(bytes("a"), Number.POSITIVE_INFINITY);
    assert.deepEqual([version?.modRevision, version?.version, version?.createRevision], [2, 1, 2]);
    assert.equal(frontend.view.get(bytes("b")), undefined);
    let visited = 0;
    frontend.view.visit(keyBounds(bytes("\0"), bytes("\0")), Number.POSITIVE_INFINITY, () => {
      visited += 1;
      return true;
    });
    assert.equal(visited, 1);
  });

  it("W-28: keyValueBefore() gives nothing when the revision before is compacted", () => {
    const store = new Store();
    store.put("a", "1");
    store.put("a", "2");
    const before: boolean[] = [];
    for (const compactRevision of [-1, 2, 3]) {
      store.view.setCompactRevision(compactRevision);
      store.view.changes(3, (change) => {
        before.push(store.view.keyValueBefore(change) !== undefined);
      });
    }
    assert.deepEqual(before, [true, true, false]);
  });

  it("checkpointed() keeps the delta while the base does not show the checkpoint", () => {
    const store = new Store();
    store.put("a", "1");
    const position = store.world.writer.end;
    const checkpoint = { checkpointId: 1, position, revision: 2 };
    assert.equal(store.view.checkpointed(checkpoint), false);
    assert.equal(store.view.get(bytes("a"))?.modRevision, 2);
  });

  it("with bounds indexes these keys only, and answers them as the whole view does", () => {
    const store = new Store();
    for (const key of ["a", "b"]) store.put(key, "old");
    store.checkpoint();
    for (const key of ["a", "b", "c", "d"]) store.put(key, "new");
    const { base, writer, space } = store.world;
    const within = keyBounds(bytes("b"), bytes("d"));
    const position = { segment: 0, offset: 0 };
    const state = { revision: 3, compactRevision: -1, appliedIndex: 0 };
    const view = new ReadView({ base, delta: writer.reader, ...state, position, within });
    view.publish({ ...state, revision: space.view.revision, end: writer.end });
    const all = rangeRequest("b", "d");
    assert.deepEqual(range(view, all), range(store.view, all));
    assert.throws(() => view.changes(2, () => {}), InvariantError);
  });
});
