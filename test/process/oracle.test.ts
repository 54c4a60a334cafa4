import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Event, Event_EventType } from "../../src/shared/gen/mvccpb/kv.js";
import { type Change, type Operation, Oracle } from "./support/oracle.js";
import { markedValue } from "./support/value.js";

const BYTES = 20;

function puts(...keys: string[]): Change[] {
  return keys.map((key) => ({ kind: "put", key, bytes: BYTES, lease: 0n }));
}

/** The event of a first put of a key. */
function putEvent(key: string, operation: number, revision: number): Event {
  return Event.fromPartial({
    type: Event_EventType.PUT,
    kv: {
      key: Buffer.from(key),
      value: markedValue(operation, BYTES),
      createRevision: BigInt(revision),
      modRevision: BigInt(revision),
      version: 1n,
    },
  });
}

/** An oracle that was told of these operations; each is acknowledged at the revision given, if any. */
function oracleWith(...told: readonly (readonly [Operation, number?])[]): Oracle {
  const oracle = new Oracle();
  for (const [operation, revision] of told) {
    const floor = oracle.begin(operation);
    if (revision !== undefined) oracle.acknowledge(operation, { revision, outcome: 0, floor });
  }
  return oracle;
}

const FIRST: Operation = { id: 1, outcomes: [puts("a")] };
const PAIR: Operation = { id: 2, outcomes: [puts("b", "c")] };

describe("the oracle of the crash tests", () => {
  test("takes a history that holds what was acknowledged, and writes in flight as they turn out", () => {
    const oracle = oracleWith([FIRST, 2], [PAIR], [{ id: 3, outcomes: [puts("d")] }]);
    oracle.admit(2, [putEvent("a", 1, 2)]);
    oracle.admit(3, [putEvent("b", 2, 3), putEvent("c", 2, 3)]);
    assert.deepEqual(oracle.settle(), { happened: 1, vanished: 1 });
    assert.equal(oracle.stateLines().length, 3);
  });

  test("sees an acknowledged write that is gone", () => {
    const oracle = oracleWith([FIRST, 2]);
    assert.throws(() => oracle.settle(), /1 revisions that were answered are gone/);
  });

  test("sees a revision that holds another write than the acknowledged one", () => {
    const oracle = oracleWith([FIRST, 2], [PAIR]);
    const other = [putEvent("b", 2, 2), putEvent("c", 2, 2)];
    assert.throws(() => oracle.admit(2, other), /not what operation wrote/);
  });

  test("sees half a transaction", () => {
    assert.throws(() => oracleWith([PAIR]).admit(2, [putEvent("b", 2, 2)]), /half a transaction/);
    assert.throws(() => oracleWith([PAIR, 2]).admit(2, [putEvent("b", 2, 2)]), /not what/);
  });

  test("sees a gap and a double", () => {
    assert.throws(() => oracleWith([FIRST, 3]).admit(3, [putEvent("a", 1, 3)]), /gap or a double/);
    const oracle = oracleWith([FIRST, 2]);
    oracle.admit(2, [putEvent("a", 1, 2)]);
    assert.throws(() => oracle.admit(2, [putEvent("a", 1, 2)]), /gap or a double/);
  });

  test("sees a write that happens twice, or long after it was given up", () => {
    const twice = oracleWith([FIRST, 2]);
    twice.admit(2, [putEvent("a", 1, 2)]);
    assert.throws(() => twice.admit(3, [putEvent("a", 1, 3)]), /happened before/);
    const late = oracleWith([FIRST]);
    late.settle();
    assert.throws(() => late.admit(2, [putEvent("a", 1, 2)]), /is nobody's/);
  });

  test("sees a garbled value, a wrong version and a wrong prev_kv", () => {
    const garbled = putEvent("a", 1, 2);
    garbled.kv?.value.fill(0x20, 10);
    assert.throws(() => oracleWith([FIRST, 2]).admit(2, [garbled]), /garbled/);
    const versioned = { ...putEvent("a", 1, 2) };
    if (versioned.kv !== undefined) versioned.kv = { ...versioned.kv, version: 2n };
    assert.throws(() => oracleWith([FIRST, 2]).admit(2, [versioned]), /version=2/);
    const event = { ...putEvent("a", 1, 2), prevKv: putEvent("a", 1, 2).kv };
    assert.throws(() => oracleWith([FIRST, 2]).admit(2, [event]), /prev_kv/);
  });

  test("sees a revision given twice, and one that goes back", () => {
    assert.throws(() => oracleWith([FIRST, 2], [PAIR, 2]), /given again/);
    const oracle = oracleWith([FIRST, 5]);
    assert.throws(() => oracle.observe(4, 5), /revision went back/);
  });

  test("sees a granted lease that is gone and a revoked one that is back", () => {
    const oracle = new Oracle();
    oracle.beginGrant(7n);
    oracle.granted(7n);
    assert.throws(() => oracle.checkLeases(new Set()), /granted leases are gone/);
    const floor = oracle.begin({ id: 1, outcomes: [[]], revokes: 7n });
    oracle.acknowledge({ id: 1, outcomes: [[]], revokes: 7n }, { revision: 1, outcome: 0, floor });
    assert.throws(() => oracle.checkLeases(new Set([7n])), /revoked leases are back/);
  });
});
