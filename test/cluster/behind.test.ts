import { test } from "node:test";
import { scaled } from "../process/support/scale.js";
import { BENCH_PREFIX, benchPut } from "./support/bench-put.js";
import { Cluster } from "./support/cluster.js";
import { ClusterRun } from "./support/cluster-run.js";
import { SUBJECT } from "./support/subject.js";
import { headRevision, sameHashEverywhere } from "./support/verify-run.js";

const ENTRIES = scaled(100_000);
const VALUE_BYTES = 64;

test(`a member ${ENTRIES} entries behind catches up under load`, async (t) => {
  const cluster = await Cluster.start(t, { subject: SUBJECT, size: 3 });
  const filledFromMs = performance.now();
  const late = await cluster.follower();
  await cluster.end(late, "SIGKILL");
  await benchPut(cluster, {
    ...{ total: ENTRIES, valueBytes: VALUE_BYTES, through: cluster.running },
  });

  const from = await headRevision(cluster);
  t.diagnostic(`written in ${(performance.now() - filledFromMs).toFixed(0)} ms`);
  const run = ClusterRun.start(t, cluster, { from, foreignPrefix: BENCH_PREFIX });
  await run.untilWrite();
  const startedMs = performance.now();
  await cluster.restart(late);
  await sameHashEverywhere(cluster, from);
  t.diagnostic(`caught up in ${(performance.now() - startedMs).toFixed(0)} ms, its start included`);
  await run.untilWrite();
  await run.verify(t);
});
