import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  Compare,
  Compare_CompareResult as Result,
  Compare_CompareTarget as Target,
} from "../../src/shared/gen/etcdserverpb/rpc.js";
import { compareHolds, comparesHold } from "../../src/shared/mvcc/compare.js";
import { bytes } from "./support/keys.js";
import { Store } from "./support/store.js";

const EVERY_RESULT = [Result.EQUAL, Result.NOT_EQUAL, Result.LESS, Result.GREATER];

/** a: create 2, mod 4, version 2, value "m", lease 9; b: create 3, mod 3, version 1, no value or lease. */
function twoKeys(): Store {
  const store = new Store();
  store.put("a", "l");
  store.put("b");
  store.put("a", "m", 9n);
  return store;
}

/** Which of EQUAL, NOT_EQUAL, LESS, GREATER hold. */
function holds(store: Store, compare: Partial<Compare> & { key: Uint8Array }): boolean[] {
  return EVERY_RESULT.map((result) => {
    const whole = { rangeEnd: new Uint8Array(0), target: Target.VERSION, targetUnion: undefined };
    return compareHolds(store.view, { ...whole, ...compare, result });
  });
}

const EQUAL = [true, false, false, false];
const LESS = [false, true, true, false];
const GREATER = [false, true, false, true];
const NEVER = [false, false, false, false];

describe("compareHolds", () => {
  it("T-14: says stored against given, for every target", () => {
    const store = twoKeys();
    const key = bytes("a");
    for (let half = 0; half < 2; half += 1) {
      for (const [target, $case, stored] of [
        [Target.VERSION, "version", 2n],
        [Target.CREATE, "createRevision", 2n],
        [Target.MOD, "modRevision", 4n],
        [Target.LEASE, "lease", 9n],
      ] as const) {
        const compare = { key, target };
        const against = (value: bigint) =>
          holds(store, { ...compare, targetUnion: { $case, value } });
        assert.deepEqual(against(stored), EQUAL);
        assert.deepEqual(against(stored + 1n), LESS);
        assert.deepEqual(against(stored - 1n), GREATER);
        assert.deepEqual(against(-1n), GREATER);
      }
      const value = (given: string) =>
        holds(store, {
          key,
          target: Target.VALUE,
          targetUnion: { $case: "value", value: bytes(given) },
        });
      assert.deepEqual(value("m"), EQUAL);
      assert.deepEqual(value("m\0"), LESS);
      assert.deepEqual(value("\xff"), LESS);
      assert.deepEqual(value(""), GREATER);
      store.checkpoint();
    }
  });

  it("T-12: a missing key has zeros, and no value that anything can be said of", () => {
    const store = twoKeys();
    const key = bytes("nope");
    for (const target of [Target.VERSION, Target.CREATE, Target.MOD, Target.LEASE]) {
      assert.deepEqual(holds(store, { key, target }), EQUAL);
    }
    const value = { $case: "value", value: bytes("x") } as const;
    assert.deepEqual(holds(store, { key, target: Target.VALUE, targetUnion: value }), NEVER);
  });

  it("T-13: every key of a range must satisfy it; an empty range is a missing key", () => {
    const store = twoKeys();
    const all = { key: bytes("a"), rangeEnd: bytes("c"), target: Target.VERSION };
    const version = (value: bigint) => ({ $case: "version", value }) as const;
    assert.deepEqual(holds(store, { ...all, targetUnion: version(0n) }), GREATER);
    assert.deepEqual(holds(store, { ...all, targetUnion: version(1n) }), NEVER);
    assert.deepEqual(holds(store, { ...all, targetUnion: version(3n) }), LESS);
    const empty = { ...all, rangeEnd: bytes("a") };
    assert.deepEqual(holds(store, { ...empty, targetUnion: version(0n) }), EQUAL);
    assert.deepEqual(holds(store, { ...empty, target: Target.VALUE }), NEVER);
  });

  it("T-14: a oneof that is missing or of another kind counts as 0 or empty", () => {
    const store = twoKeys();
    const key = bytes("a");
    assert.deepEqual(holds(store, { key, target: Target.MOD }), GREATER);
    const other = { $case: "version", value: 4n } as const;
    assert.deepEqual(holds(store, { key, target: Target.MOD, targetUnion: other }), GREATER);
    const b = { key: bytes("b"), target: Target.VALUE, targetUnion: other };
    assert.deepEqual(holds(store, b), EQUAL);
  });

  it("T-14: an unknown result holds, an unknown target is equal", () => {
    const store = twoKeys();
    // As the wire can bring them: field 1 result = 9, field 2 target = 9.
    const unknownResult = Compare.decode(Uint8Array.of(0x08, 9, 0x1a, 1, 0x61));
    assert.ok(compareHolds(store.view, unknownResult));
    const unknownTarget = Compare.decode(Uint8Array.of(0x10, 9, 0x1a, 1, 0x61));
    assert.ok(compareHolds(store.view, unknownTarget));
    assert.ok(!compareHolds(store.view, { ...unknownTarget, result: Result.NOT_EQUAL }));
  });

  it("T-10: compares are joined by and; none at all hold", () => {
    const store = twoKeys();
    const right = Compare.fromPartial({
      key: Buffer.from("a"),
      target: Target.VERSION,
      targetUnion: { $case: "version", value: 2n },
    });
    const wrong = { ...right, result: Result.LESS };
    assert.ok(comparesHold(store.view, []));
    assert.ok(comparesHold(store.view, [right, right]));
    assert.ok(!comparesHold(store.view, [right, wrong]));
  });
});
