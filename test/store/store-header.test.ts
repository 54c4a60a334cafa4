import { once } from "node:events";
import { join } from "node:path";
import { describe, it } from "node:test";
import { Worker } from "node:worker_threads";
import { StoreWriter } from "../../src/apply-worker/store/store-writer.js";
import { checkStoreHeader } from "../../src/shared/mvcc/base/store-header.js";
import { withTempDirectory } from "./support/temp-store.js";

const program = new URL("./support/growing-store.js", import.meta.url);
const LOOKS = 5000;

describe("checkStoreHeader()", () => {
  it("takes a file that a transaction makes longer while it looks", async () => {
    await withTempDirectory(async (directory) => {
      await StoreWriter.open(directory).close();
      const file = join(directory, "data.mdb");
      const stop = new Int32Array(new SharedArrayBuffer(4));
      const worker = new Worker(program, { workerData: { file, pageBytes: 4096, stop } });
      const ended = once(worker, "exit");
      await once(worker, "message");
      try {
        for (let look = 0; look < LOOKS; look++) checkStoreHeader(file);
      } finally {
        Atomics.store(stop, 0, 1);
        await ended;
      }
    });
  });
});
