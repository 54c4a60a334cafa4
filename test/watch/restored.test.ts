import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ErrorCode, errorFacts } from "../../src/shared/errors.js";
import { create, lines, Rig } from "./support/rig.js";

/** A rig whose first watcher has seen key "a" at revision 2. */
function setUp(limits = {}) {
  const rig = new Rig({ limits });
  const call = rig.open();
  call.send(create("a", { end: "z", prevKv: true }));
  rig.put("a=1");
  rig.take(call);
  return { rig, call };
}

/** Puts that the frontend is never shown. */
function putUnseen(rig: Rig, ...pairs: string[]): void {
  const { handle } = rig;
  rig.handle = () => {};
  for (const pair of pairs) rig.put(pair);
  rig.handle = handle;
}

describe("a snapshot in the place of the store", () => {
  test("live watchers are sent what they were not shown, once, and then go on", () => {
    const { rig, call } = setUp();
    putUnseen(rig, "a=2", "b=1");
    rig.restore();
    rig.put("a=3");
    assert.deepEqual(lines(rig.take(call)), [
      "0@5 put a=2/2.3.2 was a=1/2.2.1 put b=1/4.4.1 put a=3/2.5.3 was a=2/2.3.2",
    ]);
  });

  test("what waited for delivery is sent from history, not a second time", () => {
    const { rig, call } = setUp();
    rig.put("a=2");
    putUnseen(rig, "a=3");
    rig.restore();
    assert.deepEqual(lines(rig.take(call)), [
      "0@4 put a=2/2.3.2 was a=1/2.2.1 put a=3/2.4.3 was a=2/2.3.2",
    ]);
  });

  test("a watcher whose next revision is compacted in the snapshot is told so (C-13)", () => {
    const { rig, call } = setUp();
    putUnseen(rig, "a=2", "a=3", "b=1");
    rig.world.space.view.setCompactRevision(4);
    rig.restore();
    assert.deepEqual(lines(rig.take(call)), ["0@0 canceled compact 4"]);
  });

  test("who waits for a revision to come waits on", () => {
    const { rig } = setUp();
    const call = rig.open();
    call.send(create("a", { startRevision: 5n }));
    rig.take(call);
    putUnseen(rig, "a=2");
    rig.restore();
    rig.put("a=3");
    assert.deepEqual(lines(rig.take(call)), []);
    rig.put("a=4");
    assert.deepEqual(lines(rig.take(call)), ["0@5 put a=4/2.5.4"]);
  });
});

test("a member that may not serve ends its watches", () => {
  let refusal: ErrorCode | 0 = 0;
  const rig = new Rig({ refusal: () => refusal });
  const call = rig.open();
  call.send(create("a"));
  rig.take(call);
  assert.equal(call.ended, false);
  refusal = ErrorCode.corrupt;
  rig.hub.turn(5);
  assert.deepEqual(call.failure, errorFacts(ErrorCode.corrupt));
  assert.equal(rig.hub.stats.streams, 0);
});
