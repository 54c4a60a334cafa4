import assert from "node:assert/strict";
import { RpcClient } from "../../../src/main/client/rpc-client.js";
import type { Random } from "../../support/random.js";
import { Calls } from "./calls.js";
import { groupPrefix, type LoadShape } from "./load-client.js";
import { describeEvent, describeKeyValue, type Oracle, type Settled } from "./oracle.js";
import { describeValue } from "./value.js";
import { Watcher } from "./watcher.js";

const HISTORY_TIMEOUT_MS = 60_000;
const PAST_READS = 20;
const EVERYTHING = { key: Buffer.of(0), rangeEnd: Buffer.of(0) };

/** How a restarted server is checked. */
export interface VerifyOptions {
  readonly target: string;
  readonly oracle: Oracle;
  readonly random: Random;
  readonly shape: LoadShape;
  /** Revisions up to here cannot be read any more; 0 before the first compaction. */
  readonly compactedRevision: number;
}

/**
 * Everything that must be true after a restart: the revision is not below any that was answered, the
 * history goes on where it was checked last without a gap, every acknowledged write stands at its
 * revision and nothing half done is there, the state and the past reads follow from the history, and
 * the leases are those that were granted.
 */
export async function verifyRestart(options: VerifyOptions): Promise<Settled> {
  const { target, oracle } = options;
  const client = new RpcClient(target);
  try {
    const calls = new Calls(client);
    const head = await calls.revision();
    const floor = Math.max(oracle.highestRevision, oracle.checkedRevision);
    assert.ok(head >= floor, `revision went back: ${head} after ${floor} was answered`);
    await readHistory(client, oracle, head);
    const settled = oracle.settle();
    await checkState(calls, oracle, head);
    await checkPast(calls, options);
    await checkLeases(calls, oracle);
    return settled;
  } finally {
    client.close();
  }
}

/** The whole history again from the first revision: it must be the one that was checked piece by piece. */
export async function verifyWholeHistory(target: string, oracle: Oracle): Promise<void> {
  const client = new RpcClient(target);
  try {
    const watcher = new Watcher(client, { from: 2, prevKv: false });
    await watcher.until(oracle.checkedRevision, HISTORY_TIMEOUT_MS);
    watcher.close();
    compareTold(watcher, oracle);
  } finally {
    client.close();
  }
}

/** What a watcher saw live before the server ended must be what the history says afterwards. */
export function compareTold(watcher: Watcher, oracle: Oracle): void {
  for (const { revision, events } of watcher.revisions) {
    assert.ok(revision <= oracle.checkedRevision, `watched revision ${revision} is gone`);
    assert.deepEqual(events.map(describeEvent), oracle.linesAt(revision), `watched ${revision}`);
  }
}

async function readHistory(client: RpcClient, oracle: Oracle, head: number): Promise<void> {
  const watcher = new Watcher(client, { from: oracle.checkedRevision + 1, prevKv: true });
  await watcher.until(head, HISTORY_TIMEOUT_MS);
  watcher.close();
  for (const { revision, events } of watcher.revisions) oracle.admit(revision, events);
  assert.equal(oracle.checkedRevision, head, "somebody writes while nobody should");
}

async function checkState(calls: Calls, oracle: Oracle, head: number): Promise<void> {
  const { kvs, count, header } = await calls.range(EVERYTHING);
  assert.equal(Number(header?.revision), head);
  assert.deepEqual(kvs.map(describeKeyValue), oracle.stateLines());
  assert.equal(Number(count), kvs.length);
}

/** Reads random revisions of the past: a written key as it was then, and a group, all of it equal. */
async function checkPast(calls: Calls, options: VerifyOptions): Promise<void> {
  const { oracle, random, shape, compactedRevision } = options;
  const oldest = Math.max(2, compactedRevision + 1);
  for (let i = 0; i < PAST_READS && oldest <= oracle.checkedRevision; i += 1) {
    const revision = random.integer(oldest, oracle.checkedRevision);
    const line = random.pick(oracle.linesAt(revision));
    const [kind, key = ""] = line.split(" ");
    const { kvs } = await calls.range({ key: Buffer.from(key), revision: BigInt(revision) });
    const told = kvs.map((kv) => `put ${describeKeyValue(kv)}`);
    assert.deepEqual(told, kind === "put" ? [line] : [], `${key} at revision ${revision}`);
    await checkGroup(calls, groupPrefix(shape, random.integer(0, shape.groups - 1)), revision);
  }
}

async function checkGroup(calls: Calls, prefix: string, revision: number): Promise<void> {
  const { kvs } = await calls.range({
    ...{ key: Buffer.from(prefix), rangeEnd: Buffer.from(`${prefix}~`) },
    revision: BigInt(revision),
  });
  const values = new Set(kvs.map(({ value }) => describeValue(value)));
  assert.ok(values.size <= 1, `half a transaction at revision ${revision}: ${[...values]}`);
}

async function checkLeases(calls: Calls, oracle: Oracle): Promise<void> {
  const present = await calls.leases();
  oracle.checkLeases(present);
  for (const lease of oracle.heldLeases) {
    const { keys } = await calls.leaseTimeToLive(lease);
    const told = keys.map((key) => Buffer.from(key).toString()).sort();
    assert.deepEqual(told, oracle.keysOf(lease), `keys of lease ${lease}`);
  }
}
