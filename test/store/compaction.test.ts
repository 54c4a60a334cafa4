import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { StoreWriter } from "../../src/apply-worker/store/store-writer.js";
import type { Operation } from "./support/model.js";
import { ChangeModel, checkpointOf, finish, finishCompaction } from "./support/model.js";
import { withTempDirectory } from "./support/temp-store.js";

function put(key: string): Operation {
  return { kind: "put", key: Buffer.from(key), value: Buffer.from("v"), lease: 0n };
}

function remove(key: string): Operation {
  return { kind: "delete", key: Buffer.from(key) };
}

/** "key@main" of every stored change, with a "-" for tombstones. */
function stored(store: StoreWriter): string[] {
  const found: string[] = [];
  store.reader.refresh();
  store.reader.visitChanges({ main: 0, sub: 0 }, store.reader.revision, (change) => {
    found.push(`${Buffer.from(change.key)}@${change.main}${change.tombstone ? "-" : ""}`);
    return true;
  });
  return found;
}

/** A store with these requests (revisions from 2 on), compacted to each of the revisions in turn. */
async function withCompacted(
  requests: readonly (readonly Operation[])[],
  compactRevisions: readonly number[],
  use: (store: StoreWriter) => Promise<void> | void,
): Promise<void> {
  await withTempDirectory(async (directory) => {
    const model = new ChangeModel();
    for (const request of requests) model.apply(request);
    const store = StoreWriter.open(directory, { compactionRevisionsMax: 2 });
    const all = { from: 0, to: model.changes.length };
    await finish(store.startCheckpoint(checkpointOf(model.changes, all)));
    for (const compactRevision of compactRevisions) {
      const none = { from: all.to, to: all.to };
      await finish(store.startCheckpoint(checkpointOf(model.changes, none, { compactRevision })));
      await finishCompaction(store);
    }
    await use(store);
    await store.close();
  });
}

const requests = [[put("a")], [put("b")], [put("a")], [remove("b")], [put("a")], [put("c")]];

describe("compaction", () => {
  it("removes nothing when compacted to 0 (C-03)", async () => {
    await withCompacted(requests, [0], (store) => {
      assert.deepEqual(stored(store), ["a@2", "b@3", "a@4", "b@5-", "a@6", "c@7"]);
      assert.equal(store.state.finishedCompactRevision, 0);
    });
  });

  it("keeps all live keys when compacted to the current revision (C-04)", async () => {
    await withCompacted(requests, [7], (store) => assert.deepEqual(stored(store), ["a@6", "c@7"]));
  });

  it("keeps the newest at the revision and everything above it (C-06)", async () => {
    await withCompacted(requests, [4], (store) =>
      assert.deepEqual(stored(store), ["b@3", "a@4", "b@5-", "a@6", "c@7"]),
    );
  });

  it("keeps a tombstone exactly at the revision until the next compaction (C-07)", async () => {
    await withCompacted(requests, [5], (store) => {
      assert.deepEqual(stored(store), ["a@4", "b@5-", "a@6", "c@7"]);
      assert.ok(store.reader.keyRecord(Buffer.from("b")));
    });
    await withCompacted(requests, [5, 6], (store) => {
      assert.deepEqual(stored(store), ["a@6", "c@7"]);
      assert.equal(store.reader.keyRecord(Buffer.from("b")), undefined);
    });
  });

  it("removes a survivor of an earlier compaction when its key has moved on", async () => {
    await withCompacted(requests, [3, 6], (store) =>
      assert.deepEqual(stored(store), ["a@6", "c@7"]),
    );
  });

  it("goes on from its place when a later compaction is asked for half-way", async () => {
    await withTempDirectory(async (directory) => {
      const model = new ChangeModel();
      for (let round = 0; round < 20; round++) {
        for (const key of ["a", "b", "c"]) model.apply([put(key)]);
      }
      model.apply([remove("b")]);
      const store = StoreWriter.open(directory, { compactionRevisionsMax: 5 });
      const all = { from: 0, to: model.changes.length };
      const none = { from: all.to, to: all.to };
      const first = checkpointOf(model.changes, all, { compactRevision: 30 });
      await finish(store.startCheckpoint(first));
      for (let chunk = 0; chunk < 3; chunk++) await finish(store.startCompaction());
      assert.ok(store.isCompactionPending);
      const second = checkpointOf(model.changes, none, { compactRevision: 62 });
      await finish(store.startCheckpoint(second));
      await finishCompaction(store);
      assert.deepEqual(stored(store), ["a@59", "c@61", "b@62-"]);
      await store.close();
    });
  });

  it("lets go of a tombstone that was the old target when a later one is asked for right behind it", async () => {
    await withTempDirectory(async (directory) => {
      const model = new ChangeModel();
      for (const request of [[put("a")], [remove("a")], [put("b")]]) model.apply(request);
      const store = StoreWriter.open(directory, { compactionRevisionsMax: 2 });
      const all = { from: 0, to: model.changes.length };
      const none = { from: all.to, to: all.to };
      const first = checkpointOf(model.changes, all, { compactRevision: 3 });
      await finish(store.startCheckpoint(first));
      await finish(store.startCompaction());
      assert.ok(store.isCompactionPending);
      assert.deepEqual(stored(store), ["a@3-", "b@4"]);
      const second = checkpointOf(model.changes, none, { compactRevision: 4 });
      await finish(store.startCheckpoint(second));
      await finishCompaction(store);
      assert.deepEqual(stored(store), ["b@4"]);
      assert.equal(store.reader.keyRecord(Buffer.from("a")), undefined);
      await store.close();
    });
  });

  it("starts over after a restart and finishes the same", async () => {
    await withTempDirectory(async (directory) => {
      const model = new ChangeModel();
      for (let index = 0; index < 100; index++) model.apply([put(`k${index % 3}`)]);
      const options = { compactionRevisionsMax: 7 };
      let store = StoreWriter.open(directory, options);
      const all = { from: 0, to: model.changes.length };
      await finish(
        store.startCheckpoint(checkpointOf(model.changes, all, { compactRevision: 99 })),
      );
      for (let restart = 0; restart < 5; restart++) {
        await finish(store.startCompaction());
        await store.close();
        store = StoreWriter.open(directory, options);
        assert.ok(store.isCompactionPending);
      }
      await finishCompaction(store);
      assert.deepEqual(stored(store), ["k2@97", "k0@98", "k1@99", "k2@100", "k0@101"]);
      await store.close();
    });
  });

  it("gives the space of a hot key's history back", async () => {
    await withTempDirectory(async (directory) => {
      const model = new ChangeModel();
      for (let index = 0; index < 3000; index++) model.apply([put("hot")]);
      const store = StoreWriter.open(directory, { compactionRevisionsMax: 1000 });
      const all = { from: 0, to: model.changes.length };
      const input = checkpointOf(model.changes, all, { compactRevision: model.revision });
      await finish(store.startCheckpoint(input));
      const before = store.reader.sizes();
      await finishCompaction(store);
      store.reader.refresh();
      const after = store.reader.sizes();
      assert.ok(after.bytesInUse < before.bytesInUse / 2, JSON.stringify({ before, after }));
      assert.deepEqual(stored(store), ["hot@3001"]);
      assert.equal(store.reader.keyRecord(Buffer.from("hot"))?.spilled, false);
      await store.close();
    });
  });
});
