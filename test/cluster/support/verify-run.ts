import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { KVDefinition, RangeRequest } from "../../../src/shared/gen/etcdserverpb/rpc.js";
import { eventually } from "../../process/support/eventually.js";
import { checkAgainstHistory } from "../../support/linearizability/against-history.js";
import { checkLinearizable } from "../../support/linearizability/check.js";
import { type Change, describeChange, History } from "../../support/linearizability/history.js";
import { KV_MODEL } from "../../support/linearizability/kv-model.js";
import { keysOf } from "../../support/linearizability/kv-operation.js";
import { checkRevisions } from "../../support/linearizability/revisions.js";
import { settleUnknown } from "../../support/linearizability/settle-unknown.js";
import { checkWatch } from "../../support/watch-promises/check-watch.js";
import type { Cluster } from "./cluster.js";
import { KeptWatch } from "./kept-watch.js";
import { LEASE_PREFIX, type LeaseClient } from "./lease-client.js";
import type { Recorder } from "./recorder.js";

const SETTLE_TIMEOUT_MS = 60_000;
const WATCH_TIMEOUT_MS = 60_000;
const REPORTED_MAX = 8;

/** What a run left. */
export interface RunLeft {
  readonly cluster: Cluster;
  readonly recorder: Recorder;
  readonly watches: readonly KeptWatch[];
  readonly leases: LeaseClient;
  /** Keys that were not written by the run begin so. */
  readonly foreignPrefix?: string | undefined;
}

/**
 * After the faults have ended and the load too: every member has the same hash at the same revision, the
 * history is linearizable, and all watches kept their promises.
 */
export async function verifyRun(t: TestContext, left: RunLeft): Promise<void> {
  const { cluster, recorder, watches, leases } = left;
  const head = await headRevision(cluster);
  await sameHashEverywhere(cluster, head);
  const history = await wholeHistory(cluster, head);
  for (const watch of watches) await watch.finish(head, WATCH_TIMEOUT_MS);

  none("revisions against time", checkRevisions(recorder.revisionRecords()));
  const { operations, strangers } = settleUnknown(recorder.operations, history);
  const { foreignPrefix } = left;
  const isForeign = ({ key }: Change): boolean =>
    foreignPrefix !== undefined && key.startsWith(foreignPrefix);
  const odd = strangers
    .map((revision) => history.at(revision))
    .filter((changes) => !isLeaseEnd(changes) && !changes.every(isForeign));
  none(
    "revisions that nobody asked for",
    odd.map((changes) => changes.map(describeChange).join("; ")),
  );
  const answers = [...operations, ...recorder.staleReads];
  none("answers against the history", checkAgainstHistory(answers, history));
  const plain = operations.filter(
    ({ input }) => !keysOf(input).some((key) => key.startsWith(LEASE_PREFIX)),
  );
  const verdict = checkLinearizable(KV_MODEL, plain);
  assert.equal(verdict.verdict, "linearizable", verdict.text);

  for (const watch of watches) {
    for (const [index, record] of watch.records.entries()) {
      const isLast = index === watch.records.length - 1;
      const violations = checkWatch(record, history, isLast ? { until: head } : {});
      none(
        `watch ${record.name}`,
        violations.map(({ promise, text }) => `${promise}: ${text}`),
      );
    }
  }
  const leader = await cluster.untilLeader();
  none("leases", await leases.check(cluster.client(leader)));
  const streams = watches.reduce((sum, { records }) => sum + records.length, 0);
  t.diagnostic(
    `linearizable: ${plain.length} operations in ${verdict.partitions} parts, ${verdict.steps} steps; ` +
      `revision ${head}; ${streams} watch streams`,
  );
}

function none(what: string, wrong: readonly string[]): void {
  const told = wrong.slice(0, REPORTED_MAX).join("\n");
  assert.equal(wrong.length, 0, `${what}: ${wrong.length} wrong, the first:\n${told}`);
}

function isLeaseEnd(changes: readonly Change[]): boolean {
  return changes.every(({ kind, key }) => kind === "delete" && key.startsWith(LEASE_PREFIX));
}

/** The newest revision, by a linearizable read as soon as one succeeds. */
export async function headRevision(cluster: Cluster): Promise<number> {
  const request = RangeRequest.fromPartial({ key: Buffer.from("none") });
  const { range } = KVDefinition.methods;
  return eventually(SETTLE_TIMEOUT_MS, async () => {
    try {
      const member = cluster.client(cluster.running[0] ?? 0);
      const { header } = await member.unary(KVDefinition, range, request);
      return Number(header?.revision);
    } catch {
      return undefined;
    }
  });
}

/** Waits until every member answers with the same hash of the store at a revision. */
export async function sameHashEverywhere(cluster: Cluster, revision: number): Promise<void> {
  let last: string[] = [];
  try {
    await eventually(SETTLE_TIMEOUT_MS, async () => {
      last = await Promise.all(cluster.members.map((member) => hashOf(cluster, member, revision)));
      return new Set(last).size === 1 && last[0]?.includes("compacted") === true ? true : undefined;
    });
  } catch (cause) {
    throw new Error(`hashes at ${revision} differ: ${last.join(", ")}`, { cause });
  }
}

async function hashOf(cluster: Cluster, member: number, revision: number): Promise<string> {
  try {
    return await cluster.client(member).hashKv(revision);
  } catch (error) {
    return String(error);
  }
}

/** Everything from the first revision on, by a watch at one member. */
async function wholeHistory(cluster: Cluster, head: number): Promise<History> {
  const ask = { key: "\0", rangeEnd: "\0", prevKv: false, filters: [], startRevision: 2 };
  const target = cluster.network.target(cluster.running[0] ?? 0);
  const watch = new KeptWatch("history", ask, () => target);
  await watch.finish(head, WATCH_TIMEOUT_MS);
  const revisions = new Map<number, Change[]>();
  for (const entry of watch.records.flatMap(({ entries }) => entries)) {
    if (entry.kind !== "events") continue;
    for (const { change } of entry.events) {
      const changes = revisions.get(change.modRevision);
      if (changes === undefined) revisions.set(change.modRevision, [change]);
      else changes.push(change);
    }
  }
  const all = [...revisions].map(([revision, changes]) => ({ revision, changes }));
  return new History(all);
}
