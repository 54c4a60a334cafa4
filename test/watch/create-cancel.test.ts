import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { CLUSTER_ID, cancel, create, lines, MEMBER_ID, PROGRESS, Rig } from "./support/rig.js";

const EMPTY_RANGE = '"mvcc: watcher range is empty"';
const COMPACTED = '"etcdserver: mvcc: required revision has been compacted"';
const DUPLICATE = '"mvcc: duplicate watch ID provided on the WatchStream"';

describe("watch stream", () => {
  it("answers creates and cancels in order (W-01, W-02, W-12)", () => {
    const rig = new Rig();
    const call = rig.open();
    rig.put("x");
    call.send(create("a"));
    call.send(create("b"));
    call.send(cancel(0n));
    call.send(create("c"));
    const responses = rig.take(call);
    assert.deepEqual(lines(responses), [
      "0@2 created",
      "1@2 created",
      "0@2 canceled",
      "2@2 created",
    ]);
    const header = responses[0]!.header!;
    assert.equal(header.clusterId, CLUSTER_ID);
    assert.equal(header.memberId, MEMBER_ID);
    assert.equal(header.raftTerm, 3n);
  });

  it("says created before the first event and progress of a watcher (W-03)", () => {
    const rig = new Rig();
    const call = rig.open();
    rig.put("a=1");
    call.send(create("a", { startRevision: 1n }));
    assert.deepEqual(lines(rig.take(call)), ["0@2 created", "0@2 put a=1/2.2.1"]);
  });

  it("numbers watchers upwards, passing over ids in use and never reusing one (W-04)", () => {
    const rig = new Rig();
    const call = rig.open();
    call.send(create("a", { watchId: 1n }));
    call.send(create("a"));
    call.send(create("a"));
    call.send(cancel(0n));
    call.send(cancel(2n));
    call.send(create("a"));
    assert.deepEqual(
      rig.take(call).map(({ watchId }) => watchId),
      [1n, 0n, 2n, 0n, 2n, 3n],
    );
  });

  it("takes any other id as it is, negative and large ones too (W-05)", () => {
    const rig = new Rig();
    const call = rig.open();
    for (const watchId of [-1n, -9_223_372_036_854_775_808n, 9_223_372_036_854_775_807n]) {
      call.send(create("a", { watchId }));
    }
    rig.put("a=1");
    assert.deepEqual(
      rig.take(call).map(({ watchId }) => watchId),
      [1n, 1n].flatMap(() => [-1n, -9_223_372_036_854_775_808n, 9_223_372_036_854_775_807n]),
    );
  });

  it("refuses an id in use and leaves its watcher alone (W-05, W-10)", () => {
    const rig = new Rig();
    const call = rig.open();
    call.send(create("a", { watchId: 5n }));
    call.send(create("b", { watchId: 5n }));
    rig.put("a=1", "b=1");
    assert.deepEqual(lines(rig.take(call)), [
      "5@1 created",
      `-1@1 created canceled ${DUPLICATE}`,
      "5@2 put a=1/2.2.1",
    ]);
    assert.equal(call.ended, false);
  });

  it("lets a cancelled explicit id be used again (W-06)", () => {
    const rig = new Rig();
    const call = rig.open();
    call.send(create("a", { watchId: 5n }));
    call.send(cancel(5n));
    call.send(create("b", { watchId: 5n }));
    rig.put("a=1", "b=1");
    assert.deepEqual(lines(rig.take(call)).slice(2), ["5@1 created", "5@2 put b=1/2.2.1"]);
  });

  it("reads an empty key as the lowest one (W-07)", () => {
    const rig = new Rig();
    const call = rig.open();
    call.send(create(""));
    call.send(create("", { end: "\0" }));
    call.send(create("", { end: "b" }));
    rig.put("\0=1", "a=1", "c=1");
    assert.deepEqual(
      rig
        .take(call)
        .slice(3)
        .map(({ watchId, events }) => [watchId, events.length])
        .sort(),
      [
        [0n, 1],
        [1n, 3],
        [2n, 2],
      ],
    );
  });

  it("refuses an empty range, and the stream goes on (W-08, W-10)", () => {
    const rig = new Rig();
    const call = rig.open();
    call.send(create("b", { end: "a" }));
    call.send(create("b", { end: "b" }));
    call.send(create("\0", { end: "\0" }));
    assert.deepEqual(lines(rig.take(call)), [
      `-1@1 created canceled ${EMPTY_RANGE}`,
      `-1@1 created canceled ${EMPTY_RANGE}`,
      "0@1 created",
    ]);
  });

  it("refuses a negative start revision before it looks at the range (W-09)", () => {
    const rig = new Rig();
    const call = rig.open();
    call.send(create("b", { end: "a", startRevision: -1n }));
    assert.deepEqual(lines(rig.take(call)), [`-1@1 created canceled ${COMPACTED}`]);
  });

  it("sends no event of a watcher after its cancel (W-12)", () => {
    const rig = new Rig();
    const call = rig.open();
    call.send(create("a"));
    rig.put("a=1");
    call.send(cancel(0n));
    rig.put("a=2");
    assert.deepEqual(lines(rig.take(call)), ["0@1 created", "0@2 canceled"]);
  });

  it("does not answer a cancel of an unknown id (W-13)", () => {
    const rig = new Rig();
    const call = rig.open();
    call.send(cancel(0n));
    call.send(create("a"));
    call.send(cancel(0n));
    call.send(cancel(0n));
    assert.deepEqual(lines(rig.take(call)), ["0@1 created", "0@1 canceled"]);
  });

  it("ignores a request that asks for nothing (W-14)", () => {
    const rig = new Rig();
    const call = rig.open();
    call.send(undefined);
    call.send(create("a"));
    assert.deepEqual(lines(rig.take(call)), ["0@1 created"]);
  });

  it("goes on after the client's half-close (W-15)", () => {
    const rig = new Rig();
    const call = rig.open();
    call.send(create("a"));
    call.receiver?.onHalfClose();
    rig.put("a=1");
    assert.deepEqual(lines(rig.take(call)), ["0@1 created", "0@2 put a=1/2.2.1"]);
    assert.equal(call.ended, false);
  });

  it("ends with watch canceled when the hub closes, and forgets its watchers (W-16)", () => {
    const rig = new Rig();
    const call = rig.open();
    const gone = rig.open();
    call.send(create("a"));
    gone.send(create("a"));
    assert.equal(rig.hub.stats.watchers, 2);
    gone.cancel();
    assert.equal(rig.hub.stats.watchers, 1);
    rig.hub.close();
    assert.deepEqual(call.failure, { status: 1, message: "etcdserver: watch canceled" });
    assert.deepEqual(rig.hub.stats, {
      streams: 0,
      watchers: 0,
      slowWatchers: 0,
      pendingEvents: 0,
      eventsSent: 0,
    });
    rig.put("a=1");
    rig.settle();
    assert.equal(rig.hub.stats.eventsSent, 0);
  });

  it("fails on bytes that are no request", () => {
    const rig = new Rig();
    const call = rig.open();
    call.send(create("a"));
    call.sendBytes(Uint8Array.of(0x0a, 0xff));
    assert.equal(call.failure?.status, 13);
    assert.equal(rig.hub.stats.streams, 0);
  });

  it("holds many watchers (W-17)", () => {
    const rig = new Rig();
    const call = rig.open();
    for (let i = 0; i < 10_000; i += 1) call.send(create("k", { end: "l" }));
    rig.put("k1=1");
    assert.equal(rig.take(call).length, 20_000);
    assert.equal(rig.hub.stats.eventsSent, 10_000);
  });

  it("takes no more requests of a client that reads none of its answers", () => {
    const rig = new Rig();
    const call = rig.open(200);
    for (let i = 0; i < 1000; i += 1) call.send(create("a"));
    assert.equal(call.paused, true);
    assert.ok(call.bufferedBytesMax < 4000, String(call.bufferedBytesMax));
    let answers = 0;
    for (let i = 0; i < 1000 && answers < 1000; i += 1) answers += rig.take(call).length;
    assert.equal(answers, 1000);
    assert.equal(call.paused, false);
  });

  it("survives a client that goes away in the middle of a delivery", () => {
    const rig = new Rig();
    const first = rig.open();
    const second = rig.open();
    for (const call of [first, second]) call.send(create("a"));
    const write = first.write.bind(first);
    first.write = (message) => {
      second.cancel();
      return write(message);
    };
    rig.put("a=1");
    assert.deepEqual(lines(rig.take(first)), ["0@1 created", "0@2 put a=1/2.2.1"]);
    first.send(PROGRESS);
    assert.deepEqual(lines(rig.take(first)), ["-1@2"]);
    assert.equal(rig.hub.stats.watchers, 1);
  });
});
