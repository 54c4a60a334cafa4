import assert from "node:assert/strict";
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { ErrorCode } from "../../src/shared/errors.js";
import {
  AlarmRequest,
  AlarmRequest_AlarmAction,
  AlarmType,
  CompactionRequest,
  DeleteRangeRequest,
  HashKVResponse,
  HashResponse,
  LeaseCheckpointRequest,
  LeaseGrantRequest,
  LeaseRevokeRequest,
  LeaseTimeToLiveResponse,
  Member,
  MemberListResponse,
  PutRequest,
  RangeResponse,
} from "../../src/shared/gen/etcdserverpb/rpc.js";
import { ConfChangeType, encodeConfChange } from "../../src/shared/messages/conf-change.js";
import { EntryKind } from "../../src/shared/messages/entry.js";
import { MainToApply } from "../../src/shared/messages/main-to-apply.js";
import { encodeRangeBody, range } from "../../src/shared/mvcc/range.js";
import { BoardSlot } from "../../src/shared/status-board.js";
import { bytes, del, get, plain, put, text } from "./support/machine.js";
import { WorkerHarness } from "./support/worker-harness.js";

let directory = "";
let running: WorkerHarness[] = [];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "capstan-apply-"));
});

afterEach(async () => {
  for (const one of running) await one.worker.terminate();
  running = [];
  rmSync(directory, { recursive: true, force: true });
});

function harness(more: ConstructorParameters<typeof WorkerHarness>[1] = {}): WorkerHarness {
  const made = new WorkerHarness(directory, more);
  running.push(made);
  return made;
}

async function started(more: ConstructorParameters<typeof WorkerHarness>[1] = {}) {
  const it = harness(more);
  const opened = await it.start();
  return { it, opened };
}

function putKey(it: WorkerHarness, key: string, value: string, lease = 0n) {
  return it.apply(EntryKind.put, PutRequest.encode(put(key, value, { lease })).finish());
}

function deleteKeys(it: WorkerHarness, key: string, rangeEnd = "") {
  return it.apply(EntryKind.deleteRange, DeleteRangeRequest.encode(del(key, rangeEnd)).finish());
}

function compact(it: WorkerHarness, revision: number, physical = true) {
  const request = { revision: BigInt(revision), physical };
  return it.apply(EntryKind.compact, CompactionRequest.encode(request).finish());
}

function grant(it: WorkerHarness, ID: bigint, TTL: bigint) {
  return it.apply(EntryKind.leaseGrant, LeaseGrantRequest.encode({ ID, TTL }).finish());
}

function read(it: WorkerHarness, key: string, rangeEnd = "", revision = 0) {
  assert.ok(it.view);
  const request = get(key, { rangeEnd: bytes(rangeEnd), revision: BigInt(revision) });
  const answer = range(it.view, request);
  assert.ok(answer.ok);
  return RangeResponse.decode(encodeRangeBody(answer.value)).kvs.map((kv) => {
    const { key: k, value, mod } = plain(kv) ?? { key: "", value: "", mod: 0 };
    return `${k}=${value}@${mod}`;
  });
}

async function hashKv(it: WorkerHarness, revision: number) {
  const { code, body } = await it.hash(MainToApply.hashKv, revision);
  const { hash, compactRevision, hashRevision } = HashKVResponse.decode(body);
  return { code, hash, compact: Number(compactRevision), revision: Number(hashRevision) };
}

describe("apply worker", () => {
  it("applies, publishes, answers, and is read in place by another thread", async () => {
    const { it, opened } = await started();
    assert.deepEqual([opened.appliedIndex, opened.revision, opened.compactRevision], [0, 1, -1]);
    assert.deepEqual(await putKey(it, "a", "1"), {
      code: 0,
      revision: 2,
      body: new Uint8Array(0),
    });
    await putKey(it, "b", "2");
    assert.deepEqual(read(it, "a", "c"), ["a=1@2", "b=2@3"]);
    await it.until(() => it.checkpoints > 0, "a checkpoint");
    assert.equal(it.flushedIndex, 2);
    await putKey(it, "a", "3");
    assert.deepEqual(read(it, "a", "c"), ["a=3@4", "b=2@3"]);
    assert.deepEqual(read(it, "a", "c", 3), ["a=1@2", "b=2@3"]);
    assert.equal(it.board.get(BoardSlot.putsTotal), 3);
    assert.ok(it.board.get(BoardSlot.storeBytesInUse) > 0);
    await it.stop();
  });

  it("comes back with keys, leases, members, alarms and compaction after an orderly stop", async () => {
    const { it: first } = await started();
    const member = { ID: 2n, name: "m1", peerURLs: ["2"], clientURLs: ["c"], isLearner: false };
    const change = (type: ConfChangeType, ID: bigint) => {
      const body = encodeConfChange({
        type,
        member: { ...member, ID, name: "", peerURLs: [`${ID}`] },
      });
      return first.apply(EntryKind.confChange, body);
    };
    for (const id of [2n, 3n]) await change(ConfChangeType.addVoter, id);
    await change(ConfChangeType.remove, 3n);
    await first.apply(EntryKind.memberAttributes, Member.encode(member).finish());
    await grant(first, 9n, 100n);
    await grant(first, -10n, 100n);
    await putKey(first, "b", "1", 9n);
    await putKey(first, "a", "1", 9n);
    await putKey(first, "a", "2", -10n);
    await compact(first, 3, false);
    const alarm = {
      action: AlarmRequest_AlarmAction.ACTIVATE,
      memberID: 2n,
      alarm: AlarmType.NOSPACE,
    };
    await first.apply(EntryKind.alarm, AlarmRequest.encode(alarm).finish());
    await first.stop();

    const { it, opened } = await started();
    assert.deepEqual(
      [opened.appliedIndex, opened.appliedTerm, opened.revision, opened.compactRevision],
      [11, 1, 4, 3],
    );
    assert.deepEqual(opened.removed, [3n]);
    assert.deepEqual(MemberListResponse.decode(opened.members).members, [member]);
    assert.equal((await putKey(it, "x", "")).code, ErrorCode.noSpace);
    assert.equal(it.board.get(BoardSlot.noSpaceAlarms), 1);
    it.role(true);
    await it.apply(EntryKind.none, new Uint8Array(0));
    const attached = async (id: bigint) => {
      const { body } = await it.timeToLive(id);
      const { keys, grantedTTL } = LeaseTimeToLiveResponse.decode(body);
      return [grantedTTL, keys.map(text)];
    };
    assert.deepEqual(await attached(9n), [100n, ["b"]]);
    assert.deepEqual(await attached(-10n), [100n, ["a"]]);
    const revoke = LeaseRevokeRequest.encode({ ID: -10n }).finish();
    assert.equal((await it.apply(EntryKind.leaseRevoke, revoke)).revision, 5);
    assert.deepEqual(read(it, "a", "z"), ["b=1@2"]);
    assert.equal((await compact(it, 2)).code, ErrorCode.compacted);
    await it.stop();
  });

  it("L-42 gives a lease after a restart what was recorded of its time, not the full TTL", async () => {
    const { it: first } = await started();
    await grant(first, 1n, 1000n);
    const request = { checkpoints: [{ ID: 1n, remainingTTL: 300n }] };
    const payload = LeaseCheckpointRequest.encode(request).finish();
    await first.apply(EntryKind.leaseCheckpoint, payload);
    await first.stop();
    const { it } = await started();
    it.role(true);
    await it.apply(EntryKind.none, new Uint8Array(0));
    const left = LeaseTimeToLiveResponse.decode((await it.timeToLive(1n)).body);
    assert.equal(left.grantedTTL, 1000n);
    assert.ok(left.TTL <= 301n && left.TTL > 200n, `${left.TTL}`);
    await it.stop();
  });

  it("applies an entry once when the log is replayed from below the store", async () => {
    const { it: first } = await started();
    for (const value of ["1", "2", "3"]) await putKey(first, "a", value);
    await first.stop();
    const { it } = await started();
    it.rewind(1);
    const replayed = PutRequest.encode(put("a", "2")).finish();
    it.commit(EntryKind.put, replayed);
    it.commit(EntryKind.put, replayed);
    await putKey(it, "b", "4");
    assert.deepEqual(read(it, "a", "c"), ["a=3@4", "b=4@5"]);
    await it.stop();
  });

  it("C-06 C-08 removes what was compacted, and reads above it stay right", async () => {
    const { it } = await started();
    for (let i = 0; i < 50; i++) await putKey(it, `k${i % 5}`, `v${i}`);
    await deleteKeys(it, "k0");
    const before = [read(it, "k", "l", 48), read(it, "k", "l")];
    const { code, revision } = await compact(it, 48);
    assert.deepEqual([code, revision], [0, 52]);
    assert.deepEqual([read(it, "k", "l", 48), read(it, "k", "l")], before);
    assert.ok(it.board.get(BoardSlot.compactedRevisions) >= 40);
    const { code: again } = await compact(it, 48);
    assert.equal(again, ErrorCode.compacted);
    await it.stop();
  });

  it("MT-32 MT-33 MT-34 hashes any revision there is, the same before and after removal", async () => {
    const { it } = await started();
    for (const key of ["a", "b", "a", "c"]) await putKey(it, key, key);
    await deleteKeys(it, "b");
    const current = await hashKv(it, 0);
    assert.deepEqual({ ...current, hash: 0 }, { code: 0, hash: 0, compact: -1, revision: 6 });
    assert.deepEqual(await hashKv(it, 6), current);
    const atFour = await hashKv(it, 4);
    assert.notEqual(atFour.hash, current.hash);
    await compact(it, 4);
    assert.deepEqual(await hashKv(it, 4), atFour, "the hash from before the compaction");
    assert.equal((await hashKv(it, 3)).code, ErrorCode.compacted);
    assert.equal((await hashKv(it, 7)).code, ErrorCode.futureRevision);
    const after = await hashKv(it, 6);
    assert.deepEqual({ ...after, hash: 0 }, { code: 0, hash: 0, compact: 4, revision: 6 });
    await compact(it, 6);
    assert.deepEqual(await hashKv(it, 4), atFour, "passed by a later compaction");
    assert.deepEqual(await hashKv(it, 6), after);
    const { hash } = HashResponse.decode((await it.hash(MainToApply.hash, 0)).body);
    assert.ok(hash > 0);
    await it.stop();
  });

  it("answers a defragment, and puts go on meanwhile", async () => {
    const { it } = await started();
    await putKey(it, "a", "1");
    const answer = it.defragment();
    await putKey(it, "a", "2");
    assert.equal((await answer).code, 0);
    await it.stop();
  });

  it("moves delta memory on under a load of many segments", async () => {
    const { it } = await started();
    const value = "x".repeat(20_000);
    for (let round = 0; round < 8; round++) {
      const answers = Array.from({ length: 500 }, (_, i) => putKey(it, `key${i}`, value));
      for (const { code } of await Promise.all(answers)) assert.equal(code, 0);
    }
    assert.equal(read(it, "key0").length, 1);
    await it.until(() => it.board.get(BoardSlot.deltaBytes) === 0, "the delta let go");
    assert.equal(it.flushedIndex, 4000);
    await it.stop();
  });

  it("refuses a damaged store with one clear error", async () => {
    const { it: first } = await started();
    await putKey(first, "a", "1");
    await first.stop();
    truncateSync(join(directory, "data.mdb"), 8192);
    await assert.rejects(async () => harness().control.open(), /store|data\.mdb/);
    writeFileSync(join(directory, "data.mdb"), Buffer.alloc(100_000, 7));
    await assert.rejects(async () => harness().control.open(), /store|data\.mdb/);
  });

  it("ends with the reason when an invariant breaks", async () => {
    const { it } = await started();
    it.rewind(5);
    it.commit(EntryKind.put, PutRequest.encode(put("a", "1")).finish());
    const error = await it.failed;
    assert.match(error.message, /gap in the committed entries/);
    await it.kill();
  });
});
