import { rmSync } from "node:fs";
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
  await delay(FULL_MS);
  await run.untilWrite();
  const story = cluster.process(onImage).isRunning ? "still runs" : "has ended";
  t.diagnostic(`with its disk full the member ${story}`);
  rmSync(ballast);
  if (!cluster.process(onImage).isRunning) await cluster.restart(onImage);
  await run.untilWrite();
  await run.verify(t);
});
