import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { Cluster } from "./support/cluster.js";
import { ClusterRun } from "./support/cluster-run.js";
import type { CallCount } from "./support/recorder.js";
import { SUBJECT } from "./support/subject.js";

const PAUSE_MS = 800;
/** Of the calls during a rolling restart: the rest were under way at the member that ended, or are a loaded machine's. */
const ANSWERED_SHARE_MIN = 0.9;

/** The part of the calls since `before` that was answered, for a printed line and a limit. */
function answeredShare(now: CallCount, before: CallCount): number {
  const made = now.made - before.made;
  assert.ok(made > 100, `${made} calls are too few to tell`);
  return 1 - (now.failed - before.failed) / made;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(2)} %`;
}

test("a rolling restart under load", async (t) => {
  const cluster = await Cluster.start(t, { subject: SUBJECT, size: 3 });
  const run = ClusterRun.start(t, cluster);
  await run.untilWrite();
  const { reads, writes } = run.recorder;
  const before = { reads: { ...reads }, writes: { ...writes } };
  for (const member of cluster.members) {
    const code = await cluster.end(member, "SIGTERM");
    if (SUBJECT === "capstan") assert.equal(code, 0, cluster.process(member).output.slice(-2000));
    await cluster.restart(member);
    await delay(PAUSE_MS);
  }
  const answered = {
    reads: answeredShare(reads, before.reads),
    writes: answeredShare(writes, before.writes),
  };
  const told = `answered: ${percent(answered.reads)} of reads, ${percent(answered.writes)} of writes`;
  t.diagnostic(`rolling restart: ${told}`);
  assert.ok(Math.min(answered.reads, answered.writes) >= ANSWERED_SHARE_MIN, told);
  await run.verify(t);
});

test("a member is removed, wiped and added again, and another one joins as a learner", async (t) => {
  const cluster = await Cluster.start(t, { subject: SUBJECT, size: 3, places: 4 });
  const run = ClusterRun.start(t, cluster);
  await run.untilWrite();
  const follower = await cluster.follower();
  await cluster.wipeAndReAdd(follower);
  await run.untilWrite();
  await cluster.add(4, true);
  const id = await cluster.idOf(4);
  await cluster.promote(id);
  await run.untilWrite();
  const list = await cluster.client(1).memberList();
  assert.deepEqual(
    list.map(({ name, isLearner }) => [name, isLearner]).sort(),
    [1, 2, 3, 4].map((member) => [`m${member}`, false]),
  );
  await run.verify(t);
});

test("a removed member stops by itself", async (t) => {
  const cluster = await Cluster.start(t, { subject: SUBJECT, size: 3 });
  const run = ClusterRun.start(t, cluster);
  await run.untilWrite();
  const leader = await cluster.untilLeader();
  const code = await cluster.remove(leader);
  if (SUBJECT === "capstan") assert.equal(code, 0, cluster.process(leader).output.slice(-2000));
  assert.match(cluster.process(leader).output, /removed from (the )?cluster|permanently removed/);
  await cluster.untilLeader(leader);
  await run.untilWrite();
  await run.verify(t);
});
