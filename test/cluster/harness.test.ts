import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { checkLinearizable } from "../support/linearizability/check.js";
import { KV_MODEL } from "../support/linearizability/kv-model.js";
import { single } from "../support/linearizability/kv-operation.js";
import { checkRevisions } from "../support/linearizability/revisions.js";
import { skipWithoutEtcd } from "../support/server-process.js";
import { Cluster } from "./support/cluster.js";
import { ClusterRun } from "./support/cluster-run.js";
import { callKv } from "./support/kv-call.js";
import { skipWithoutNamespaces } from "./support/namespace-network.js";
import { Recorder } from "./support/recorder.js";

const skip = skipWithoutNamespaces() || skipWithoutEtcd();
const PHASE_MS = 1_500;
const STALE_KEY = "stale";

/** Passes a member's own read, while it is cut off, off as a linearizable one: the checkers must object. */
async function staleReadIsFound(
  cluster: Cluster,
  at: { readonly written: number; readonly read: number },
): Promise<void> {
  const recorder = new Recorder();
  const how = { client: 1, isStale: false };
  const put = single({ kind: "put", key: STALE_KEY, value: "new" });
  const options = { timeoutMs: 5_000 };
  await recorder.record(put, how, () => callKv(cluster.client(at.written), put, options));
  const get = single({ kind: "get", key: STALE_KEY });
  const read = await recorder.record(get, how, () =>
    callKv(cluster.client(at.read), get, { ...options, serializable: true }),
  );
  assert.equal(recorder.operations.length, 2);
  assert.deepEqual(read?.steps, [{ kind: "get", found: undefined }]);
  assert.equal(checkLinearizable(KV_MODEL, recorder.operations).verdict, "illegal");
  assert.match(checkRevisions(recorder.revisionRecords()).join(), /revision went back/);
}

test("the harness finds real etcd right, through a kill, a pause and a partition", {
  skip,
}, async (t) => {
  const cluster = await Cluster.start(t, { subject: "etcd", size: 3 });
  const run = ClusterRun.start(t, cluster, { foreignPrefix: STALE_KEY });
  await delay(PHASE_MS);

  const first = await cluster.untilLeader();
  await cluster.end(first, "SIGKILL");
  const second = await cluster.untilLeader(first);
  await cluster.restart(first);

  cluster.process(second).signal("SIGSTOP");
  const third = await cluster.untilLeader(second);
  cluster.process(second).signal("SIGCONT");
  await delay(PHASE_MS);

  await cluster.faults.isolate(third);
  const fourth = await cluster.untilLeader(third);
  await staleReadIsFound(cluster, { written: fourth, read: third });
  await cluster.faults.heal();
  await delay(PHASE_MS);
  await run.verify(t);
  assert.ok(run.recorder.writes.made - run.recorder.writes.failed > 100, `${run.recorder}`);
});
