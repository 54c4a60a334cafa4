import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { StoreWriter } from "../../src/apply-worker/store/store-writer.js";
import { withTempDirectory } from "./support/temp-store.js";

const childProgram = fileURLToPath(new URL("./support/full-disk-child.js", import.meta.url));

describe("a store that cannot grow", () => {
  it("fails the run, stays readable at the one before, and is whole when opened again", async () => {
    await withTempDirectory(async (directory) => {
      // Blocks of 1,024 bytes: files end at 8 MiB, with an error instead of a signal.
      const script = `trap "" XFSZ; ulimit -f 8192; exec "$0" "$@"`;
      const child = spawnSync("bash", ["-c", script, process.execPath, childProgram, directory], {
        encoding: "utf8",
        timeout: 30_000,
      });
      assert.equal(child.status, 0, child.stderr);
      const { written, errors, revision, bytes } = JSON.parse(child.stdout);
      assert.ok(written >= 20 && written < 50, String(written));
      assert.equal(errors.length, 2);
      assert.match(errors[0], /^Error: store: commit/);
      assert.equal(revision, written + 1);
      assert.ok(bytes > 200_000);
      const store = StoreWriter.open(directory);
      assert.equal(store.state.revision, revision);
      assert.equal(store.reader.keyValue({ main: revision, sub: 0 }).length, bytes);
      await store.close();
    });
  });
});
