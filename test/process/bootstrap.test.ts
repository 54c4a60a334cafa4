import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, describe, test } from "node:test";
import { RpcClient } from "../../src/main/client/rpc-client.js";
import { ClusterDefinition } from "../../src/shared/gen/etcdserverpb/rpc.js";
import { writeCertificates } from "../support/certificates.js";
import {
  freePort,
  runCapstan,
  type ServerProcess,
  startCapstan,
} from "../support/server-process.js";
import { Calls } from "./support/calls.js";

const NAMES = ["m1", "m2", "m3"] as const;
const TIMEOUT_MS = 240_000;

/** A cluster's members, running or not. */
interface Trio {
  readonly flags: ReadonlyMap<string, readonly string[]>;
  readonly servers: Map<string, ServerProcess>;
}

let folder = "";
let running: ServerProcess[] = [];

/** Flags of each member of a new cluster; its data is in the test's folder. */
async function planTrio(what: string, scheme: "http" | "https" = "http"): Promise<Trio> {
  const urls = new Map<string, string>();
  for (const name of NAMES) urls.set(name, `${scheme}://127.0.0.1:${await freePort()}`);
  const roster = [...urls].map(([name, url]) => `${name}=${url}`).join(",");
  const flags = new Map(
    [...urls].map(([name, url]) => [
      name,
      [
        ...["--name", name, "--data-dir", join(folder, what, name)],
        ...["--listen-peer-urls", url, "--initial-advertise-peer-urls", url],
        ...["--initial-cluster", roster, "--initial-cluster-token", what],
      ],
    ]),
  );
  return { flags, servers: new Map() };
}

async function startMember(trio: Trio, name: string, more: readonly string[] = []): Promise<void> {
  const flags = [...(trio.flags.get(name) ?? []), ...more];
  // The directory is named by the flags: this one keeps it from being removed.
  const server = await startCapstan({ dataDir: folder, flags, readyTimeoutMs: TIMEOUT_MS / 2 });
  running.push(server);
  trio.servers.set(name, server);
}

async function startAll(trio: Trio, more: readonly string[] = []): Promise<void> {
  await Promise.all(NAMES.map((name) => startMember(trio, name, more)));
}

async function killMembers(trio: Trio, names: readonly string[]): Promise<void> {
  await Promise.all(names.map((name) => trio.servers.get(name)?.end("SIGKILL")));
}

async function withMember<T>(
  trio: Trio,
  name: string,
  work: (calls: Calls, rpc: RpcClient) => Promise<T>,
): Promise<T> {
  const rpc = new RpcClient(trio.servers.get(name)?.target ?? "");
  try {
    return await work(new Calls(rpc), rpc);
  } finally {
    rpc.close();
  }
}

/** Writes through one member and reads it from each, linearizably. */
async function writeAndRead(trio: Trio, names: readonly string[], key: string): Promise<void> {
  const [first = ""] = names;
  await withMember(trio, first, (calls) => calls.put(key, Buffer.from("value")));
  for (const name of names) {
    const answer = await withMember(trio, name, (calls) => calls.range({ key: Buffer.from(key) }));
    assert.equal(answer.kvs.length, 1, `${name} has ${key}`);
  }
}

function memberNames(trio: Trio, name: string): Promise<string[]> {
  return withMember(trio, name, async (_calls, rpc) => {
    const { memberList } = ClusterDefinition.methods;
    const answer = await rpc.unary(ClusterDefinition, memberList, { linearizable: true });
    return answer.members.map((member) => member.name).sort();
  });
}

before(() => {
  folder = mkdtempSync(join(tmpdir(), "capstan-bootstrap-"));
});

afterEach(async () => {
  await Promise.all(running.map((server) => server.end("SIGKILL")));
  running = [];
});

after(() => rmSync(folder, { recursive: true, force: true }));

describe("a cluster of three", { timeout: TIMEOUT_MS }, () => {
  test("forms, and goes on from its disks whatever the initial flags say then", async () => {
    const trio = await planTrio("forms");
    await startAll(trio);
    await writeAndRead(trio, NAMES, "before");
    assert.deepEqual(await memberNames(trio, "m2"), [...NAMES]);
    await killMembers(trio, NAMES);
    await startAll(trio, ["--initial-cluster-state", "existing", "--initial-cluster-token", "x"]);
    await writeAndRead(trio, NAMES, "after");
    assert.deepEqual(await memberNames(trio, "m3"), [...NAMES]);
  });

  test("does not take a member back that has lost its data", async () => {
    const trio = await planTrio("wiped");
    await startAll(trio);
    await killMembers(trio, ["m3"]);
    const dataDir = join(folder, "wiped", "m3");
    rmSync(dataDir, { recursive: true });
    for (const state of ["new", "existing"]) {
      const port = await freePort();
      const client = `http://127.0.0.1:${port}`;
      const { code, stderr } = await runCapstan({
        args: [
          ...(trio.flags.get("m3") ?? []),
          ...["--listen-client-urls", client, "--advertise-client-urls", client],
          ...["--initial-cluster-state", state],
        ],
      });
      assert.equal(code, 1, stderr);
      assert.match(stderr, /"error":"member [0-9a-f]+ has already been bootstrapped/);
      assert.equal(existsSync(dataDir), false, "it left a trace");
    }
    await writeAndRead(trio, ["m1", "m2"], "without it");
  });

  test("goes on as one member with --force-new-cluster, and keeps its data", async () => {
    const trio = await planTrio("forced");
    await startAll(trio);
    await writeAndRead(trio, NAMES, "kept");
    await killMembers(trio, NAMES);
    await startMember(trio, "m2", ["--force-new-cluster"]);
    await writeAndRead(trio, ["m2"], "alone");
    await killMembers(trio, ["m2"]);
    await startMember(trio, "m2");
    assert.deepEqual(await memberNames(trio, "m2"), ["m2"]);
    for (const key of ["kept", "alone"]) {
      const request = { key: Buffer.from(key) };
      const answer = await withMember(trio, "m2", (calls) => calls.range(request));
      assert.equal(answer.kvs.length, 1, key);
    }
  });

  test("talks TLS between its members when their URLs say so", async () => {
    const dir = mkdtempSync(join(folder, "tls-"));
    writeCertificates(dir, { m: ["IP:127.0.0.1"] });
    const trio = await planTrio("tls", "https");
    await startAll(trio, [
      ...["--peer-cert-file", join(dir, "m.pem"), "--peer-key-file", join(dir, "m.key")],
      ...["--peer-trusted-ca-file", join(dir, "ca.pem"), "--peer-client-cert-auth"],
    ]);
    await writeAndRead(trio, NAMES, "secret");
  });
});
