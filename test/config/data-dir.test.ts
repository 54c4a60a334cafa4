import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { afterEach, beforeEach, describe, test } from "node:test";
import { DataDirError } from "../../src/main/data-dir/data-dir-error.js";
import { parseFormatVersion } from "../../src/main/data-dir/format-version.js";
import { type DataDir, openDataDir } from "../../src/main/data-dir/open-data-dir.js";
import { createRecordLogger, type LogRecord, SILENT_LOGGER } from "../../src/shared/logger.js";

const HOLDER = join(import.meta.dirname, "lock-holder.js");
const IS_ROOT = process.getuid?.() === 0;

let root = "";
let lines: LogRecord[] = [];
let opened: DataDir[] = [];
let children: ChildProcess[] = [];

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "capstan-data-dir-"));
  lines = [];
  opened = [];
  children = [];
});

afterEach(() => {
  for (const dir of opened) dir.release();
  for (const child of children) child.kill("SIGKILL");
  rmSync(root, { recursive: true, force: true });
});

async function open(dataDir: string, walDir?: string, lockTimeoutMs = 0): Promise<DataDir> {
  const logger = createRecordLogger({
    level: "info",
    nowUs: () => 0,
    emit: (record) => lines.push(record),
  });
  const dir = await openDataDir({ dataDir, walDir, logger, lockTimeoutMs });
  opened.push(dir);
  return dir;
}

async function openFault(dataDir: string, walDir?: string): Promise<string> {
  const before = listing(root);
  const error = await open(dataDir, walDir).catch((reason: unknown) => reason);
  assert.ok(error instanceof DataDirError, String(error));
  assert.deepEqual(listing(root), before, "a refused directory must stay as it was");
  return error.message;
}

function listing(dir: string): readonly string[] {
  if (!existsSync(dir)) return [];
  return readdirSync(dir, { recursive: true, encoding: "utf8" })
    .map((name) => `${name} ${statSync(join(dir, name)).mtimeMs}`)
    .sort();
}

function write(path: string, text = ""): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  writeFileSync(path, text);
}

function holder(dataDir: string, timeoutMs: number) {
  const child = spawn(process.execPath, [HOLDER, dataDir, String(timeoutMs)], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  children.push(child);
  const reader = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    child,
    next: async (): Promise<Record<string, unknown>> => {
      const line = await reader.next();
      return JSON.parse(line.value ?? "{}");
    },
  };
}

describe("openDataDir", () => {
  test("makes a new member for its owner alone, with parents", async () => {
    const dir = await open(join(root, "a", "b"));
    assert.equal(dir.isNew, true);
    for (const path of [dir.paths.dataDir, dir.paths.memberDir, dir.paths.walDir]) {
      assert.equal(statSync(path).mode & 0o777, 0o700, path);
    }
    assert.deepEqual(readdirSync(dir.paths.memberDir).sort(), ["LOCK", "VERSION", "store", "wal"]);
    assert.deepEqual(parseFormatVersion(readFileSync(dir.paths.versionFile, "utf8")), {
      kind: "readable",
    });
    assert.deepEqual(lines, []);
  });

  test("asks before it makes a member whether it may, and not when there is one", async () => {
    const dataDir = join(root, "data");
    const options = { dataDir, walDir: undefined, logger: SILENT_LOGGER };
    const refusing = { ...options, newMemberFault: async () => "no such roster" };
    await assert.rejects(openDataDir(refusing), {
      name: "DataDirError",
      message: "no such roster",
    });
    assert.equal(existsSync(dataDir), false);
    (await openDataDir({ ...options, newMemberFault: async () => undefined })).release();
    opened.push(await openDataDir(refusing));
  });

  test("finds the member again, with its log in a place of its own", async () => {
    const data = join(root, "data");
    const wal = join(root, "disk", "wal");
    const first = await open(data, wal);
    first.release();
    opened = [];
    const second = await open(data, wal);
    assert.deepEqual([first.isNew, second.isNew], [true, false]);
    assert.deepEqual(readdirSync(second.paths.memberDir).sort(), ["LOCK", "VERSION", "store"]);
    assert.equal(second.paths.walDir, wal);
  });

  test("goes on with a creation that a crash cut short at any point", async () => {
    const memberDir = join(root, "member");
    mkdirSync(join(memberDir, "wal"), { recursive: true });
    write(join(memberDir, "LOCK"), "1\n");
    write(join(memberDir, "VERSION.tmp"), '{"prod');
    chmodSync(root, 0o700);
    const dir = await open(root);
    assert.equal(dir.isNew, true);
    assert.ok(existsSync(dir.paths.storeDir));
  });

  test("warns about strangers and about a directory that others can enter", async () => {
    write(join(root, "stranger"));
    chmodSync(root, 0o755);
    await open(root);
    assert.deepEqual(
      lines.map(({ level, message, fields }) => [level, message, fields.filename ?? fields.mode]),
      [
        ["warn", "found invalid file under data directory", "stranger"],
        ["warn", "data directory is open to other users", "0755"],
      ],
    );
  });

  test("refuses a newer format by name", async () => {
    const text = '{"product":"capstan","format":9,"writtenBy":"7.0.0","more":true}\n';
    write(join(root, "member", "VERSION"), text);
    assert.equal(
      await openFault(root),
      `data directory ${root} has on-disk format 9, written by capstan 7.0.0; this version reads up to format 1`,
    );
  });

  for (const text of ["", "{", "[]", '{"product":"x","format":1}', '{"product":"capstan"}']) {
    test(`calls a VERSION file of ${JSON.stringify(text)} damaged`, async () => {
      write(join(root, "member", "VERSION"), text);
      assert.match(await openFault(root), /^data directory is damaged: .*VERSION/);
    });
  }

  test("refuses the data of etcd", async () => {
    write(join(root, "member", "snap", "db"));
    assert.match(await openFault(root), /belongs to etcd/);
    rmSync(join(root, "member"), { recursive: true });
    write(join(root, "member", "wal", "0000000000000000-0000000000000000.wal"));
    assert.match(await openFault(root), /belongs to etcd/);
  });

  test("refuses what it cannot tell to be its own", async () => {
    write(join(root, "member", "store", "data.mdb"));
    assert.match(await openFault(root), /no VERSION file, but there is .*store/);
    rmSync(join(root, "member"), { recursive: true });
    write(join(root, "member", "notes.txt"));
    assert.match(await openFault(root), /no VERSION file, but there is .*notes\.txt/);
  });

  test("refuses a log directory of something else beside new data", async () => {
    write(join(root, "elsewhere", "x.wal"));
    const fault = await openFault(join(root, "data"), join(root, "elsewhere"));
    assert.match(fault, /no VERSION file, but there is .*elsewhere/);
  });

  test("refuses a member whose log or store is gone", async () => {
    const dir = await open(join(root, "data"));
    dir.release();
    opened = [];
    rmSync(dir.paths.walDir, { recursive: true });
    assert.match(await openFault(join(root, "data")), /wal is missing: is its disk mounted/);
  });

  test("refuses a file in the place of the directory", async () => {
    write(join(root, "file"));
    assert.match(
      await openFault(join(root, "file")),
      /^cannot access data directory: .*: not a directory$/,
    );
    assert.match(await openFault(join(root, "file", "below")), /not a directory$/);
    write(join(root, "data", "member"));
    assert.match(await openFault(join(root, "data")), /not a directory$/);
  });

  test("refuses a place where nothing can be made", {
    skip: process.platform !== "linux",
  }, async () => {
    assert.match(
      await openFault("/proc/capstan-data"),
      /^cannot access data directory: mkdir \/proc\/capstan-data: no such file or directory$/,
    );
  });

  const asUser = { skip: IS_ROOT ? "root may read and write everything" : false };
  test("refuses a directory without permission", asUser, async () => {
    for (const [name, mode] of [
      ["closed", 0o000],
      ["read-only", 0o500],
    ] as const) {
      mkdirSync(join(root, name), { mode });
      const wanted = { name: "DataDirError", message: /permission denied$/ };
      await assert.rejects(open(join(root, name)), wanted);
      chmodSync(join(root, name), 0o700);
      assert.deepEqual(readdirSync(join(root, name)), []);
    }
  });
});

describe("the lock of a data directory", () => {
  test("keeps a second opener out of the same process too", async () => {
    await open(root);
    await assert.rejects(open(root), /is in use by another process \(pid \d+\): gave up after 0s/);
  });

  test("keeps another process out, which says that it waits and gives up", async () => {
    await open(root);
    const other = holder(root, 1500);
    const waiting = await other.next();
    assert.equal(waiting.message, "waiting for the lock of the data directory");
    assert.deepEqual(waiting.fields, {
      "data-dir": root,
      "holder-pid": process.pid,
      timeout: "1.5s",
    });
    const failed = await other.next();
    const wanted = `data directory ${root} is in use by another process (pid ${process.pid}): gave up after 1.5s`;
    assert.equal(failed.failed, wanted);
    const [code] = await once(other.child, "exit");
    assert.equal(code, 1);
  });

  test("is handed to a waiting process when it is released", async () => {
    const dir = await open(root);
    const other = holder(root, 20_000);
    assert.equal((await other.next()).message, "waiting for the lock of the data directory");
    dir.release();
    opened = [];
    assert.deepEqual(await other.next(), { opened: false });
  });

  test("ends with the process that held it, however that ends", async () => {
    const other = holder(root, 0);
    assert.deepEqual(await other.next(), { opened: true });
    await assert.rejects(open(root), new RegExp(`\\(pid ${other.child.pid}\\)`));
    other.child.kill("SIGKILL");
    await once(other.child, "exit");
    const dir = await open(root);
    assert.equal(dir.isNew, false);
  });

  test("lets one of several new starters make the directory", async () => {
    const data = join(root, "data");
    const starters = [holder(data, 0), holder(data, 0), holder(data, 0)];
    const answers = await Promise.all(starters.map((starter) => starter.next()));
    assert.equal(answers.filter((answer) => answer.opened === true).length, 1);
    assert.equal(answers.filter((answer) => "failed" in answer).length, 2);
  });
});
