import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { WatchCreateRequest_FilterType as Filter } from "../../src/shared/gen/etcdserverpb/rpc.js";
import { byWatchId, create, lines, Rig } from "./support/rig.js";

/** What one watcher gets after its `created`. */
function watched(
  key: string,
  options: Parameters<typeof create>[1],
  work: (rig: Rig) => void,
): string[] {
  const rig = new Rig();
  const call = rig.open();
  call.send(create(key, options));
  work(rig);
  return lines(rig.take(call)).slice(1);
}

describe("watch events", () => {
  it("begin after the revision of the created header when no start is given (W-20)", () => {
    const rig = new Rig();
    const call = rig.open();
    rig.put("a=1");
    call.send(create("a"));
    rig.put("a=2");
    assert.deepEqual(lines(rig.take(call)), ["0@2 created", "0@3 put a=2/2.3.2"]);
  });

  it("do not include what was published before the create and not delivered yet (W-20)", () => {
    const rig = new Rig();
    const call = rig.open();
    call.send(create("a"));
    rig.put("a=1");
    call.send(create("a"));
    rig.put("a=2");
    assert.deepEqual(lines(rig.take(call)), [
      "0@1 created",
      "1@2 created",
      "0@2 put a=1/2.2.1",
      "0@3 put a=2/2.3.2",
      "1@3 put a=2/2.3.2",
    ]);
  });

  for (const checkpoint of [false, true]) {
    it(`come from history, then live, checkpoint ${checkpoint} (W-21, W-41, W-43)`, () => {
      const rig = new Rig();
      const call = rig.open();
      rig.put("a=1");
      rig.put("b=1");
      rig.put("a=2");
      if (checkpoint) rig.checkpoint();
      call.send(create("a", { startRevision: 2n }));
      call.send(create("a", { startRevision: 4n }));
      rig.settle();
      rig.put("a=3");
      const byId = byWatchId(rig.take(call).slice(2));
      assert.deepEqual(lines(byId(0n)), ["0@4 put a=1/2.2.1 put a=2/2.4.2", "0@5 put a=3/2.5.3"]);
      assert.deepEqual(lines(byId(1n)), ["1@4 put a=2/2.4.2", "1@5 put a=3/2.5.3"]);
    });
  }

  it("wait for a start revision in the future (W-22)", () => {
    const lines = watched("a", { startRevision: 4n }, (rig) => {
      for (const value of ["1", "2", "3"]) rig.put(`a=${value}`);
    });
    assert.deepEqual(lines, ["0@4 put a=3/2.4.3"]);
  });

  it("never come for a start revision beyond all revisions (W-22)", () => {
    const work = (rig: Rig): void => rig.put("a=1");
    assert.deepEqual(watched("a", { startRevision: 0x7fff_ffff_ffff_ffffn }, work), []);
  });

  it("show the full key value of a put, and key and revision of a delete (W-24, W-25)", () => {
    const lines = watched("a", {}, (rig) => {
      rig.put("a=1");
      rig.put("a=2");
      rig.delete("a");
      rig.put("a=3");
    });
    assert.deepEqual(lines, [
      "0@2 put a=1/2.2.1",
      "0@3 put a=2/2.3.2",
      "0@4 delete a=/0.4.0",
      "0@5 put a=3/5.5.1",
    ]);
  });

  it("are dropped by the watcher's filters, and empty responses with them (W-27)", () => {
    const work = (rig: Rig): void => {
      rig.put("a=1", "b=1");
      rig.delete("a");
      rig.replace("b", "2");
    };
    const all = { end: "z" };
    assert.deepEqual(watched("a", { ...all, filters: [Filter.NOPUT] }, work), [
      "0@3 delete a=/0.3.0",
      "0@4 delete b=/0.4.0",
    ]);
    assert.deepEqual(watched("a", { ...all, filters: [Filter.NODELETE] }, work), [
      "0@2 put a=1/2.2.1 put b=1/2.2.1",
      "0@4 put b=2/4.4.1",
    ]);
    assert.deepEqual(watched("a", { ...all, filters: [Filter.NOPUT, Filter.NODELETE] }, work), []);
    assert.equal(watched("a", { ...all, filters: [7 as Filter] }, work).length, 3);
  });

  it("carry the key's state before the transaction as prev_kv, but not for a create (W-28)", () => {
    const lines = watched("a", { prevKv: true }, (rig) => {
      rig.put("a=1");
      rig.put("a=2");
      rig.replace("a", "3");
      rig.delete("a");
      rig.put("a=4");
    });
    assert.deepEqual(lines, [
      "0@2 put a=1/2.2.1",
      "0@3 put a=2/2.3.2 was a=1/2.2.1",
      "0@4 delete a=/0.4.0 was a=2/2.3.2 put a=3/4.4.1",
      "0@5 delete a=/0.5.0 was a=3/4.4.1",
      "0@6 put a=4/6.6.1",
    ]);
  });

  for (const checkpoint of [false, true]) {
    it(`have no prev_kv when that revision is compacted, removed ${checkpoint} (W-28)`, () => {
      const rig = new Rig();
      const call = rig.open();
      rig.put("a=1");
      rig.put("a=2");
      rig.put("a=3");
      rig.compact(3);
      if (checkpoint) rig.checkpoint();
      call.send(create("a", { startRevision: 3n, prevKv: true }));
      assert.deepEqual(lines(rig.take(call)).slice(1), [
        "0@4 put a=2/2.3.2 put a=3/2.4.3 was a=2/2.3.2",
      ]);
    });
  }

  it("of one revision come together, in order, a response per revision (W-29, W-40, W-42)", () => {
    const lines = watched("a", { end: "z" }, (rig) => {
      rig.put("c=1", "a=1", "b=1");
      rig.delete("a", "z");
    });
    assert.deepEqual(lines, [
      "0@2 put c=1/2.2.1 put a=1/2.2.1 put b=1/2.2.1",
      "0@3 delete a=/0.3.0 delete b=/0.3.0 delete c=/0.3.0",
    ]);
  });

  it("keep one response per revision when a state brings many (W-40)", () => {
    const rig = new Rig();
    const call = rig.open();
    call.send(create("a"));
    const { space } = rig.world;
    for (let i = 0; i < 5; i += 1) {
      space.begin(space.view.revision + 1);
      space.put(Uint8Array.of(97), Uint8Array.of(48 + i), 0n);
      space.end();
    }
    rig.publish();
    assert.deepEqual(
      rig
        .take(call)
        .slice(1)
        .map(({ header, events }) => [header?.revision, events.length]),
      [2n, 3n, 4n, 5n, 6n].map((revision) => [revision, 1]),
    );
  });

  it("of at most 1000 revisions come in one catch-up response (W-41)", () => {
    const rig = new Rig();
    for (let i = 0; i < 1500; i += 1) rig.put(`a=${i}`, `b=${i}`);
    const call = rig.open();
    call.send(create("a", { end: "c", startRevision: 1n }));
    const responses = rig.take(call).slice(1);
    assert.deepEqual(
      responses.map(({ header, events }) => [header?.revision, events.length]),
      [
        [1501n, 2000],
        [1501n, 1000],
      ],
    );
  });

  it("are shared by equal watchers and told apart for the others", () => {
    const rig = new Rig();
    const calls = [rig.open(), rig.open()];
    rig.put("a=1");
    for (const call of calls) {
      call.send(create("a"));
      call.send(create("a", { prevKv: true }));
      call.send(create("a", { filters: [Filter.NOPUT] }));
      call.send(create("a", { end: "b" }));
    }
    rig.put("a=2");
    for (const call of calls) {
      assert.deepEqual(lines(rig.take(call)).slice(4).sort(), [
        "0@3 put a=2/2.3.2",
        "1@3 put a=2/2.3.2 was a=1/2.2.1",
        "3@3 put a=2/2.3.2",
      ]);
    }
  });
});

describe("watch fragments", () => {
  const value = "v".repeat(100);
  const pairs = ["a", "b", "c", "d", "e"].map((key) => `${key}=${value}`);

  for (const start of [0n, 1n]) {
    it(`split what is larger than the threshold, start revision ${start} (W-45)`, () => {
      const rig = new Rig({ fragmentBytes: 300 });
      const call = rig.open();
      const end = "z";
      if (start === 0n) call.send(create("a", { end, fragment: true }));
      rig.put(...pairs);
      if (start === 1n) call.send(create("a", { end, fragment: true, startRevision: start }));
      rig.settle();
      const responses = rig.take(call).slice(1);
      assert.deepEqual(
        responses.map(({ fragment, events, header }) => [
          fragment,
          events.length,
          header?.revision,
        ]),
        [
          [true, 2, 2n],
          [true, 2, 2n],
          [false, 1, 2n],
        ],
      );
      assert.ok(call.messageBytesMax < 300);
    });
  }

  it("have at least one event, however large (W-45)", () => {
    const rig = new Rig({ fragmentBytes: 50 });
    const call = rig.open();
    call.send(create("a", { end: "z", fragment: true }));
    rig.put(...pairs);
    const responses = rig.take(call).slice(1);
    assert.deepEqual(
      responses.map(({ fragment, events }) => [fragment, events.length]),
      [true, true, true, true, false].map((fragment) => [fragment, 1]),
    );
  });

  it("are not made below the threshold, nor unless asked for (W-45)", () => {
    const rig = new Rig({ fragmentBytes: 300 });
    const call = rig.open();
    call.send(create("a", { end: "z" }));
    call.send(create("a", { end: "c", fragment: true }));
    rig.put(...pairs);
    const responses = rig.take(call).slice(2);
    assert.deepEqual(responses.map((one) => [one.fragment, one.events.length]).sort(), [
      [false, 2],
      [false, 5],
    ]);
  });
});
