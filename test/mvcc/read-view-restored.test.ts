import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { DeltaReader } from "../../src/shared/mvcc/delta-reader.js";
import { DeltaWriter } from "../../src/shared/mvcc/delta-writer.js";
import { KeySpace } from "../../src/shared/mvcc/key-space.js";
import { ReadView } from "../../src/shared/mvcc/read-view.js";
import type { Change } from "../../src/shared/mvcc/types.js";
import { copyChange, MapBase } from "../store/support/map-base.js";
import { bytes, text } from "./support/keys.js";
import { runs } from "./support/scale.js";

const KEYS = ["a", "b", "c", "d"] as const;

/** One revision each: a put of a value, or a delete. */
interface Write {
  readonly key: (typeof KEYS)[number];
  readonly value: string | undefined;
}

const anyWrite: fc.Arbitrary<Write> = fc.record({
  key: fc.constantFrom(...KEYS),
  value: fc.option(fc.string({ maxLength: 3 }), { nil: undefined }),
});
const anyWrites = fc.array(anyWrite, { maxLength: 12 });

function write(space: KeySpace, { key, value }: Write): void {
  space.begin(space.view.revision + 1);
  if (value === undefined) space.delete(bytes(key));
  else space.put(bytes(key), bytes(value), 0n);
  space.end();
}

/** A member's store: a base, a delta, and a frontend's view of them on the same thread. */
class Member {
  readonly base = new MapBase();
  readonly delta = new DeltaReader();
  readonly writer = new DeltaWriter({
    onSegment: (segment, buffer) => this.delta.addSegment(segment, buffer),
    segmentBytes: 512,
  });
  readonly view = new ReadView({
    base: this.base,
    delta: this.delta,
    revision: 1,
    compactRevision: -1,
    appliedIndex: 0,
  });
  space = this.#makeSpace(1, -1);
  #index = 0;
  #checkpointed = this.writer.end;

  apply(writes: readonly Write[]): void {
    for (const one of writes) write(this.space, one);
    this.#index += writes.length;
    this.view.publish(this.#state());
  }

  checkpoint(): void {
    const changes: Change[] = [];
    const { end, revision } = this.space.view;
    this.writer.reader.forEach(this.#checkpointed, end, (change) => {
      changes.push(copyChange(change));
    });
    this.base.append(changes);
    this.#checkpointed = end;
    this.#letGo(end, revision);
  }

  /** The base is another member's now; a new key space goes on over the same delta. */
  restore(changes: readonly Change[], revision: number, compactRevision: number): void {
    const known = this.#baseRevision();
    this.base.append(changes.filter(({ main }) => main > known));
    if (compactRevision > 0) this.base.compact(compactRevision);
    this.space = this.#makeSpace(revision, compactRevision);
    this.#checkpointed = this.writer.end;
    this.#index += changes.length;
    assert.ok(this.view.restored(this.#state()));
    this.#letGo(this.writer.end, revision);
  }

  /** Keys and values at a revision. */
  at(revision: number): string[] {
    return KEYS.flatMap((key) => {
      const found = this.view.get(bytes(key), revision);
      return found ? [`${key}@${found.modRevision}`] : [];
    });
  }

  history(from: number): string[] {
    const lines: string[] = [];
    this.view.changes(from, ({ main, key, tombstone }) => {
      lines.push(`${main} ${text(key)} ${tombstone}`);
    });
    return lines;
  }

  #letGo(position: Member["writer"]["end"], revision: number): void {
    for (const view of [this.space.view, this.view]) {
      assert.ok(view.checkpointed({ checkpointId: 1, position, revision }));
    }
    this.delta.dropBefore(position);
    this.writer.release(position);
  }

  #baseRevision(): number {
    this.base.refresh();
    return this.base.revision;
  }

  #makeSpace(revision: number, compactRevision: number): KeySpace {
    const { base, writer } = this;
    return new KeySpace({ base, writer, revision, compactRevision, appliedIndex: 0 });
  }

  #state() {
    const { revision, compactRevision, end } = this.space.view;
    return { appliedIndex: this.#index, revision, compactRevision, end };
  }
}

describe("ReadView.restored()", () => {
  it("reads as a member that applied everything, then and after further changes", () => {
    const input = fc.record({
      stored: anyWrites,
      known: anyWrites,
      missed: anyWrites,
      later: anyWrites,
      compactAt: fc.nat(36),
    });
    fc.assert(
      fc.property(input, ({ stored, known, missed, later, compactAt }) => {
        const [whole, behind] = [new Member(), new Member()];
        for (const one of [whole, behind]) {
          one.apply(stored);
          one.checkpoint();
          one.apply(known);
        }
        whole.apply(missed);
        const changes: Change[] = [];
        whole.view.changes(2, (change) => {
          changes.push(copyChange(change));
        });
        const { revision } = whole.view;
        const compactRevision = compactAt > revision ? -1 : compactAt;
        behind.restore(changes, revision, compactRevision);
        for (const more of [[], later]) {
          for (const one of [whole, behind]) one.apply(more);
          const newest = whole.view.revision;
          assert.equal(behind.view.revision, newest);
          for (let at = Math.max(compactRevision, 1); at <= newest; at++) {
            assert.deepEqual(behind.at(at), whole.at(at));
          }
          const from = Math.max(compactRevision + 1, 2);
          assert.deepEqual(behind.history(from), whole.history(from));
        }
        behind.checkpoint();
        assert.deepEqual(behind.at(behind.view.revision), whole.at(whole.view.revision));
        assert.equal(behind.writer.bytes, 0);
      }),
      { numRuns: runs(300), includeErrorInReport: true },
    );
  });

  it("changes nothing while its base does not show the snapshot yet", () => {
    const member = new Member();
    member.apply([{ key: "a", value: "1" }]);
    const state = { appliedIndex: 9, revision: 9, compactRevision: 5, end: member.writer.end };
    assert.equal(member.view.restored(state), false);
    assert.deepEqual([member.view.revision, member.view.compactRevision], [2, -1]);
    assert.deepEqual(member.at(2), ["a@2"]);
  });
});
