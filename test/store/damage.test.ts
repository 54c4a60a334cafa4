import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { RowWriter } from "../../src/apply-worker/store/row-writer.js";
import { StoreWriter } from "../../src/apply-worker/store/store-writer.js";
import {
  MetaRow,
  openEnvironment,
  StoreTooNewError,
  storeFile,
} from "../../src/shared/mvcc/base/store-format.js";
import { StoreCorruptError } from "../../src/shared/mvcc/types.js";
import { factsOf } from "./support/facts.js";
import { ChangeModel, checkpointOf, finish } from "./support/model.js";
import { scaled, withTempDirectory } from "./support/temp-store.js";

const childProgram = fileURLToPath(new URL("./support/damage-child.js", import.meta.url));

/** A store with all tables in use; gives its facts. */
async function makeStore(directory: string): Promise<Set<string>> {
  const model = new ChangeModel();
  for (let index = 0; index < 300; index++) {
    const key = Buffer.from(index % 3 === 0 ? "hot" : `key-${index % 40}`);
    const lease = BigInt(index % 5);
    if (index % 17 === 16) model.apply([{ kind: "delete", key }]);
    else model.apply([{ kind: "put", key, value: Buffer.alloc(50, index), lease }]);
  }
  const long = Buffer.alloc(1100, "l");
  model.apply([{ kind: "put", key: long, value: Buffer.alloc(9000, "v"), lease: 4n }]);
  const store = StoreWriter.open(directory);
  const range = { from: 0, to: model.changes.length };
  const leases = [[1n, Buffer.from("lease")]] as const;
  await finish(store.startCheckpoint(checkpointOf(model.changes, range, { leases })));
  store.reader.refresh();
  const facts = new Set(factsOf(store.reader));
  await store.close();
  return facts;
}

function runChild(directory: string): { facts: string[]; isComplete: boolean; status: unknown } {
  const result = spawnSync(process.execPath, [childProgram, directory], {
    encoding: "utf8",
    timeout: 20_000,
    maxBuffer: 64 * 1024 * 1024,
  });
  assert.notEqual(result.signal, "SIGTERM", "reading a damaged store came to no end");
  const lines = result.stdout.split("\n").slice(0, -1);
  const isComplete = lines.at(-1) === "complete";
  return { facts: isComplete ? lines.slice(0, -1) : lines, isComplete, status: result.status };
}

describe("a damaged store", () => {
  it("never says anything that was not stored, whichever byte is flipped", async () => {
    await withTempDirectory(async (directory) => {
      const original = join(directory, "original");
      const truth = await makeStore(original);
      const image = readFileSync(storeFile(original));
      const flips = scaled(60);
      for (let flip = 0; flip < flips; flip++) {
        const offset = Math.floor(((flip + 0.37) * image.length) / flips);
        const copy = join(directory, `flip-${flip}`);
        mkdirSync(copy);
        const damaged = Buffer.from(image);
        damaged.writeUInt8(damaged.readUInt8(offset) ^ (1 << (flip % 8)), offset);
        writeFileSync(storeFile(copy), damaged);
        for (const fact of runChild(copy).facts) {
          assert.ok(truth.has(fact), `byte ${offset} flipped: ${fact.slice(0, 200)}`);
        }
      }
    });
  });

  it("is refused in one line when a value was changed", async () => {
    await withTempDirectory(async (directory) => {
      await makeStore(directory);
      const image = readFileSync(storeFile(directory));
      // The value of the long key's put fills two pages of its own.
      const at = image.indexOf(Buffer.alloc(4000, "v"));
      assert.ok(at > 0);
      image.writeUInt8(0, at + 100);
      writeFileSync(storeFile(directory), image);
      const { isComplete, status } = runChild(directory);
      assert.deepEqual({ isComplete, status }, { isComplete: false, status: 3 });
    });
  });

  it("is refused when the file is cut short", async () => {
    await withTempDirectory(async (directory) => {
      await makeStore(directory);
      truncateSync(storeFile(directory), 4 * 4096);
      const { facts, status } = runChild(directory);
      assert.deepEqual({ facts, status }, { facts: [], status: 3 });
    });
  });

  it("is refused when it is not a store at all", async () => {
    await withTempDirectory(async (directory) => {
      mkdirSync(directory, { recursive: true });
      writeFileSync(storeFile(directory), Buffer.alloc(32_768, "not a store "));
      assert.throws(() => StoreWriter.open(directory), StoreCorruptError);
    });
  });
});

describe("StoreWriter.open", () => {
  it("refuses a newer format by name and leaves the file as it is", async () => {
    await withTempDirectory(async (directory) => {
      await makeStore(directory);
      const { root, tables } = openEnvironment(directory, "write");
      const format = Buffer.concat([Buffer.from("capstan\0"), Buffer.of(2, 0, 0, 0)]);
      root.transactionSync(() => tables.meta.putSync(MetaRow.format, format));
      await root.close();
      const before = readFileSync(storeFile(directory));
      assert.throws(
        () => StoreWriter.open(directory),
        (error) => error instanceof StoreTooNewError && /format 2/.test(error.message),
      );
      assert.deepEqual(readFileSync(storeFile(directory)), before);
    });
  });

  it("begins anew when a crash came between the tables and their first rows", async () => {
    await withTempDirectory(async (directory) => {
      const { root } = openEnvironment(directory, "write", () => "create");
      await root.close();
      const store = StoreWriter.open(directory);
      assert.equal(store.state.revision, 1);
      await store.close();
    });
  });

  it("says StoreCorruptError when the state row is gone", async () => {
    await withTempDirectory(async (directory) => {
      await makeStore(directory);
      const { root, tables } = openEnvironment(directory, "write");
      root.transactionSync(() => new RowWriter(tables).remove("meta", MetaRow.state));
      await root.close();
      assert.throws(() => StoreWriter.open(directory), StoreCorruptError);
    });
  });

  it("finds everything again in a copy of the file", async () => {
    await withTempDirectory(async (directory) => {
      const original = join(directory, "original");
      const truth = await makeStore(original);
      cpSync(original, join(directory, "copy"), { recursive: true });
      const { facts, isComplete } = runChild(join(directory, "copy"));
      assert.ok(isComplete);
      assert.deepEqual(new Set(facts), truth);
    });
  });
});
