import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { InvariantError } from "../../src/shared/assert.js";
import type { KeyVersion } from "../../src/shared/mvcc/key-version.js";
import { bytes, text } from "./support/keys.js";
import { Store } from "./support/store.js";

function stateOf(version: KeyVersion | undefined): number[] | undefined {
  return version && [version.createRevision, version.modRevision, version.modSub, version.version];
}

describe("KeySpace", () => {
  it("M-01 M-05 M-06: revisions, version and create revision over two lives of a key", () => {
    const store = new Store();
    const states: unknown[] = [store.view.revision];
    for (const step of ["put", "put", "delete", "put"]) {
      if (step === "put") store.put("k", "v");
      else store.delete("k");
      states.push(stateOf(store.view.get(bytes("k"))));
    }
    assert.deepEqual(states, [1, [2, 2, 0, 1], [2, 3, 0, 2], undefined, [5, 5, 0, 1]]);
    assert.deepEqual(stateOf(store.view.get(bytes("k"), 3)), [2, 3, 0, 2]);
    assert.equal(store.view.get(bytes("k"), 4), undefined);
  });

  it("M-02 M-07: changes of one transaction share main and count sub; a put after a delete is new", () => {
    const store = new Store();
    store.put("a", "old");
    const { space, view } = store;
    space.begin(3);
    space.put(bytes("b"), bytes(""), 0n);
    assert.equal(text(space.delete(bytes("a"))?.keyValue ?? bytes("")).includes("old"), true);
    assert.equal(space.put(bytes("a"), bytes("new"), 0n), undefined);
    assert.equal(space.end(), 3);
    assert.deepEqual(stateOf(view.get(bytes("a"))), [3, 3, 2, 1]);
    const last: boolean[] = [];
    const previous: number[][] = [];
    const { reader, end } = { reader: store.world.writer.reader, end: store.world.writer.end };
    reader.forEach({ segment: 0, offset: 0 }, end, (change) => {
      last.push(change.lastOfRevision);
      previous.push([change.previousMain, change.previousSub]);
    });
    assert.deepEqual(last, [true, false, false, true]);
    assert.deepEqual(previous, [
      [0, 0],
      [0, 0],
      [2, 0],
      [0, 0],
    ]);
    const before: (string | undefined)[] = [];
    view.changes(3, (change) => {
      const keyValue = view.keyValueBefore(change);
      before.push(keyValue && text(keyValue).slice(-3));
    });
    assert.deepEqual(before, [undefined, "old", "old"]);
  });

  it("M-04 D-07: a transaction without changes leaves the revision alone", () => {
    const store = new Store();
    store.put("a");
    assert.equal(store.delete("b"), 0);
    assert.equal(store.delete("b", "a"), 0);
    assert.equal(store.view.revision, 2);
    store.put("c");
    assert.equal(store.view.revision, 3);
  });

  it("D-03: deleteRange() deletes in ascending key order, over base and delta", () => {
    const store = new Store();
    for (const key of ["c", "a"]) store.put(key);
    store.checkpoint();
    for (const key of ["d", "b"]) store.put(key);
    assert.equal(store.delete("a", "d"), 3);
    const deleted: string[] = [];
    store.view.changes(6, (change) => {
      deleted.push(`${change.sub}${text(change.key)}${change.tombstone}`);
    });
    assert.deepEqual(deleted, ["0atrue", "1btrue", "2ctrue"]);
  });

  it("keeps huge keys and values whole", () => {
    const store = new Store();
    const key = "k".repeat(60_000);
    store.put(key, "v".repeat(1_500_000), -1n);
    store.put(`${key}\0`);
    for (let half = 0; half < 2; half += 1) {
      const version = store.view.get(bytes(key));
      assert.equal(version?.lease, -1n);
      assert.ok((version?.keyValue.length ?? 0) > 1_560_000);
      assert.equal(store.view.get(bytes(`${key}\0`))?.version, 1);
      store.checkpoint();
    }
  });

  it("refuses writes outside of a transaction, a wrong revision, and the empty key", () => {
    const { space } = new Store();
    assert.throws(() => space.put(bytes("a"), bytes(""), 0n), InvariantError);
    assert.throws(() => space.begin(3), InvariantError);
    space.begin(2);
    assert.throws(() => space.put(bytes(""), bytes(""), 0n), InvariantError);
  });
});
