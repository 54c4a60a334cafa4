import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { StoreWriter } from "../../src/apply-worker/store/store-writer.js";
import type { BaseReader, Change } from "../../src/shared/mvcc/types.js";
import { crashHistory } from "./support/crash-history.js";
import { copyChange } from "./support/map-base.js";
import { finishCompaction } from "./support/model.js";
import { scaled, withTempDirectory } from "./support/temp-store.js";

const childProgram = fileURLToPath(new URL("./support/crash-child.js", import.meta.url));

/** Starts the writing child, kills it after so many finished runs; gives the last one it told of. */
async function runAndKill(directory: string, linesBeforeKill: number): Promise<number> {
  const child = spawn(process.execPath, [childProgram, directory], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exited = once(child, "exit");
  let lines = 0;
  let told = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    told = Number(line);
    lines += 1;
    if (lines === linesBeforeKill) child.kill("SIGKILL");
  }
  await exited;
  return told;
}

/** What C-06 and C-07 keep of the first `count` changes. */
function compacted(changes: readonly Change[], count: number, compactRevision: number): Change[] {
  const newest = new Map<string, Change>();
  for (const change of changes.slice(0, count)) {
    if (change.main <= compactRevision) newest.set(String(change.key), change);
  }
  return changes
    .slice(0, count)
    .filter(
      (change) =>
        change.main > compactRevision ||
        (newest.get(String(change.key)) === change &&
          (!change.tombstone || change.main === compactRevision)),
    );
}

function changesOf(base: BaseReader): Change[] {
  const found: Change[] = [];
  base.visitChanges({ main: 0, sub: 0 }, base.revision, (change) => {
    found.push(copyChange(change));
    return true;
  });
  return found;
}

describe("a store whose writer was killed", () => {
  it("is at one finished run or the next, whole, wherever the kill came", async () => {
    await withTempDirectory(async (directory) => {
      const { changes } = crashHistory();
      for (let kill = 1; kill <= scaled(12); kill++) {
        const told = await runAndKill(directory, 1 + ((kill * 5) % 13));
        const store = StoreWriter.open(directory);
        const { appliedIndex, revision, compactRevision } = store.state;
        assert.ok(appliedIndex >= told, `${appliedIndex} >= ${told}`);
        assert.equal(appliedIndex % 150, 0);
        assert.equal(revision, changes[appliedIndex - 1]?.main);
        await finishCompaction(store);
        store.reader.refresh();
        const expected = compacted(changes, appliedIndex, compactRevision);
        assert.deepEqual(changesOf(store.reader), expected.map(copyChange));
        const keys = new Set<string>();
        store.reader.visitKeys(new Uint8Array(0), undefined, (key, record) => {
          keys.add(Buffer.from(key).toString());
          const own = expected.filter((change) => Buffer.compare(change.key, key) === 0);
          const tail = own.slice(-record.revisions.length);
          assert.deepEqual(
            record.revisions,
            tail.map(({ main, sub, tombstone }) => ({ main, sub, tombstone })),
          );
          return true;
        });
        assert.deepEqual(keys, new Set(expected.map(({ key }) => String(key))));
        await store.close();
      }
    });
  });
});
