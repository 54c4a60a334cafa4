import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { cancel, create, lines, PROGRESS, Rig } from "./support/rig.js";

describe("manual progress", () => {
  it("is one message for the whole stream (W-52, W-56)", () => {
    const rig = new Rig();
    const call = rig.open();
    call.send(create("a"));
    call.send(create("b"));
    rig.put("c=1");
    call.take();
    call.send(PROGRESS);
    assert.deepEqual(lines(rig.take(call)), ["-1@2"]);
  });

  it("comes after every event up to its revision (W-51)", () => {
    const rig = new Rig({ limits: { turnBytesMax: 1 } });
    const call = rig.open();
    for (let i = 0; i < 40; i += 1) call.send(create("a"));
    call.take();
    rig.put("a=1");
    rig.put("a=2");
    call.send(PROGRESS);
    call.send(PROGRESS);
    const got = lines(rig.take(call));
    assert.equal(got.length, 82);
    assert.deepEqual(got.slice(-2), ["-1@3", "-1@3"]);
  });

  it("does not come without a watcher (W-53)", () => {
    const rig = new Rig();
    const call = rig.open();
    call.send(PROGRESS);
    assert.deepEqual(lines(rig.take(call)), []);
  });

  it("does not come while a watcher catches up (W-53)", () => {
    const rig = new Rig();
    rig.put("a=1");
    const call = rig.open();
    call.send(create("a", { startRevision: 1n }));
    call.send(PROGRESS);
    assert.deepEqual(lines(rig.take(call)), ["0@2 created", "0@2 put a=1/2.2.1"]);
    call.send(PROGRESS);
    assert.deepEqual(lines(rig.take(call)), ["-1@2"]);
  });

  it("does not come while a start revision lies in the future (W-22, W-53)", () => {
    const rig = new Rig();
    const call = rig.open();
    call.send(create("a", { startRevision: 2n }));
    call.send(PROGRESS);
    assert.deepEqual(lines(rig.take(call)), ["0@1 created"]);
    rig.put("b=1");
    call.send(PROGRESS);
    assert.deepEqual(lines(rig.take(call)), ["-1@2"]);
  });

  it("does not come while a watcher waits for its client to read (W-53)", () => {
    const rig = new Rig();
    const call = rig.open(100);
    call.send(create("a"));
    rig.put(`a=${"x".repeat(100)}`);
    rig.settle();
    rig.put("a=2");
    rig.settle();
    call.send(PROGRESS);
    call.take();
    assert.deepEqual(lines(rig.take(call)), ["0@3 put a=2/2.3.2"]);
  });

  it("does not come while a compacted watcher has its id (W-53)", () => {
    const rig = new Rig();
    rig.put("a=1");
    rig.put("a=2");
    rig.compact(3);
    const call = rig.open();
    call.send(create("a"));
    call.send(create("a", { startRevision: 1n }));
    rig.settle();
    call.send(PROGRESS);
    assert.equal(rig.take(call).at(-1)?.compactRevision, 3n);
    call.send(cancel(1n));
    call.send(PROGRESS);
    assert.deepEqual(lines(rig.take(call)), ["1@3 canceled", "-1@3"]);
  });

  it("never says less than what a watcher was sent", () => {
    const rig = new Rig({ limits: { turnBytesMax: 1 } });
    const call = rig.open();
    const others = rig.open();
    for (let i = 0; i < 64; i += 1) others.send(create("a"));
    call.send(create("b"));
    rig.put("a=0");
    call.send(PROGRESS);
    for (let i = 1; i < 5; i += 1) rig.put(`a=${i}`);
    // Caught up long before the others have got their first event.
    call.send(create("a", { startRevision: 2n }));
    rig.settle();
    assert.deepEqual(lines(call.take()).slice(-1), ["-1@6"]);
  });
});

describe("progress ticks", () => {
  it("tell an idle synced watcher the revision, once per interval (W-50)", () => {
    const rig = new Rig({ progressIntervalMs: 1000 });
    const call = rig.open();
    call.send(create("a", { progressNotify: true }));
    call.send(create("a"));
    call.take();
    rig.put("b=1");
    rig.nowMs = 999;
    assert.deepEqual(lines(rig.take(call)), []);
    rig.nowMs = 1000;
    assert.deepEqual(lines(rig.take(call)), ["0@2"]);
    assert.deepEqual(lines(rig.take(call)), []);
    rig.nowMs = 2000;
    assert.deepEqual(lines(rig.take(call)), ["0@2"]);
    rig.nowMs = 9500;
    assert.deepEqual(lines(rig.take(call)), ["0@2"]);
    rig.nowMs = 10_000;
    assert.deepEqual(lines(rig.take(call)), ["0@2"]);
  });

  it("pass over a watcher that had events since the last one (W-50)", () => {
    const rig = new Rig({ progressIntervalMs: 1000 });
    const call = rig.open();
    call.send(create("a", { progressNotify: true }));
    rig.put("a=1");
    rig.take(call);
    rig.nowMs = 1000;
    assert.deepEqual(lines(rig.take(call)), []);
    rig.nowMs = 2000;
    assert.deepEqual(lines(rig.take(call)), ["0@2"]);
  });

  it("wait for the start revision (W-22, W-50)", () => {
    const rig = new Rig({ progressIntervalMs: 1000 });
    const call = rig.open();
    call.send(create("a", { progressNotify: true, startRevision: 2n }));
    call.take();
    rig.nowMs = 1000;
    assert.deepEqual(lines(rig.take(call)), []);
    rig.put("b=1");
    rig.nowMs = 2000;
    assert.deepEqual(lines(rig.take(call)), ["0@2"]);
  });

  it("promise no more than was delivered, and no less than the watcher was told (W-51)", () => {
    const rig = new Rig({ progressIntervalMs: 1000, limits: { turnBytesMax: 1 } });
    const others = rig.open();
    for (let i = 0; i < 64; i += 1) others.send(create("a"));
    const call = rig.open();
    call.send(create("a", { progressNotify: true }));
    call.take();
    rig.put("a=1");
    call.send(create("b", { progressNotify: true }));
    rig.nowMs = 1000;
    rig.hub.turn(5);
    rig.hub.turn(5);
    assert.deepEqual(lines(call.take()), ["1@2 created", "0@1", "1@2"]);
    assert.deepEqual(lines(rig.take(call)), ["0@2 put a=1/2.2.1"]);
  });

  it("are no oftener than every 100 ms (W-50)", () => {
    const rig = new Rig({ progressIntervalMs: 1 });
    const call = rig.open();
    call.send(create("a", { progressNotify: true }));
    call.take();
    rig.nowMs = 99;
    assert.deepEqual(lines(rig.take(call)), []);
    rig.nowMs = 100;
    assert.deepEqual(lines(rig.take(call)), ["0@1"]);
  });

  it("do not pile up for a client that does not read", () => {
    const rig = new Rig({ progressIntervalMs: 100 });
    const call = rig.open(100);
    call.send(create("a", { progressNotify: true }));
    for (let i = 1; i < 1000; i += 1) {
      rig.nowMs = i * 100;
      rig.settle();
    }
    assert.ok(call.bufferedBytesMax < 200, String(call.bufferedBytesMax));
  });
});
