import assert from "node:assert/strict";
import { once } from "node:events";
import { describe, it } from "node:test";
import { Worker } from "node:worker_threads";
import { StoreWriter } from "../../src/apply-worker/store/store-writer.js";
import { ChangeModel, checkpointOf, finish } from "./support/model.js";
import { withTempDirectory } from "./support/temp-store.js";

const readerProgram = new URL("./support/reader-thread.js", import.meta.url);

describe("LmdbBaseReader", () => {
  it("sees whole checkpoints only from other threads while they are written", async () => {
    await withTempDirectory(async (directory) => {
      const model = new ChangeModel();
      const store = StoreWriter.open(directory);
      const stop = new Int32Array(new SharedArrayBuffer(4));
      const workers = [1, 2].map(
        () => new Worker(readerProgram, { workerData: { directory, stop } }),
      );
      const reports = workers.map((worker) => once(worker, "message"));
      let written = 0;
      for (let round = 0; round < 40; round++) {
        for (let index = 0; index < 200; index++) {
          const key = Buffer.from(`key-${(index * 31 + round) % 300}`);
          model.apply([{ kind: "put", key, value: Buffer.alloc(300), lease: 0n }]);
        }
        const range = { from: written, to: model.changes.length };
        const compactRevision = Math.max(model.revision - 500, -1);
        const input = checkpointOf(model.changes, range, { compactRevision });
        await finish(store.startCheckpoint(input));
        written = range.to;
        if (store.isCompactionPending) await finish(store.startCompaction());
        store.reader.refresh();
      }
      Atomics.store(stop, 0, 1);
      for (const report of reports) {
        const [{ wrong, snapshots, revisions }] = await report;
        assert.equal(wrong, "");
        assert.ok(snapshots > 1 && revisions > 1, `${snapshots} snapshots, ${revisions} revisions`);
      }
      await Promise.all(workers.map((worker) => worker.terminate()));
      await store.close();
    });
  });
});
