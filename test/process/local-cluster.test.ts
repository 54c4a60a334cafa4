import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { RpcClient } from "../../src/main/client/rpc-client.js";
import { ClusterDefinition } from "../../src/shared/gen/etcdserverpb/rpc.js";
import { findEtcdProgram, skipWithoutEtcd } from "../support/server-process.js";

const SCRIPT = join(import.meta.dirname, "..", "..", "scripts", "cluster.js");
const TIMEOUT_MS = 120_000;

let dir = "";

before(() => {
  dir = mkdtempSync(join(tmpdir(), "capstan-local-cluster-"));
});

after(() => rmSync(dir, { recursive: true, force: true }));

/** The script, with what it writes. Its temporary directories are made below this test's own. */
function start(...args: readonly string[]): { child: ChildProcess; text: () => string } {
  const child = spawn(process.execPath, [SCRIPT, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, TMPDIR: dir },
    timeout: TIMEOUT_MS,
  });
  let text = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (more: string) => {
      text += more;
    });
  }
  return { child, text: () => text };
}

async function closed(child: ChildProcess): Promise<unknown> {
  const [code] = await once(child, "close");
  return code;
}

/** Runs a cluster of three from its start to its end. */
async function startAndStop(data: string, flags: readonly string[]): Promise<void> {
  const { child, text } = start("--port", "0", "--members", "3", "--dir", data, ...flags);
  const end = closed(child);
  while (!text().includes("ETCDCTL_ENDPOINTS=")) {
    const ended = await Promise.race([end, once(child.stdout ?? child, "data").then(() => null)]);
    assert.equal(ended, null, text());
  }
  const endpoints = /ETCDCTL_ENDPOINTS=(\S+)/.exec(text())?.[1]?.split(",") ?? [];
  assert.equal(endpoints.length, 3);
  for (const endpoint of endpoints) {
    const rpc = new RpcClient(endpoint);
    const { memberList } = ClusterDefinition.methods;
    const answer = await rpc.unary(ClusterDefinition, memberList, { linearizable: true });
    rpc.close();
    assert.deepEqual(answer.members.map(({ name }) => name).sort(), ["m1", "m2", "m3"]);
  }
  assert.match(text(), /^m2 \| /m);
  child.kill("SIGINT");
  assert.equal(await end, 0, text());
  for (const name of ["m1", "m2", "m3"]) {
    assert.match(text(), new RegExp(`^cluster: ${name} ended`, "m"));
    assert.ok(existsSync(join(data, `${name}.etcd`)), "a directory that was named is kept");
  }
}

describe("npm run cluster", { timeout: TIMEOUT_MS }, () => {
  test("starts members that know each other, and stops them all", () =>
    startAndStop(join(dir, "capstan"), []));

  test("does the same with another program", { skip: skipWithoutEtcd() }, () =>
    startAndStop(join(dir, "etcd"), ["--program", findEtcdProgram("etcd") ?? ""]),
  );

  test("says first what is wrong when a member does not start", async () => {
    const { child, text } = start("--port", "0", "--members", "1", "--", "--no-such-flag");
    assert.equal(await closed(child), 1);
    assert.match(text(), /^cluster: m1 did not start: it ended with code 2/m);
  });

  test("says so when a port is taken", async () => {
    const server = createServer();
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    const port = address !== null && typeof address === "object" ? address.port : 0;
    const { child, text } = start("--members", "1", "--port", String(port));
    assert.equal(await closed(child), 1);
    assert.match(text(), /^cluster: m1 cannot have its port: .*EADDRINUSE/);
    server.close();
  });

  test("refuses numbers that are none", async () => {
    for (const args of [
      ["--members", "0"],
      ["--members", "8"],
      ["--port", "x"],
    ]) {
      const { child, text } = start(...args);
      assert.equal(await closed(child), 2);
      assert.match(text(), /^cluster: --(members|port) must be a whole number/);
    }
  });
});
