import assert from "node:assert/strict";
import { rmSync, statfsSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { RpcClient } from "../../src/main/client/rpc-client.js";
import { Random } from "../support/random.js";
import { runCapstan, type ServerProcess, startCapstan } from "../support/server-process.js";
import { Calls } from "./support/calls.js";
import { Ext4Image, skipWithoutImages } from "./support/ext4-image.js";
import { HEAVY } from "./support/load.js";
import { TEST_SEED } from "./support/scale.js";
import { Survival } from "./support/survival.js";

/** Held back while the disk is to be full, and given free afterwards: what a restart needs is in here. */
const BALLAST_BYTES = 48 * 1024 * 1024;
const START_TIMEOUT_MS = 60_000;

const skip = skipWithoutImages();

function freeBytes(folder: string): number {
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize;
}

/** A small disk of its own for a test, and servers on it that end before it is taken away. */
async function smallDisk(t: TestContext): Promise<SmallDisk> {
  const image = await Ext4Image.make("192M");
  const servers: ServerProcess[] = [];
  t.after(async () => {
    for (const server of servers) await server.dispose();
    await image.dispose();
  });
  const dataDir = join(image.mountPoint, "data");
  const start = async (): Promise<ServerProcess> => {
    const server = await startCapstan({ dataDir });
    servers.push(server);
    return server;
  };
  return { image, dataDir, start };
}

interface SmallDisk {
  readonly image: Ext4Image;
  readonly dataDir: string;
  start(): Promise<ServerProcess>;
}

test("a disk that fills up ends the server with a clear line, and loses nothing", {
  skip,
}, async (t) => {
  t.diagnostic(`seed ${TEST_SEED} (replay with CAPSTAN_TEST_SEED)`);
  const { image, start } = await smallDisk(t);
  const ballast = image.fill("ballast", BALLAST_BYTES);
  const survival = new Survival(new Random(TEST_SEED));
  const server = await start();
  await survival.check(server);
  await survival.begin(server, HEAVY);
  await survival.untilRefused();
  const free = freeBytes(image.mountPoint);
  await survival.end(() => server.exited);
  assert.match(server.output(), /"level":"fatal".*(disk is full|no space|ENOSPC)/i);
  t.diagnostic(`ended with ${(free / 1024 / 1024).toFixed(1)} MiB free: ${lastLine(server)}`);

  rmSync(ballast);
  const again = await start();
  await survival.check(again);
  const client = new RpcClient(again.target);
  await new Calls(client).put("after", Buffer.from("x"));
  client.close();
  assert.equal(await again.end("SIGTERM"), 0, again.output());
});

test("a start on a full disk is refused with a clear line, and harms nothing", {
  skip,
}, async (t) => {
  const { image, dataDir, start } = await smallDisk(t);
  const first = await start();
  const client = new RpcClient(first.target);
  await new Calls(client).put("key", Buffer.from("value"));
  client.close();
  await first.end("SIGKILL");

  const ballast = image.fill("ballast");
  assert.equal(freeBytes(image.mountPoint), 0);
  const url = "http://127.0.0.1:0";
  const run = await runCapstan({
    args: ["--data-dir", dataDir, "--listen-client-urls", url, "--advertise-client-urls", url],
    timeoutMs: START_TIMEOUT_MS,
  });
  assert.equal(run.code, 1, run.stderr);
  assert.match(run.stderr, /"level":"fatal".*(disk is full|no space|ENOSPC)/i);

  rmSync(ballast);
  const second = await start();
  const reader = new RpcClient(second.target);
  const { kvs } = await new Calls(reader).range({ key: Buffer.from("key") });
  reader.close();
  assert.equal(Buffer.from(kvs[0]?.value ?? []).toString(), "value");
});

function lastLine(server: ServerProcess): string {
  const line = server.output().trimEnd().split("\n").at(-1) ?? "";
  return line.slice(0, 300);
}
