import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { StateHash } from "../../src/apply-worker/core/state-hash.js";
import { ErrorCode } from "../../src/shared/errors.js";
import { EntryKind } from "../../src/shared/messages/entry.js";
import { del, MachineHarness, op, put } from "./support/machine.js";
import { runs } from "./support/scale.js";

type Step = (it: MachineHarness) => unknown;

const anyStep: fc.Arbitrary<Step> = fc.oneof(
  fc.tuple(fc.constantFrom("a", "b", "cc", "ddd"), fc.string({ maxLength: 9 })).map(
    ([key, value]): Step =>
      (it) =>
        it.put(put(key, value)),
  ),
  fc.constantFrom("a", "b").map(
    (key): Step =>
      (it) =>
        it.del(del(key)),
  ),
  fc.nat(4).map(
    (id): Step =>
      (it) =>
        it.grant(BigInt(id), 10n),
  ),
  fc.nat(20).map(
    (revision): Step =>
      (it) =>
        it.compact(revision),
  ),
  fc.constant<Step>((it) => it.apply(EntryKind.none, new Uint8Array(0))),
  fc.constant<Step>((it) => it.checkpoint()),
);

function after(steps: readonly Step[], it = new MachineHarness()): bigint {
  for (const step of steps) step(it);
  return it.machine.stateHash;
}

describe("the rolling hash", () => {
  it("is the same after the same entries, wherever checkpoints came", () => {
    fc.assert(
      fc.property(fc.array(anyStep, { maxLength: 30 }), fc.nat(30), (steps, at) => {
        const more: Step[] = [...steps];
        more.splice(at, 0, (it) => it.checkpoint());
        assert.equal(after(more), after(steps));
      }),
      { numRuns: runs(200) },
    );
  });

  it("differs for ever once a value, a key, an order or a refusal differed", () => {
    const same: Step[] = Array.from({ length: 20 }, (_, i) => (it) => it.put(put("k", `${i}`)));
    const pairs: [Step, Step][] = [
      [(it) => it.put(put("a", "1")), (it) => it.put(put("a", "2"))],
      [(it) => it.put(put("a", "1")), (it) => it.put(put("b", "1"))],
      [(it) => it.put(put("a", "")), (it) => it.put(put("a", "\0"))],
      [(it) => it.put(put("a", "")), (it) => it.del(del("a"))],
      [(it) => it.apply(EntryKind.none, new Uint8Array(0)), (it) => it.del(del("a"))],
      [(it) => it.compact(1), (it) => it.compact(9)],
      [
        (it) => it.txn({ success: [op.put(put("a", "1")), op.put(put("b", "1"))] }),
        (it) => it.txn({ success: [op.put(put("b", "1")), op.put(put("a", "1"))] }),
      ],
    ];
    for (const [one, other] of pairs) {
      assert.notEqual(after([one]), after([other]));
      assert.notEqual(after([one, ...same]), after([other, ...same]));
    }
  });

  it("differs for a difference of one bit anywhere in a value of any length", () => {
    const seen = new Set<bigint>();
    let made = 0;
    for (let length = 1; length <= 70; length += 1) {
      for (let bit = 0; bit < length * 8; bit += 5) {
        const value = Buffer.alloc(length);
        value[bit >> 3] = 1 << (bit & 7);
        seen.add(after([(it) => it.put(put("k", value.toString("latin1")))]));
        made += 1;
      }
    }
    assert.equal(seen.size, made);
  });

  it("does not depend on whether this member had room", () => {
    const full = new MachineHarness({ bytesMax: 10, usedBytes: () => 100 });
    const steps: Step[] = [(it) => it.put(put("a", "1")), (it) => it.grant(5n, 10n)];
    assert.equal(full.put(put("x", "1")).code, ErrorCode.noSpace);
    const roomy = new MachineHarness();
    assert.equal(roomy.put(put("x", "1")).code, 0);
    assert.equal(after(steps, full), after(steps, roomy));
  });

  it("goes on from what was stored, with every one of its 64 bits", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), (value) => {
        assert.equal(new StateHash(value).value, value);
      }),
    );
    const [whole, first] = [new StateHash(7n), new StateHash(7n)];
    for (const hash of [whole, first]) hash.integer(2 ** 40 + 5);
    const second = new StateHash(first.value);
    for (const hash of [whole, second]) hash.word(-3);
    assert.equal(second.value, whole.value);
    assert.ok(second.value > 2n ** 32n);
  });
});
