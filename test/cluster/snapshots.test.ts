import assert from "node:assert/strict";
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { eventually } from "../process/support/eventually.js";
import { benchPut } from "./support/bench-put.js";
import { Cluster } from "./support/cluster.js";
import { ClusterRun } from "./support/cluster-run.js";
import { SUBJECT } from "./support/subject.js";
import { headRevision, sameHashEverywhere } from "./support/verify-run.js";

const skip = SUBJECT === "etcd" && "reads what capstan logs";
const STARTED = "receiving snapshot: started";
const FINISHED = "receiving snapshot: finished";
const INSTALLED = "installed a snapshot in the place of the store";
const PART_NAME = "incoming.part";
const RESTARTS = 2;
const SAID_TIMEOUT_MS = 60_000;
/** How much of the store a member has when it is killed: some of what `LARGE` makes. */
const RECEIVED_BYTES = 2 * 1024 * 1024;
const POLL_MS = 2;
const LARGE = { total: 6000, valueBytes: 8192 };

/** The log is cut at each checkpoint, and nothing below is kept for members that lag. */
const NOTHING_KEPT = ["--snapshot-catchup-entries=0"];

/**
 * Restarts all members that run, one after the other, several times: with `NOTHING_KEPT` their logs begin behind
 * a checkpoint then, and cannot help a member that has been away.
 */
async function restartTheOthers(cluster: Cluster): Promise<void> {
  for (let round = 0; round < RESTARTS; round += 1) {
    for (const member of cluster.running) {
      assert.equal(await cluster.end(member, "SIGTERM"), 0);
      await cluster.restart(member);
      await headRevision(cluster);
    }
  }
}

function snapshotFolder(cluster: Cluster, member: number): string {
  return join(cluster.dataDir(member), "member", "snap");
}

function receivedBytes(cluster: Cluster, member: number): number {
  const part = join(snapshotFolder(cluster, member), PART_NAME);
  return statSync(part, { throwIfNoEntry: false })?.size ?? 0;
}

/** Waits until a member has received a part of the store; the whole of it takes not much longer. */
async function untilReceived(cluster: Cluster, member: number): Promise<void> {
  const deadline = performance.now() + SAID_TIMEOUT_MS;
  while (receivedBytes(cluster, member) < RECEIVED_BYTES) {
    assert.ok(performance.now() < deadline, cluster.process(member).output.slice(-2000));
    await delay(POLL_MS);
  }
}

/** Waits until nothing is left of the snapshots that a member received. */
async function untilNoFile(cluster: Cluster, member: number): Promise<void> {
  const folder = snapshotFolder(cluster, member);
  await eventually(SAID_TIMEOUT_MS, () => readdirSync(folder).length === 0 || undefined);
}

test("a member whose entries nobody has any more is sent the store, under load", {
  skip,
}, async (t) => {
  const cluster = await Cluster.start(t, { subject: SUBJECT, size: 3, flags: NOTHING_KEPT });
  const run = ClusterRun.start(t, cluster);
  await run.untilWrite();
  const late = await cluster.follower();
  await cluster.end(late, "SIGKILL");
  await run.untilWrite();
  await restartTheOthers(cluster);
  await run.untilWrite();

  const startedMs = performance.now();
  await cluster.restart(late);
  await cluster.process(late).says(INSTALLED, SAID_TIMEOUT_MS);
  t.diagnostic(`installed ${(performance.now() - startedMs).toFixed(0)} ms after its start`);
  await run.untilWrite();
  await run.verify(t);
  await untilNoFile(cluster, late);
});

test("kill -9 while the store comes in: the next start gets it anew", { skip }, async (t) => {
  const cluster = await Cluster.start(t, { subject: SUBJECT, size: 3, flags: NOTHING_KEPT });
  const late = await cluster.follower();
  await cluster.end(late, "SIGKILL");
  await benchPut(cluster, { ...LARGE, through: cluster.running });
  await restartTheOthers(cluster);

  cluster.launch(late, "existing");
  await cluster.process(late).says(STARTED, SAID_TIMEOUT_MS);
  await untilReceived(cluster, late);
  await cluster.end(late, "SIGKILL");
  assert.ok(!cluster.process(late).output.includes(FINISHED), "it was killed before the end");
  const left = readdirSync(snapshotFolder(cluster, late));
  assert.deepEqual(left, [PART_NAME]);
  t.diagnostic(`killed with ${receivedBytes(cluster, late)} bytes of the store`);

  const startedMs = performance.now();
  await cluster.restart(late);
  await cluster.process(late).says(INSTALLED, SAID_TIMEOUT_MS);
  await sameHashEverywhere(cluster, await headRevision(cluster));
  t.diagnostic(`equal ${(performance.now() - startedMs).toFixed(0)} ms after its start`);
  await untilNoFile(cluster, late);
});

test("what is kept of the log helps a member that was away while the others restarted", {
  skip,
}, async (t) => {
  const cluster = await Cluster.start(t, { subject: SUBJECT, size: 3 });
  const late = await cluster.follower();
  await cluster.end(late, "SIGKILL");
  await benchPut(cluster, { ...LARGE, total: 1000, through: cluster.running });
  await restartTheOthers(cluster);
  await cluster.restart(late);
  await sameHashEverywhere(cluster, await headRevision(cluster));
  assert.ok(!cluster.process(late).output.includes(STARTED), "no store was sent");
});
