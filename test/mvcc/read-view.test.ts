import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { type RangeRequest, RangeResponse } from "../../src/shared/gen/etcdserverpb/rpc.js";
import { KeyValue } from "../../src/shared/gen/mvccpb/kv.js";
import { encodeRangeBody, range } from "../../src/shared/mvcc/range.js";
import { keyBounds } from "../../src/shared/mvcc/range-bounds.js";
import type { ReadView } from "../../src/shared/mvcc/read-view.js";
import { anyKey, anyLease, anyRangeEnd, bytes, text } from "./support/keys.js";
import { runs } from "./support/scale.js";
import { byteOrder, inRange, stored, Twin, type TwinChange } from "./support/twin.js";
import { anyRangeRequest, twinRange } from "./support/twin-range.js";
import { World } from "./support/world.js";

type Write =
  | { readonly kind: "put"; readonly key: string; readonly value: string; readonly lease: bigint }
  | { readonly kind: "delete"; readonly key: string; readonly end: string };

type Command =
  | { readonly kind: "txn"; readonly writes: readonly Write[] }
  | { readonly kind: "publish" | "begin" | "commit" | "release" | "compactBase" }
  | { readonly kind: "handle" | "refresh"; readonly frontend: number; readonly count: number }
  | { readonly kind: "compact"; readonly back: number }
  | { readonly kind: "range"; readonly back: number; readonly request: RangeRequest }
  | { readonly kind: "history"; readonly back: number };

const anyWrite: fc.Arbitrary<Write> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("put" as const),
      key: anyKey,
      value: fc.constantFrom("", "1", "2", "v".repeat(200), "\0\xff"),
      lease: anyLease,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant("delete" as const), key: anyKey, end: anyRangeEnd }),
  },
);

const anyCommand: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant("txn" as const),
      writes: fc.array(anyWrite, { minLength: 1, maxLength: 4 }),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constantFrom("publish", "begin", "commit", "release", "compactBase"),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constantFrom("handle", "handle", "handle", "refresh"),
      frontend: fc.nat(1),
      count: fc.integer({ min: 1, max: 4 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("compact" as const), back: fc.nat(5) }) },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant("range" as const),
      back: fc.nat(8),
      request: anyRangeRequest,
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("history" as const), back: fc.nat(12) }) },
);

/** A world and its twin, kept in step and compared. */
class Pair {
  readonly world = new World(2);
  readonly twin = new Twin();

  run(command: Command): void {
    switch (command.kind) {
      case "txn":
        return this.txn(command.writes);
      case "publish":
        return this.world.publish();
      case "begin":
        return this.world.checkpointBegin();
      case "commit":
        return this.world.checkpointCommit();
      case "release":
        return this.world.release();
      case "compactBase":
        return this.world.compactBase();
      case "handle":
        for (let i = 0; i < command.count; i += 1) this.#frontend(command.frontend).handleNext();
        return;
      case "refresh":
        // The snapshot moves on by itself: it may show more than this frontend was told of.
        return this.#frontend(command.frontend).base.refresh();
      case "compact":
        return this.compact(command.back);
      case "range":
        for (const view of this.views()) this.checkRange(view, command.request, command.back);
        return;
      case "history":
        for (const view of this.views()) this.checkHistory(view, command.back);
        return;
    }
  }

  txn(writes: readonly Write[]): void {
    const { space } = this.world;
    space.begin(space.view.revision + 1);
    this.twin.begin();
    for (const write of writes) {
      if (write.kind === "put") this.#put(write.key, write.value, write.lease);
      else this.#delete(write.key, write.end);
    }
    assert.equal(space.end(), this.twin.end());
    assert.equal(space.view.revision, this.twin.revision);
  }

  compact(back: number): void {
    const { view } = this.world.space;
    view.setCompactRevision(Math.max(view.compactRevision, view.revision - back));
  }

  views(): ReadView[] {
    return [this.world.space.view, ...this.world.frontends.map(({ view }) => view)];
  }

  checkRange(view: ReadView, request: RangeRequest, back: number): void {
    const revision = Math.max(0, view.compactRevision, view.revision - back);
    const answer = range(view, { ...request, revision: BigInt(revision) });
    assert.ok(answer.ok);
    const expected = twinRange(this.twin, request, revision === 0 ? view.revision : revision);
    const body = RangeResponse.encode(
      RangeResponse.fromPartial({
        kvs: expected.keyValues.map((one) => KeyValue.decode(one)),
        count: BigInt(expected.count),
        more: expected.more,
      }),
    ).finish();
    assert.equal(text(encodeRangeBody(answer.value)), text(body));
    assert.equal(answer.value.revision, view.revision);
  }

  /** From the first revision that is whole after compaction (C-06, C-07): no gap, no double, right bytes. */
  checkHistory(view: ReadView, back: number): void {
    const from = Math.max(view.compactRevision + 1, view.revision - back, 0);
    const found: unknown[] = [];
    view.changes(from, (change) => {
      found.push([change.main, change.sub, change.tombstone, text(change.keyValue)]);
      found.push(this.#before(view, change.main, text(change.key), view.keyValueBefore(change)));
    });
    const expected = this.twin.changes
      .filter((one) => one.main >= from && one.main <= view.revision)
      .flatMap((one) => [[one.main, one.sub, one.tombstone, text(stored(one))], undefined]);
    assert.deepEqual(found, expected);
  }

  checkEnd(): void {
    for (const frontend of this.world.frontends) {
      while (frontend.queue.length > 0) frontend.handleNext();
      const seen = frontend.seen.map((one) => [one.main, one.sub, text(one.keyValue)]);
      const published = this.twin.changes.filter((one) => one.main <= frontend.view.revision);
      assert.deepEqual(
        seen,
        published.map((one) => [one.main, one.sub, text(stored(one))]),
      );
      const before = frontend.seenBefore.map(([keyValue]) => keyValue && text(keyValue));
      const expected = published.map((one, i) => {
        const compacted = one.main - 1 < (frontend.seenBefore[i]?.[1] ?? 0);
        const previous = compacted ? undefined : this.twin.at(one.key, one.main - 1);
        return previous && text(stored(previous));
      });
      assert.deepEqual(before, expected);
    }
  }

  /** undefined when prev_kv is right (W-28), else what is wrong. */
  #before(view: ReadView, main: number, key: string, found: Uint8Array | undefined): unknown {
    const previous = main - 1 < view.compactRevision ? undefined : this.twin.at(key, main - 1);
    const expected = previous === undefined ? undefined : text(stored(previous));
    const actual = found === undefined ? undefined : text(found);
    return actual === expected ? undefined : { main, key, actual, expected };
  }

  #put(key: string, value: string, lease: bigint): void {
    const previous = this.world.space.put(bytes(key), bytes(value), lease);
    const expected = this.twin.at(key, Number.POSITIVE_INFINITY);
    assert.deepEqual(previous && text(previous.keyValue), expected && text(stored(expected)));
    this.twin.put(key, value, lease);
    this.#checkState(key);
  }

  #delete(key: string, end: string): void {
    const bounds = keyBounds(bytes(key), bytes(end));
    const before = this.twin.alive(key, end, Number.POSITIVE_INFINITY);
    const deleted = this.world.space.deleteRange(bounds);
    assert.deepEqual(
      deleted.map((one) => text(one.keyValue)),
      before.map((one) => text(stored(one))),
    );
    this.twin.delete(key, end);
    this.#checkState(key);
  }

  /** Own writes are seen at once (T-18). */
  #checkState(key: string): void {
    const state = this.world.space.view.get(bytes(key));
    const expected: TwinChange | undefined = this.twin.at(key, Number.POSITIVE_INFINITY);
    assert.deepEqual(
      state && [state.createRevision, state.modRevision, state.modSub, state.version, state.lease],
      expected && [expected.create, expected.main, expected.sub, expected.version, expected.lease],
    );
  }

  #frontend(number: number) {
    const frontend = this.world.frontends[number];
    assert.ok(frontend);
    return frontend;
  }
}

describe("ReadView over KeySpace", () => {
  it("reads as the list of all changes does, with the checkpoint at every possible moment", () => {
    fc.assert(
      fc.property(
        fc.array(anyCommand, { minLength: 20, maxLength: 150, size: "max" }),
        (commands) => {
          const pair = new Pair();
          for (const command of commands) pair.run(command);
          pair.checkEnd();
        },
      ),
      { numRuns: runs(800), includeErrorInReport: true },
    );
  });

  it("changes() neither skips nor doubles when the line between base and delta moves", () => {
    for (let commitAt = 0; commitAt <= 12; commitAt += 1) {
      for (let handled = 0; handled <= 4; handled += 1) {
        const pair = new Pair();
        for (let i = 0; i < 12; i += 1) {
          if (i === commitAt) pair.run({ kind: "begin" });
          if (i === commitAt + 1) pair.run({ kind: "commit" });
          pair.txn([
            { kind: "put", key: "a", value: String(i), lease: 0n },
            { kind: "delete", key: "a", end: "" },
            { kind: "put", key: `k${i % 3}`, value: "", lease: 0n },
          ]);
          pair.run({ kind: "publish" });
        }
        pair.run({ kind: "handle", frontend: 0, count: handled * 4 });
        pair.run({ kind: "refresh", frontend: 1, count: 1 });
        pair.run({ kind: "history", back: 20 });
        pair.run({ kind: "release" });
        pair.run({ kind: "history", back: 20 });
      }
    }
  });

  it("visit() gives byte order over both, when keys lie on either side of the line", () => {
    const pair = new Pair();
    const keys = ["\xff\xff", "\0", "m", "\x80", "\x7f", "a", "a\0", "\xff"];
    for (const [i, key] of keys.entries()) {
      pair.txn([{ kind: "put", key, value: "", lease: 0n }]);
      if (i === 3) {
        pair.run({ kind: "begin" });
        pair.run({ kind: "commit" });
      }
    }
    const found: string[] = [];
    const { view } = pair.world.space;
    view.visit(keyBounds(bytes("\0"), bytes("\0")), view.revision, (version) => {
      found.push(text(version.key));
      return true;
    });
    assert.deepEqual(found, [...keys].sort(byteOrder));
    assert.ok(found.every((key) => inRange(key, "\0", "\0")));
  });
});
