import assert from "node:assert/strict";
import { rmSync, statfsSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { Ext4Image, skipWithoutImages } from "../process/support/ext4-image.js";
import { BENCH_PREFIX, benchPut } from "./support/bench-put.js";
import { Cluster } from "./support/cluster.js";
import { ClusterRun } from "./support/cluster-run.js";
import { SUBJECT } from "./support/subject.js";

const skip = skipWithoutImages();
const FULL_MS = 3_000;
const FULL_TIMEOUT_MS = 60_000;
const FULL_LINE = /"level":"fatal".*(disk is full|no space|ENOSPC)/i;
/** What a member that failed may have given back. */
const FREE_BYTES_MAX = 2 * 1024 * 1024;
const LARGE = { total: 1500, valueBytes: 8192 };

test("a full disk at one member: the others go on, and it comes back", { skip }, async (t) => {
  const image = await Ext4Image.make("256M");
  let started: Cluster | undefined;
  t.after(async () => {
    // Its process holds the image.
    await started?.dispose();
    await image.dispose();
  });
  const onImage = 3;
  const dataDir = (member: number): string | undefined =>
    member === onImage ? join(image.mountPoint, "data") : undefined;
  const cluster = await Cluster.start(t, { subject: SUBJECT, size: 3, dataDir });
  started = cluster;
  const run = ClusterRun.start(t, cluster, { foreignPrefix: BENCH_PREFIX });
  const leader = await cluster.untilLeader();
  if (leader === onImage) await cluster.moveLeader(1);

  const ballast = image.fill("ballast");
  await benchPut(cluster, { ...LARGE, through: [1, 2] });
  // Real etcd has room in files that it made long beforehand, and may go on.
  if (SUBJECT === "etcd") await delay(FULL_MS);
  else await cluster.process(onImage).says(FULL_LINE, FULL_TIMEOUT_MS);
  const { bavail, bsize } = statfsSync(image.mountPoint);
  assert.ok(bavail * bsize < FREE_BYTES_MAX, `${bavail * bsize} bytes are free on the full disk`);
  await run.untilWrite();
  const story = cluster.process(onImage).isRunning ? "still runs" : "has ended";
  t.diagnostic(`with its disk full the member ${story}`);
  rmSync(ballast);
  if (!cluster.process(onImage).isRunning) await cluster.restart(onImage);
  await run.untilWrite();
  await run.verify(t);
});
