import assert from "node:assert/strict";
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { RpcClient } from "../../src/main/client/rpc-client.js";
import {
  type CapstanRun,
  freePort,
  runCapstan,
  type ServerProcess,
  startCapstan,
} from "../support/server-process.js";
import { Calls } from "./support/calls.js";
import { fingerprint } from "./support/directory.js";
import { Watcher } from "./support/watcher.js";

const LOCK_WAIT_MS = 10_000;
/** A start that fails must say so soon: longer means that it hangs. */
const REFUSAL_TIMEOUT_MS = 60_000;

interface Refused {
  readonly run: CapstanRun;
  /** The error field of its one fatal line. */
  readonly error: string;
}

/** Starts capstan on a directory that it must refuse. */
async function startRefused(dataDir: string, port?: number): Promise<Refused> {
  const url = `http://127.0.0.1:${port ?? (await freePort())}`;
  const run = await runCapstan({
    args: [
      ...["--data-dir", dataDir, "--listen-client-urls", url, "--advertise-client-urls", url],
      ...["--listen-peer-urls", `http://127.0.0.1:${await freePort()}`],
    ],
    timeoutMs: REFUSAL_TIMEOUT_MS,
  });
  assert.equal(run.signal, null, `it had to be killed:\n${run.stderr}`);
  assert.equal(run.code, 1, run.stderr);
  const fatal = run.stderr.split("\n").filter((line) => line.includes('"level":"fatal"'));
  assert.equal(fatal.length, 1, `not one clear line:\n${run.stderr}`);
  const { error } = JSON.parse(fatal[0] ?? "") as { error?: unknown };
  return { run, error: String(error) };
}

async function withCalls<T>(server: ServerProcess, work: (calls: Calls) => Promise<T>): Promise<T> {
  const client = new RpcClient(server.target);
  try {
    return await work(new Calls(client));
  } finally {
    client.close();
  }
}

describe("capstan on its way up", () => {
  let folder = "";
  /** A stopped member with one key in it. Copied, never started. */
  let member = "";

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), "capstan-startup-"));
    member = join(folder, "member-template");
    const server = await startCapstan({ dataDir: member });
    await withCalls(server, (calls) => calls.put("key", Buffer.from("value")));
    assert.equal(await server.end("SIGTERM"), 0, server.output());
  });

  after(() => rmSync(folder, { recursive: true, force: true }));

  function copyOfMember(name: string): string {
    const copy = join(folder, name);
    cpSync(member, copy, { recursive: true });
    return copy;
  }

  /** It must refuse the directory with these words, and leave it as it was. */
  async function refuses(dataDir: string, words: RegExp): Promise<void> {
    const before = fingerprint(dataDir);
    const { error } = await startRefused(dataDir);
    assert.match(error, words);
    assert.deepEqual(fingerprint(dataDir), before, "it changed what it refused");
  }

  test("says its version first as etcd does", async () => {
    const { code, stdout } = await runCapstan({ args: ["--version"] });
    assert.equal(code, 0);
    assert.match(stdout, /^etcd Version: 3\.7\.\d+\n/);
    assert.match(stdout, /capstan/i);
  });

  test("ends with code 2 and a line when a flag is not known", async () => {
    const { code, stderr, stdout } = await runCapstan({ args: ["--no-such-flag"] });
    assert.equal(code, 2);
    assert.match(stdout + stderr, /^flag provided but not defined: -no-such-flag\n/);
  });

  test("ends with code 1 and leaves no trace when a flag's value cannot be used", async () => {
    const dataDir = join(folder, "bad-value");
    const args = ["--data-dir", dataDir, "--election-timeout", "1"];
    const { code, stderr } = await runCapstan({ args });
    assert.equal(code, 1, stderr);
    assert.match(stderr, /election-timeout/);
    assert.equal(existsSync(dataDir), false);
  });

  test("names the address when the port is in use, and leaves no trace", async () => {
    const holder = await listen();
    const address = holder.address();
    assert.ok(address !== null && typeof address === "object");
    const dataDir = join(folder, "port-in-use");
    const { error } = await startRefused(dataDir, address.port);
    assert.match(error, new RegExp(`127\\.0\\.0\\.1:${address.port}.*address already in use`));
    assert.equal(existsSync(dataDir), false);
    holder.close();
  });

  test("refuses a data directory that is none", async () => {
    const file = join(folder, "file");
    writeFileSync(file, "not a directory");
    await refuses(join(file, "data"), /cannot access data directory: .*not a directory/);
    await refuses(file, /cannot access data directory: .*not a directory/);
  });

  test("refuses etcd's data directory by name", async () => {
    const dataDir = join(folder, "of-etcd");
    mkdirSync(join(dataDir, "member", "snap"), { recursive: true });
    writeFileSync(join(dataDir, "member", "snap", "db"), "x");
    await refuses(dataDir, /belongs to etcd/);
  });

  test("refuses a newer on-disk format by name", async () => {
    const dataDir = copyOfMember("newer");
    const version = { product: "capstan", format: 99, writtenBy: "9.8.7" };
    writeFileSync(join(dataDir, "member", "VERSION"), JSON.stringify(version));
    await refuses(dataDir, /on-disk format 99, written by capstan 9\.8\.7.*reads up to format \d+/);
  });

  test("refuses a damaged VERSION file", async () => {
    const dataDir = copyOfMember("bad-version");
    writeFileSync(join(dataDir, "member", "VERSION"), "{garbage");
    await refuses(dataDir, /damaged.*VERSION/);
  });

  test("refuses a member whose log or store is gone", async () => {
    for (const part of ["wal", "store"]) {
      const dataDir = copyOfMember(`without-${part}`);
      rmSync(join(dataDir, "member", part), { recursive: true });
      await refuses(dataDir, new RegExp(`${part} is missing`));
    }
  });

  function withEmpty(part: "wal" | "store"): string {
    const dataDir = copyOfMember(`empty-${part}`);
    rmSync(join(dataDir, "member", part), { recursive: true });
    mkdirSync(join(dataDir, "member", part));
    return dataDir;
  }

  test("refuses a member whose log is empty", async () => {
    const { error } = await startRefused(withEmpty("wal"));
    assert.match(error, /WAL|log/);
  });

  test("makes an empty store again from a log that reaches back to its beginning", async (t) => {
    const server = await startCapstan({ dataDir: withEmpty("store") });
    t.after(() => server.dispose());
    const kept = await withCalls(server, (calls) => calls.range({ key: Buffer.from("key") }));
    assert.deepEqual(
      kept.kvs.map(({ value, modRevision }) => [Buffer.from(value).toString(), modRevision]),
      [["value", 2n]],
    );
  });

  test("refuses a store that is garbage", async () => {
    const dataDir = copyOfMember("garbage-store");
    writeFileSync(join(dataDir, "member", "store", "data.mdb"), Buffer.alloc(65_536, "garbage"));
    await refuses(dataDir, /store/);
  });

  test("refuses a store that is another member's", async (t) => {
    const other = await startCapstan();
    t.after(() => other.dispose());
    await other.end("SIGTERM");
    const dataDir = copyOfMember("foreign-store");
    const store = join("member", "store");
    rmSync(join(dataDir, store), { recursive: true });
    cpSync(join(other.dataDir, store), join(dataDir, store), { recursive: true });
    await refuses(dataDir, /another member's/);
  });

  test("waits ten seconds for another process on the directory, says so, and gives up", async (t) => {
    const first = await startCapstan({ dataDir: copyOfMember("shared") });
    t.after(() => first.dispose());
    const { run, error } = await startRefused(first.dataDir);
    assert.ok(run.durationMs >= LOCK_WAIT_MS, `it waited only ${run.durationMs} ms`);
    assert.match(run.stderr, /waiting for the lock of the data directory/);
    assert.match(error, new RegExp(`in use by another process \\(pid ${first.pid}\\).*gave up`));
    const kept = await withCalls(first, (calls) => calls.range({ key: Buffer.from("key") }));
    assert.equal(Buffer.from(kept.kvs[0]?.value ?? []).toString(), "value");
  });

  test("takes over the directory when the other process ends while it waits", async (t) => {
    const first = await startCapstan({ dataDir: copyOfMember("handed-over") });
    t.after(() => first.dispose());
    const starting = startCapstan({ dataDir: first.dataDir });
    await first.end("SIGTERM");
    const second = await starting;
    t.after(() => second.dispose());
    const kept = await withCalls(second, (calls) => calls.range({ key: Buffer.from("key") }));
    assert.equal(kept.kvs.length, 1);
  });

  test("ends with code 0 on SIGTERM and SIGINT, streams open or not, and comes back with everything", async (t) => {
    const dataDir = join(folder, "clean");
    for (const [i, signal] of (["SIGTERM", "SIGINT", "SIGTERM"] as const).entries()) {
      const server = await startCapstan({ dataDir });
      t.after(() => server.dispose());
      const client = new RpcClient(server.target);
      const calls = new Calls(client);
      const before = await calls.range({ key: Buffer.of(0), rangeEnd: Buffer.of(0) });
      assert.equal(Number(before.count), i);
      await calls.put(`key-${i}`, Buffer.from("value"));
      const watcher = new Watcher(client, { from: 2, prevKv: false });
      await watcher.until(i + 2, REFUSAL_TIMEOUT_MS);
      assert.equal(await server.end(signal), 0, server.output());
      client.close();
    }
  });

  test("serves health, readiness, version and metrics over HTTP on the client port", async (t) => {
    const server = await startCapstan();
    t.after(() => server.dispose());
    const get = async (path: string): Promise<string> => {
      const response = await fetch(`http://${server.target}${path}`);
      assert.equal(response.status, 200, path);
      return response.text();
    };
    assert.deepEqual(JSON.parse(await get("/health")), { health: "true", reason: "" });
    assert.match(await get("/livez"), /ok/);
    assert.match(await get("/readyz"), /ok/);
    assert.match(await get("/version"), /"etcdserver":"3\.7\.\d+"/);
    assert.match(await get("/metrics"), /^etcd_server_has_leader 1$/m);
  });
});

function listen(): Promise<Server> {
  const server = createServer();
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => resolve(server));
  });
}
