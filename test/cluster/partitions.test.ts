import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { Cluster } from "./support/cluster.js";
import { ClusterRun } from "./support/cluster-run.js";
import { measureGap } from "./support/leaderless.js";
import { skipWithoutNamespaces } from "./support/namespace-network.js";
import { SUBJECT } from "./support/subject.js";

const skip = skipWithoutNamespaces();
/** With 1,000 ms: longer than an election takes. */
const FAULT_MS = 4_000;
const CALM_TRIES = 3;

async function startRun(t: Parameters<typeof Cluster.start>[0]): Promise<ClusterRun> {
  const cluster = await Cluster.start(t, { subject: SUBJECT, size: 3 });
  const run = ClusterRun.start(t, cluster);
  await run.untilWrite();
  return run;
}

test("SIGSTOP of the leader for longer than an election: no stale answer when it wakes", async (t) => {
  const run = await startRun(t);
  const { cluster } = run;
  for (let pause = 0; pause < 2; pause += 1) {
    const leader = await cluster.untilLeader();
    const { leaderMs } = await measureGap(run, leader, () =>
      cluster.process(leader).signal("SIGSTOP"),
    );
    t.diagnostic(`another leader after ${leaderMs.toFixed(0)} ms`);
    await delay(FAULT_MS / 4);
    cluster.process(leader).signal("SIGCONT");
    await run.untilWrite();
  }
  await run.verify(t);
});

test("partitions: the leader cut off, a follower cut off, nobody reaching anybody", {
  skip,
}, async (t) => {
  const run = await startRun(t);
  const { cluster } = run;
  const leader = await cluster.untilLeader();
  await cluster.faults.isolate(leader);
  await cluster.untilLeader(leader);
  await run.untilWrite();
  await cluster.faults.heal();

  // A busy machine may elect for other reasons; a member that disturbs does so each time.
  let calmReturns = 0;
  for (let tries = 0; calmReturns === 0 && tries < CALM_TRIES; tries += 1) {
    const before = await cluster.untilLeader();
    await cluster.faults.isolate(await cluster.follower());
    await delay(FAULT_MS);
    await cluster.faults.heal();
    await run.untilWrite();
    if ((await cluster.untilLeader()) === before) calmReturns += 1;
  }
  assert.equal(calmReturns, 1, "who comes back must not disturb (PreVote)");

  await cluster.faults.isolate(1);
  await cluster.faults.isolate(2);
  await delay(FAULT_MS / 2);
  await cluster.faults.heal();
  await run.untilWrite();
  await run.verify(t);
});

test("one-way partitions: a leader that is not heard, one that hears nobody, a deaf follower", {
  skip,
}, async (t) => {
  const run = await startRun(t);
  const { cluster } = run;
  const others = (member: number): number[] => cluster.members.filter((one) => one !== member);

  const mute = await cluster.untilLeader();
  for (const other of others(mute)) await cluster.faults.cutOneWay(mute, other);
  await cluster.untilLeader(mute);
  await run.untilWrite();
  await cluster.faults.heal();

  const deaf = await cluster.untilLeader();
  for (const other of others(deaf)) await cluster.faults.cutOneWay(other, deaf);
  await cluster.untilLeader(deaf);
  await run.untilWrite();
  await cluster.faults.heal();

  const leader = await cluster.untilLeader();
  const follower = await cluster.follower();
  await cluster.faults.cutOneWay(leader, follower);
  await delay(FAULT_MS);
  await run.untilWrite();
  await cluster.faults.heal();
  await run.verify(t);
});

test("a slow link to a follower, then to the leader: slower, and never wrong", {
  skip,
}, async (t) => {
  const run = await startRun(t);
  const { cluster } = run;
  for (const member of [await cluster.follower(), await cluster.untilLeader()]) {
    const kind = await cluster.faults.slow(member);
    const madeBefore = run.recorder.writes.made;
    await delay(FAULT_MS);
    const made = run.recorder.writes.made - madeBefore;
    t.diagnostic(`member ${member} with ${kind}: ${made} writes in ${FAULT_MS} ms`);
    await cluster.faults.unslow(member);
    await run.untilWrite();
  }
  await run.verify(t);
});
