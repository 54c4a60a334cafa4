import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { StoreWriter } from "../../src/apply-worker/store/store-writer.js";
import type { LmdbBaseReader } from "../../src/shared/mvcc/base/lmdb-base-reader.js";
import type { BaseReader, Change, KeyRecord } from "../../src/shared/mvcc/types.js";
import { StoreCorruptError } from "../../src/shared/mvcc/types.js";
import { copyChange, MapBase } from "./support/map-base.js";
import {
  ChangeModel,
  checkpointOf,
  finish,
  finishCompaction,
  nextTurn,
  type Operation,
} from "./support/model.js";
import { scaled, withTempDirectory } from "./support/temp-store.js";

const prefix = Buffer.alloc(1024, "p");
/** Keys around every boundary of the overflow scheme, and some short ones. */
const KEYS: readonly Uint8Array[] = [
  Buffer.from("a"),
  Buffer.from("a\0"),
  Buffer.from("ab"),
  Buffer.of(0),
  Buffer.of(0xff),
  Buffer.of(0xff, 0xff),
  prefix.subarray(0, 1023),
  prefix,
  Buffer.concat([prefix, Buffer.of(0)]),
  Buffer.concat([prefix, Buffer.of(0xff)]),
  Buffer.concat([prefix, Buffer.of(0xff, 0)]),
  Buffer.concat([prefix, Buffer.from("tail")]),
  Buffer.concat([prefix, Buffer.alloc(70_000, "t")]),
  Buffer.concat([prefix.subarray(0, 1023), Buffer.from("q")]),
  Buffer.concat([prefix.subarray(0, 1023), Buffer.from("q"), Buffer.of(0)]),
  Buffer.alloc(1500, 0xff),
  Buffer.alloc(1501, 0xff),
];

function operationsOn(keys: readonly Uint8Array[]): fc.Arbitrary<Operation> {
  const key = fc.constantFrom(...keys);
  const put = fc.record({
    kind: fc.constant("put" as const),
    key,
    value: fc.uint8Array({ maxLength: 40 }),
    lease: fc.constantFrom(0n, 0n, 7n, 9n, 0x7fff_ffff_ffff_ffffn),
  });
  const remove = fc.record({ kind: fc.constant("delete" as const), key });
  return fc.oneof({ weight: 4, arbitrary: put }, { weight: 1, arbitrary: remove });
}

/** Requests on all keys, or on so few that their histories spill. */
const requestsArbitrary = fc
  .oneof(fc.constant(KEYS), fc.constant(KEYS.slice(0, 2)), fc.constant(KEYS.slice(11, 13)))
  .chain((keys) =>
    fc.array(fc.array(operationsOn(keys), { minLength: 1, maxLength: 4 }), {
      minLength: 1,
      maxLength: 120,
      size: "max",
    }),
  );
/** What happens between requests: nothing, a checkpoint, one with a compaction, a restart. */
const cutArbitrary = fc.constantFrom(
  "none",
  "none",
  "none",
  "checkpoint",
  "compact",
  "compact a little",
  "reopen",
);

function allKeys(base: BaseReader, start: Uint8Array, end?: Uint8Array) {
  const found: { key: string; record: KeyRecord }[] = [];
  base.visitKeys(start, end, (key, record) => {
    found.push({ key: Buffer.from(key).toString("hex"), record });
    return true;
  });
  return found;
}

function allChanges(base: BaseReader, fromMain: number, toMain: number): Change[] {
  const found: Change[] = [];
  base.visitChanges({ main: fromMain, sub: 0 }, toMain, (change) => {
    found.push(copyChange(change));
    return true;
  });
  return found;
}

function recordFacts({ revisions, createRevision, version, lease }: KeyRecord) {
  return { newest: revisions.at(-1), createRevision, version, lease };
}

/** Everything that can be asked of a base, of both. */
function assertSame(base: LmdbBaseReader, twin: MapBase, compactRevision: number): void {
  assert.equal(base.revision, twin.revision);
  const all = Buffer.alloc(0);
  const facts = (reader: BaseReader, start: Uint8Array, end?: Uint8Array) =>
    allKeys(reader, start, end).map(({ key, record }) => ({ key, ...recordFacts(record) }));
  assert.deepEqual(facts(base, all), facts(twin, all));
  for (const start of KEYS) {
    assert.deepEqual(facts(base, start), facts(twin, start));
    for (const end of KEYS) assert.deepEqual(facts(base, start, end), facts(twin, start, end));
  }
  for (const key of KEYS) {
    const record = base.keyRecord(key);
    const twinRecord = twin.keyRecord(key);
    assert.equal(record === undefined, twinRecord === undefined);
    for (let at = Math.max(compactRevision, 0); record && twinRecord && at <= twin.revision; at++) {
      assert.deepEqual(
        base.keyRevisionAt(key, record, at),
        twin.keyRevisionAt(key, twinRecord, at),
      );
    }
  }
  const changes = allChanges(twin, 0, twin.revision);
  assert.deepEqual(allChanges(base, 0, twin.revision), changes);
  for (const change of changes) {
    assert.deepEqual(Buffer.from(base.keyValue(change)), Buffer.from(change.keyValue));
  }
}

function leasesOf(base: LmdbBaseReader): string[] {
  const found: string[] = [];
  base.snapshot.visitLeaseKeys(undefined, (lease, key) => {
    found.push(`${lease} ${Buffer.from(key).toString("hex")}`);
  });
  return found.sort();
}

function expectedLeases(twin: MapBase): string[] {
  return allKeys(twin, Buffer.alloc(0))
    .filter(({ record }) => record.lease !== 0n)
    .map(({ key, record }) => `${record.lease} ${key}`)
    .sort();
}

describe("StoreWriter", () => {
  it("holds what its twin holds after any checkpoints, compactions and restarts", async () => {
    await fc.assert(
      fc.asyncProperty(
        requestsArbitrary,
        fc.array(cutArbitrary, { minLength: 120, maxLength: 120 }),
        fc.integer({ min: 0, max: 20 }),
        fc.integer({ min: 1, max: 40 }),
        async (requests, cuts, compactLag, compactionRevisionsMax) => {
          await withTempDirectory(async (directory) => {
            const model = new ChangeModel();
            const twin = new MapBase();
            twin.refresh();
            const options = { compactionRevisionsMax };
            let store = StoreWriter.open(directory, options);
            let written = 0;
            let compactRevision = -1;
            for (const [index, request] of [...requests.entries(), [-1, []] as const]) {
              model.apply(request);
              const cut = index < 0 ? "compact" : cuts[index];
              if (cut === "none") continue;
              if (cut?.startsWith("compact") && model.revision > 1) {
                compactRevision = Math.max(compactRevision, model.revision - compactLag, 0);
              }
              const input = checkpointOf(
                model.changes,
                { from: written, to: model.changes.length },
                { revision: model.revision, compactRevision },
              );
              const state = await finish(store.startCheckpoint(input), 0.2);
              assert.equal(state.revision, model.revision);
              twin.append(model.changes.slice(written));
              written = model.changes.length;
              if (cut === "reopen") {
                await store.close();
                store = StoreWriter.open(directory, options);
              }
              if (cut === "compact a little" && store.isCompactionPending) {
                await finish(store.startCompaction());
              }
              if (cut === "compact") {
                await finishCompaction(store);
                twin.compact(compactRevision);
              }
              store.reader.refresh();
              twin.refresh();
            }
            assertSame(store.reader, twin, compactRevision);
            assert.deepEqual(leasesOf(store.reader), expectedLeases(twin));
            await store.close();
          });
        },
      ),
      // A failure is reported as it is: to shrink it would take hours of writing to disk.
      { numRuns: scaled(20), endOnFailure: true },
    );
  });

  it("keeps a hot key's record small when it has had thousands of revisions", async () => {
    await withTempDirectory(async (directory) => {
      const model = new ChangeModel();
      const key = Buffer.from("hot");
      const store = StoreWriter.open(directory);
      let written = 0;
      for (const count of [1, 31, 1, 700, 5000, 3]) {
        for (let index = 0; index < count; index++) {
          model.apply([{ kind: "put", key, value: Buffer.from("v"), lease: 0n }]);
        }
        const range = { from: written, to: model.changes.length };
        await finish(store.startCheckpoint(checkpointOf(model.changes, range)));
        written = range.to;
      }
      store.reader.refresh();
      const record = store.reader.keyRecord(key);
      assert.ok(record);
      assert.ok(record.revisions.length <= 32);
      assert.equal(record.version, 5736);
      for (let at = 2; at <= model.revision; at++) {
        assert.equal(store.reader.keyRevisionAt(key, record, at)?.main, at);
      }
      assert.equal(store.reader.keyRevisionAt(key, record, 1), undefined);
      await store.close();
    });
  });

  it("stores keys and values of the request limit's size", async () => {
    await withTempDirectory(async (directory) => {
      const model = new ChangeModel();
      const key = Buffer.alloc(1_500_000, "k");
      const value = Buffer.alloc(1_500_000, "v");
      model.apply([{ kind: "put", key, value: Buffer.from("1"), lease: 3n }]);
      model.apply([{ kind: "put", key: Buffer.from("small"), value, lease: 0n }]);
      const store = StoreWriter.open(directory);
      await finish(store.startCheckpoint(checkpointOf(model.changes, { from: 0, to: 2 })));
      store.reader.refresh();
      assert.equal(store.reader.keyRecord(key)?.version, 1);
      const [first, second] = model.changes;
      assert.deepEqual(Buffer.from(store.reader.keyValue({ main: 2, sub: 0 })), first?.keyValue);
      assert.deepEqual(Buffer.from(store.reader.keyValue({ main: 3, sub: 0 })), second?.keyValue);
      assert.deepEqual(leasesOf(store.reader), [`3 ${key.toString("hex")}`]);
      await store.close();
    });
  });

  it("stores leases, members, alarms and named values, and removes them again", async () => {
    await withTempDirectory(async (directory) => {
      const store = StoreWriter.open(directory);
      const input = checkpointOf([], { from: 0, to: 0 });
      await finish(
        store.startCheckpoint({
          ...input,
          leases: [
            [1n, Buffer.from("one")],
            [2n, Buffer.from("two")],
          ],
          members: [[0xffff_ffff_ffff_fff0n, Buffer.from("member")]],
          alarms: [{ memberId: 0xffff_ffff_ffff_fff0n, alarm: 1, raised: true }],
          values: [["clusterId", Buffer.from("id")]],
        }),
      );
      await finish(store.startCheckpoint({ ...input, leases: [[1n, undefined]] }));
      store.reader.refresh();
      const { snapshot } = store.reader;
      const leases: string[] = [];
      snapshot.visitLeases((id, lease) => leases.push(`${id} ${Buffer.from(lease)}`));
      assert.deepEqual(leases, ["2 two"]);
      const members: string[] = [];
      snapshot.visitMembers((id, member) =>
        members.push(`${BigInt.asUintN(64, id)} ${Buffer.from(member)}`),
      );
      assert.deepEqual(members, ["18446744073709551600 member"]);
      const alarms: string[] = [];
      snapshot.visitAlarms((id, alarm) => alarms.push(`${id} ${alarm}`));
      assert.deepEqual(alarms, ["18446744073709551600 1"]);
      assert.equal(String(snapshot.namedValue("clusterId")), "id");
      assert.equal(snapshot.namedValue("memberId"), undefined);
      await store.close();
    });
  });

  it("shows readers the old base until the run is done and the reader refreshed", async () => {
    await withTempDirectory(async (directory) => {
      const model = new ChangeModel();
      const key = Buffer.from("k");
      model.apply([{ kind: "put", key, value: Buffer.from("1"), lease: 0n }]);
      model.apply([{ kind: "put", key, value: Buffer.from("2"), lease: 0n }]);
      const store = StoreWriter.open(directory);
      await finish(store.startCheckpoint(checkpointOf(model.changes, { from: 0, to: 1 })));
      store.reader.refresh();
      const pin = store.reader.pin();
      const run = store.startCheckpoint(checkpointOf(model.changes, { from: 1, to: 2 }));
      while (run.state === "opening" || run.state === "writing") {
        run.step(0);
        store.reader.refresh();
        assert.equal(store.reader.keyRecord(key)?.version, 1);
        await nextTurn();
      }
      await finish(run);
      assert.equal(store.reader.keyRecord(key)?.version, 1);
      store.reader.refresh();
      assert.equal(store.reader.keyRecord(key)?.version, 2);
      assert.equal(pin.keyRecord(key)?.version, 1);
      assert.throws(() => pin.keyValue({ main: 3, sub: 0 }), StoreCorruptError);
      pin.release();
      await store.close();
    });
  });

  it("leaves nothing behind when a run is aborted at any step", async () => {
    await withTempDirectory(async (directory) => {
      const model = new ChangeModel();
      for (let index = 0; index < 200; index++) {
        const key = Buffer.from(`key-${index % 50}`);
        model.apply([{ kind: "put", key, value: Buffer.alloc(100), lease: 0n }]);
      }
      const store = StoreWriter.open(directory);
      const input = checkpointOf(model.changes, { from: 0, to: 200 });
      for (let steps = 0; steps < 8; steps++) {
        const run = store.startCheckpoint(input);
        while (run.state === "opening") await nextTurn();
        for (let step = 0; step < steps; step++) run.step(0);
        run.abort(new Error("given up"));
        await assert.rejects(run.finished, /given up/);
        assert.equal(run.state, "failed");
        store.reader.refresh();
        assert.equal(store.reader.revision, 1);
        assert.deepEqual(allKeys(store.reader, Buffer.alloc(0)), []);
      }
      await finish(store.startCheckpoint(input));
      store.reader.refresh();
      assert.equal(allKeys(store.reader, Buffer.alloc(0)).length, 50);
      await store.close();
    });
  });
});
