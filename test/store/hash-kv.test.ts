import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { StoreWriter } from "../../src/apply-worker/store/store-writer.js";
import type { BaseSnapshot } from "../../src/shared/mvcc/base/base-snapshot.js";
import { crc32c } from "../../src/shared/mvcc/base/crc32c.js";
import { type HashTarget, hashKeyValues } from "../../src/shared/mvcc/base/hash-kv.js";
import { ChangeModel, checkpointOf, finish, type Operation } from "./support/model.js";
import { withTempDirectory } from "./support/temp-store.js";

function put(key: string, value: string): Operation {
  return { kind: "put", key: Buffer.from(key), value: Buffer.from(value), lease: 0n };
}

function remove(key: string): Operation {
  return { kind: "delete", key: Buffer.from(key) };
}

/** Of the snapshot alone, all steps at once. */
function hashOf(snapshot: BaseSnapshot, target: HashTarget): number {
  const steps = hashKeyValues(
    {
      visitChanges: (from, toMain, visit) => snapshot.visitChanges(from, toMain, visit),
      revisionAt: (key, atRevision) => {
        const record = snapshot.keyRecord(key);
        return record && snapshot.keyRevisionAt(key, record, atRevision);
      },
    },
    target,
  );
  let step = steps.next();
  while (!step.done) step = steps.next();
  return step.value;
}

/** The history whose hashes etcd 3.5.30 was asked for. Revisions 2 to 10. */
const HISTORY: readonly (readonly Operation[])[] = [
  [put("a", "1")],
  [put("b", "1")],
  [put("a", "2"), put("c", "1")],
  [remove("b")],
  [put("b", "2")],
  [remove("c")],
  [put("a", "3")],
  [remove("a")],
  [remove("b")],
];

/**
 * HISTORY's hashes as etcd gave them: compacted to (physically), hashed revision, number. At 10 every key is
 * deleted: nothing would be kept, and what the compaction kept counts.
 */
const ETCD_HASHES: readonly (readonly [number, number, number])[] = [
  [-1, 2, 2_587_454_935],
  [-1, 4, 2_521_695_550],
  [-1, 5, 4_173_039_562],
  [-1, 9, 4_004_070_405],
  [-1, 10, 2_661_441_965],
  [4, 5, 3_507_440_232],
  [4, 7, 2_459_911_360],
  [4, 10, 3_847_850_080],
  [5, 6, 3_853_775_583],
  [5, 7, 511_401_807],
  [5, 8, 2_088_874_280],
  [5, 9, 758_819_218],
  [5, 10, 3_661_094_673],
  [7, 8, 2_767_169_696],
  [7, 9, 964_232_050],
  [7, 10, 308_672_952],
  [8, 9, 1_360_043_917],
  [8, 10, 3_090_907_167],
  [9, 10, 3_192_492_979],
];

describe("hashKeyValues", () => {
  for (const [compactRevision, revision, expected] of ETCD_HASHES) {
    it(`gives etcd's number at ${revision} when compacted to ${compactRevision}, at any progress`, async () => {
      await withTempDirectory(async (directory) => {
        const model = new ChangeModel();
        for (const request of HISTORY) model.apply(request);
        const store = StoreWriter.open(directory, { compactionRevisionsMax: 1 });
        const range = { from: 0, to: model.changes.length };
        const input = checkpointOf(model.changes, range, { compactRevision });
        await finish(store.startCheckpoint(input));
        store.reader.refresh();
        const target = { revision, compactRevision };
        assert.equal(hashOf(store.reader.snapshot, target), expected);
        while (store.isCompactionPending) {
          await finish(store.startCompaction());
          store.reader.refresh();
          assert.equal(hashOf(store.reader.snapshot, target), expected);
        }
        await store.close();
      });
    });
  }
});

describe("crc32c", () => {
  it("gives RFC 3720's numbers, in one piece and in two", () => {
    const ascending = Buffer.from(Array.from({ length: 32 }, (_, index) => index));
    assert.equal(crc32c(Buffer.alloc(32)), 0x8a91_36aa);
    assert.equal(crc32c(Buffer.alloc(32, 0xff)), 0x62a8_ab43);
    assert.equal(crc32c(ascending), 0x46dd_794e);
    for (let cut = 0; cut <= 32; cut++) {
      const first = crc32c(ascending.subarray(0, cut));
      assert.equal(crc32c(ascending.subarray(cut), first), 0x46dd_794e);
    }
  });
});
