import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { byWatchId, cancel, create, lines, PROGRESS, Rig } from "./support/rig.js";

/** The values of the puts that came, in order. */
function values(responses: ReturnType<Rig["take"]>): string[] {
  return responses.flatMap(({ events }) =>
    events.map(({ kv }) => Buffer.from(kv?.value ?? []).toString()),
  );
}

function range(from: number, to: number): string[] {
  return Array.from({ length: to - from }, (_, i) => String(from + i));
}

describe("slow watcher", () => {
  it("loses nothing, and its stream holds no more than its window and a response (W-47)", () => {
    const rig = new Rig({ limits: { responseBytesMax: 500 } });
    const slow = rig.open(1000);
    const fast = rig.open();
    for (const call of [slow, fast]) call.send(create("a"));
    for (let i = 0; i < 500; i += 1) {
      rig.put(`a=${i}`);
      rig.settle();
    }
    assert.equal(rig.hub.stats.slowWatchers, 1);
    assert.deepEqual(values(fast.take()), range(0, 500));
    rig.checkpoint();
    const seen: string[] = [];
    for (let i = 0; i < 200; i += 1) seen.push(...values(rig.take(slow)));
    assert.deepEqual(seen, range(0, 500));
    assert.ok(slow.bufferedBytesMax <= 1000 + slow.messageBytesMax);
    assert.ok(slow.messageBytesMax < 700, String(slow.messageBytesMax));
    assert.equal(rig.hub.stats.slowWatchers, 0);
    rig.put("a=live");
    assert.deepEqual(values(rig.take(slow)), ["live"]);
  });

  it("does not leave the live path for events that it does not want", () => {
    const rig = new Rig();
    const call = rig.open(100);
    call.send(create("a"));
    call.send(create("b"));
    rig.put(`a=${"x".repeat(200)}`);
    rig.settle();
    rig.put("a=2");
    rig.settle();
    assert.equal(rig.hub.stats.slowWatchers, 1);
    call.take();
    assert.deepEqual(lines(rig.take(call)), ["0@3 put a=2/2.3.2"]);
  });

  it("says a header revision from its last event to the present (W-44)", () => {
    const rig = new Rig();
    const call = rig.open(100);
    call.send(create("a"));
    rig.put(`a=${"x".repeat(200)}`);
    rig.settle();
    rig.put("a=2");
    rig.put("b=1");
    rig.settle();
    call.take();
    assert.deepEqual(lines(rig.take(call)), ["0@4 put a=2/2.3.2"]);
  });

  it("is cancelled when compaction overtakes it, and keeps its id (W-30, C-13)", () => {
    const rig = new Rig();
    const call = rig.open(100);
    const live = rig.open();
    call.send(create("a"));
    live.send(create("a"));
    rig.put(`a=${"x".repeat(200)}`);
    rig.settle();
    for (const value of ["2", "3", "4"]) rig.put(`a=${value}`);
    rig.settle();
    rig.compact(4);
    rig.checkpoint();
    assert.equal(call.take().length, 2);
    assert.deepEqual(lines(rig.take(call)), ["0@0 canceled compact 4"]);
    rig.put("a=5");
    call.send(PROGRESS);
    call.send(create("b", { watchId: 0n }));
    call.send(cancel(0n));
    assert.deepEqual(lines(rig.take(call)), ["1@6 created", "0@6 canceled"]);
    assert.equal(live.take().length, 6);
  });

  it("gets the cancel right after created when it starts below the compacted revision (W-23)", () => {
    const rig = new Rig();
    for (const value of ["1", "2", "3"]) rig.put(`a=${value}`);
    rig.compact(3);
    rig.checkpoint();
    const call = rig.open();
    call.send(create("a", { startRevision: 2n }));
    call.send(create("a", { startRevision: 3n }));
    assert.deepEqual(lines(rig.take(call)), [
      "0@4 created",
      "1@4 created",
      "0@0 canceled compact 3",
      "1@4 put a=2/2.3.2 put a=3/2.4.3",
    ]);
  });

  it("sees the delete at exactly the compacted revision (C-07)", () => {
    const rig = new Rig();
    rig.put("a=1");
    rig.delete("a");
    rig.compact(3);
    rig.checkpoint();
    const call = rig.open();
    call.send(create("a", { startRevision: 3n }));
    assert.deepEqual(lines(rig.take(call)).slice(1), ["0@3 delete a=/0.3.0"]);
  });

  it("that was synced is not touched by a compaction published with the events (C-13)", () => {
    const rig = new Rig();
    const call = rig.open();
    call.send(create("a"));
    const { space } = rig.world;
    for (const value of [1, 2, 3]) {
      space.begin(space.view.revision + 1);
      space.put(Uint8Array.of(97), Uint8Array.of(48 + value), 0n);
      space.end();
    }
    space.view.setCompactRevision(4);
    rig.publish();
    rig.checkpoint();
    assert.deepEqual(values(rig.take(call)), ["1", "2", "3"]);
  });

  it("may be cancelled by its client while it waits (W-12)", () => {
    const rig = new Rig();
    const call = rig.open(100);
    call.send(create("a"));
    call.send(create("a"));
    rig.put(`a=${"x".repeat(200)}`);
    rig.settle();
    call.send(cancel(1n));
    call.take();
    assert.deepEqual(lines(rig.take(call)), []);
    rig.put("a=2");
    assert.deepEqual(lines(rig.take(call)), ["0@3 put a=2/2.3.2"]);
  });

  it("may be cancelled by a request that was held back while it waited (W-12)", () => {
    const rig = new Rig();
    const call = rig.open(100);
    call.send(create("a"));
    rig.put(`a=${"x".repeat(200)}`);
    rig.settle();
    rig.put("a=2");
    rig.settle();
    while (!call.paused) call.send(create("b", { end: "a" }));
    call.send(cancel(0n));
    call.take();
    assert.deepEqual(lines(rig.take(call)), ["0@3 canceled"]);
    rig.put("a=3");
    assert.deepEqual(lines(rig.take(call)), []);
  });

  it("catches up in slices, whole revisions at a time (W-42)", () => {
    const rig = new Rig({ limits: { sliceChangesMax: 3, responseBytesMax: 1 } });
    for (let i = 0; i < 50; i += 1) rig.put(`a=${i}`, `b=${i}`, `c=${i}`);
    rig.checkpoint();
    for (let i = 50; i < 100; i += 1) rig.put(`a=${i}`, `b=${i}`, `c=${i}`);
    const call = rig.open();
    call.send(create("a", { end: "d", startRevision: 1n }));
    call.send(create("b", { startRevision: 60n }));
    const byId = byWatchId(rig.take(call).slice(2));
    assert.deepEqual(
      byId(0n).map(({ events }) => events.length),
      range(0, 100).map(() => 3),
    );
    assert.deepEqual(values(byId(1n)), range(58, 100));
  });

  it("stays within the budget of a turn, and everybody is served in the end", () => {
    const rig = new Rig({ msPerLook: 1, limits: { sliceChangesMax: 10, turnBytesMax: 2000 } });
    for (let i = 0; i < 200; i += 1) rig.put(`a=${i}`);
    const calls = Array.from({ length: 20 }, () => rig.open());
    for (const [i, call] of calls.entries()) {
      call.send(create("a", { startRevision: BigInt(1 + i * 5) }));
    }
    for (let i = 200; i < 220; i += 1) {
      rig.put(`a=${i}`);
      rig.hub.turn(5);
    }
    assert.equal(rig.hub.hasWork(), true);
    for (const [i, call] of calls.entries()) {
      assert.deepEqual(values(rig.take(call)), range(Math.max(0, i * 5 - 1), 220));
    }
  });

  it("goes to catch-up with all others when the live queue is full", () => {
    const rig = new Rig({ limits: { liveQueueBytesMax: 1000 } });
    const call = rig.open();
    call.send(create("a"));
    call.send(create("a", { startRevision: 90n }));
    for (let i = 0; i < 100; i += 1) rig.put(`a=${i}`);
    assert.ok(rig.hub.stats.pendingEvents < 10);
    const byId = byWatchId(rig.take(call).slice(2));
    assert.deepEqual(values(byId(0n)), range(0, 100));
    assert.deepEqual(values(byId(1n)), range(88, 100));
  });
});
