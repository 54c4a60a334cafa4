import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import {
  AlarmRequest,
  AlarmRequest_AlarmAction,
  AlarmType,
  CompactionRequest,
  HashKVResponse,
  HashResponse,
  LeaseGrantRequest,
  LeaseTimeToLiveResponse,
  PutRequest,
  RangeResponse,
} from "../../src/shared/gen/etcdserverpb/rpc.js";
import { STATE_HASH_EVERY } from "../../src/shared/limits.js";
import { ConfChangeType, encodeConfChange } from "../../src/shared/messages/conf-change.js";
import { EntryKind } from "../../src/shared/messages/entry.js";
import { MainToApply } from "../../src/shared/messages/main-to-apply.js";
import { encodeRangeBody, range } from "../../src/shared/mvcc/range.js";
import { StoreExport } from "../../src/shared/snapshot/store-export.js";
import { BoardSlot } from "../../src/shared/status-board.js";
import { bytes, get, plain, put } from "./support/machine.js";
import { WorkerHarness } from "./support/worker-harness.js";

const CLUSTER = 1n;
const TERM = 1;

let root = "";
let running: WorkerHarness[] = [];

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "capstan-install-"));
});

afterEach(async () => {
  for (const one of running) await one.worker.terminate();
  running = [];
  rmSync(root, { recursive: true, force: true });
});

async function member(name: string, memberId: bigint, snapshotFile?: string) {
  const made = new WorkerHarness(join(root, name), { memberId });
  running.push(made);
  const opened = await made.start(snapshotFile === undefined ? {} : { snapshotFile });
  return Object.assign(made, { opened });
}

function putKey(it: WorkerHarness, key: string, value: string, lease = 0n) {
  return it.apply(EntryKind.put, PutRequest.encode(put(key, value, { lease })).finish());
}

/** The first entries of the log, the same for every member that gets them. */
async function bootstrap(it: WorkerHarness): Promise<void> {
  for (const ID of [2n, 3n, 4n]) {
    const added = { ID, name: "", peerURLs: [`http://m${ID}`], clientURLs: [], isLearner: false };
    const body = encodeConfChange({ type: ConfChangeType.addVoter, member: added });
    await it.apply(EntryKind.confChange, body);
  }
  await putKey(it, "first", "1");
}

/** What only the sending member has seen. */
async function later(it: WorkerHarness): Promise<void> {
  const grant = LeaseGrantRequest.encode({ ID: 9n, TTL: 100n }).finish();
  await it.apply(EntryKind.leaseGrant, grant);
  for (let i = 0; i < 300; i++) await putKey(it, `key${i % 40}`, `value${i}`, i % 5 ? 0n : 9n);
  const remove = { ID: 4n, name: "", peerURLs: [], clientURLs: [], isLearner: false };
  const change = encodeConfChange({ type: ConfChangeType.remove, member: remove });
  await it.apply(EntryKind.confChange, change);
  const alarm = {
    action: AlarmRequest_AlarmAction.ACTIVATE,
    memberID: 3n,
    alarm: AlarmType.NOSPACE,
  };
  await it.apply(EntryKind.alarm, AlarmRequest.encode(alarm).finish());
  const compaction = CompactionRequest.encode({ revision: 200n, physical: false }).finish();
  await it.apply(EntryKind.compact, compaction);
}

async function snapshotOf(it: WorkerHarness, name: string) {
  await it.checkpoint();
  const exported = StoreExport.open(join(root, name), CLUSTER);
  const pieces: Buffer[] = [];
  for (let piece = exported.next(); piece; piece = exported.next()) pieces.push(piece);
  await exported.close();
  const path = join(root, `${exported.header.index}-${exported.header.term}.snapshot`);
  writeFileSync(path, Buffer.concat(pieces));
  return { index: exported.header.index, term: exported.header.term, path };
}

function read(it: WorkerHarness): string[] {
  assert.ok(it.view);
  const answer = range(it.view, get("a", { rangeEnd: bytes("z") }));
  assert.ok(answer.ok);
  return RangeResponse.decode(encodeRangeBody(answer.value)).kvs.map((kv) => {
    const { key, value, mod, lease } = plain(kv) ?? { key: "", value: "", mod: 0, lease: 0 };
    return `${key}=${value}@${mod} ${lease}`;
  });
}

/** What members must agree on: every key and its history, leases, members and alarms. */
async function hashes(it: WorkerHarness): Promise<unknown> {
  const all = HashResponse.decode((await it.hash(MainToApply.hash, 0)).body).hash;
  const { hash, compactRevision } = HashKVResponse.decode(
    (await it.hash(MainToApply.hashKv, 0)).body,
  );
  return [all, hash, compactRevision, it.view?.revision, it.view?.compactRevision];
}

describe("a snapshot in the place of a running store", () => {
  it("makes the member equal to the sender, and it goes on from there", async () => {
    const sender = await member("sender", 2n);
    const receiver = await member("receiver", 3n);
    for (const one of [sender, receiver]) await bootstrap(one);
    await receiver.until(() => receiver.checkpoints > 0, "a checkpoint of the receiver");
    await putKey(receiver, "first", "2");
    await putKey(sender, "first", "2");
    await later(sender);
    const snapshot = await snapshotOf(sender, "sender");
    receiver.snapshot(snapshot);
    await receiver.until(
      () => receiver.raftLines.at(-1) === `snapshot installed ${snapshot.index} ${TERM}`,
      "the snapshot's installation",
    );
    assert.equal(receiver.raftLines.at(-2), `membership ${snapshot.index}: 2,3 without 4`);
    await receiver.until(() => receiver.view?.appliedIndex === snapshot.index, "a restored view");
    assert.deepEqual(read(receiver), read(sender));
    assert.deepEqual(await hashes(receiver), await hashes(sender));
    await receiver.until(
      () => receiver.board.get(BoardSlot.deltaBytes) === 0,
      "the delta of the former life is let go",
    );
    assert.equal(receiver.board.get(BoardSlot.noSpaceAlarms), 1);
    assert.equal(receiver.board.get(BoardSlot.flushedIndex), snapshot.index);

    const disarm = {
      action: AlarmRequest_AlarmAction.DEACTIVATE,
      memberID: 3n,
      alarm: AlarmType.NOSPACE,
    };
    for (const one of [sender, receiver]) {
      await one.apply(EntryKind.alarm, AlarmRequest.encode(disarm).finish());
      for (let i = 0; i < STATE_HASH_EVERY; i++) await putKey(one, `more${i}`, "x");
      await one.checkpoint();
    }
    assert.deepEqual(read(receiver), read(sender));
    assert.deepEqual(await hashes(receiver), await hashes(sender));
    const shared = [...receiver.stateHashes].filter(([index]) => index > snapshot.index);
    assert.ok(shared.length > 0);
    for (const [index, hash] of shared) assert.equal(sender.stateHashes.get(index), hash);
    await receiver.stop();
    const again = await member("receiver", 3n);
    assert.deepEqual(again.opened.removed, [4n]);
    assert.deepEqual(await hashes(again), await hashes(sender));
    await again.stop();
    await sender.stop();
  });

  it("comes again and again, over stores that were themselves snapshots", async () => {
    const sender = await member("sender", 2n);
    const receiver = await member("receiver", 3n);
    for (let round = 1; round <= 4; round++) {
      for (let i = 0; i < 50; i++) await putKey(sender, `key${i}`, `${round}`);
      const snapshot = await snapshotOf(sender, "sender");
      receiver.snapshot(snapshot);
      await receiver.until(() => receiver.view?.appliedIndex === snapshot.index, "the snapshot");
      for (const one of [sender, receiver]) await putKey(one, "between", `${round}`);
      assert.deepEqual(read(receiver), read(sender));
    }
    assert.equal(receiver.board.get(BoardSlot.putsTotal), 4, "counted over all lives");
    assert.deepEqual(await hashes(receiver), await hashes(sender));
    await receiver.stop();
    await sender.stop();
  });

  it("is passed over when the log has brought as much, and told of nevertheless", async () => {
    const sender = await member("sender", 2n);
    const receiver = await member("receiver", 3n);
    for (const one of [sender, receiver]) await bootstrap(one);
    const snapshot = await snapshotOf(sender, "sender");
    await putKey(receiver, "newer", "1");
    const before = receiver.raftLines.length;
    receiver.snapshot({ ...snapshot, path: "/nowhere" });
    await receiver.until(() => receiver.raftLines.length === before + 2, "two messages");
    assert.deepEqual(receiver.raftLines.slice(before), [
      "membership 5: 2,3,4 without ",
      `snapshot installed ${snapshot.index} ${TERM}`,
    ]);
    assert.equal(read(receiver).length, 2);
    await receiver.stop();
    await sender.stop();
  });

  it("is installed at the start when the process ended before, and not over a newer store", async () => {
    const sender = await member("sender", 2n);
    await bootstrap(sender);
    const old = await snapshotOf(sender, "sender");
    await later(sender);
    const snapshot = await snapshotOf(sender, "sender");
    const fresh = await member("receiver", 3n, snapshot.path);
    assert.deepEqual(
      [fresh.opened.appliedIndex, fresh.opened.appliedTerm, fresh.opened.removed],
      [snapshot.index, TERM, [4n]],
    );
    assert.deepEqual(read(fresh), read(sender));
    assert.deepEqual(await hashes(fresh), await hashes(sender));
    await fresh.stop();
    const again = await member("receiver", 3n, old.path);
    assert.equal(again.opened.appliedIndex, snapshot.index);
    await again.stop();
    await sender.stop();
  });

  it("ends the process with one clear error when the file is damaged, and the store is as it was", async () => {
    const sender = await member("sender", 2n);
    await bootstrap(sender);
    await later(sender);
    const snapshot = await snapshotOf(sender, "sender");
    const bad = join(root, "bad");
    const path = snapshot.path;
    writeFileSync(bad, readFileSync(path).subarray(0, -5));
    const receiver = await member("receiver", 3n);
    await putKey(receiver, "kept", "1");
    await receiver.checkpoint();
    receiver.snapshot({ ...snapshot, path: bad });
    assert.match((await receiver.failed).message, /snapshot ends in frame/);
    await receiver.kill();
    const again = await member("receiver", 3n);
    assert.equal(again.opened.appliedIndex, 1);
    assert.deepEqual(read(again), ["kept=1@2 0"]);
    await again.stop();
    await sender.stop();
  });

  it("leaves a leader its lessor", async () => {
    const sender = await member("sender", 2n);
    const receiver = await member("receiver", 3n);
    await bootstrap(sender);
    await later(sender);
    const snapshot = await snapshotOf(sender, "sender");
    receiver.role(true);
    receiver.snapshot(snapshot);
    await receiver.until(() => receiver.view?.appliedIndex === snapshot.index, "the snapshot");
    assert.equal((await receiver.control.status()).isPrimaryLessor, true);
    const { code, body } = await receiver.timeToLive(9n);
    assert.equal(code, 0);
    assert.equal(LeaseTimeToLiveResponse.decode(body).grantedTTL, 100n);
    await receiver.stop();
    await sender.stop();
  });

  it("is passed over at the start when it is damaged, and the member goes on with what it has", async () => {
    const sender = await member("sender", 2n);
    await bootstrap(sender);
    await later(sender);
    const { path } = await snapshotOf(sender, "sender");
    const bytes = readFileSync(path);
    const flipped = Buffer.from(bytes);
    flipped[bytes.length >> 1]! ^= 1;
    const damages = { empty: bytes.subarray(0, 0), cut: bytes.subarray(0, -5), flipped };
    const first = await member("receiver", 3n);
    await putKey(first, "kept", "1");
    await first.stop();
    const kept = ["kept=1@2 0"];
    for (const [name, damaged] of Object.entries(damages)) {
      writeFileSync(join(root, name), damaged);
      const receiver = await member("receiver", 3n, join(root, name));
      assert.equal(receiver.opened.appliedIndex, kept.length, name);
      assert.deepEqual(read(receiver), kept.toSorted());
      const [line, ...more] = receiver.logged();
      assert.deepEqual(more, []);
      assert.equal(line?.[0], "passed over a snapshot that cannot be installed");
      assert.equal(line[1].path, join(root, name));
      assert.match(String(line[1].error), /snapshot/);
      await putKey(receiver, name, "2");
      kept.push(`${name}=2@${kept.length + 2} 0`);
      await receiver.checkpoint();
      await receiver.stop();
    }
    const last = await member("receiver", 3n);
    assert.deepEqual(read(last), kept.toSorted());
    await last.stop();
    await sender.stop();
  });
});
