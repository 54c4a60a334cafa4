import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import type { Entry } from "../../src/raft-worker/core/entry.js";
import { type LogState, RaftLog } from "../../src/raft-worker/core/log.js";
import { InvariantError } from "../../src/shared/assert.js";

const RUNS = Math.ceil(1500 * Number(process.env.CAPSTAN_TEST_SCALE ?? 1));
const EVERYTHING = { entriesMax: Number.MAX_SAFE_INTEGER, bytesMax: Number.MAX_SAFE_INTEGER };

const NO_LIMITS = { upTo: Number.MAX_SAFE_INTEGER, pinnedIndex: undefined, pinnedBytesMax: 0 };

/** Entries from index `first` on, one per term given. */
function entriesOf(first: number, terms: readonly number[]): Entry[] {
  return terms.map((term, position) => ({
    index: first + position,
    term,
    payload: Buffer.from(`${first + position}/${term}`),
  }));
}

function stateOf(commitIndex = 0, appliedIndex = 0): LogState {
  const isConfChange = (payload: Uint8Array): boolean => Buffer.from(payload).includes("conf");
  return { commitIndex, appliedIndex, configuredIndex: appliedIndex, isConfChange };
}

function logOf(terms: readonly number[], commitIndex = 0, appliedIndex = 0): RaftLog {
  const contents = { base: { index: 0, term: 0 }, entries: entriesOf(1, terms) };
  return new RaftLog(contents, stateOf(commitIndex, appliedIndex));
}

function termsOf(log: RaftLog): (number | undefined)[] {
  const terms: (number | undefined)[] = [];
  for (let index = log.firstIndex; index <= log.lastIndex; index += 1) {
    terms.push(log.termAt(index));
  }
  return terms;
}

describe("RaftLog", () => {
  const merges = [
    { name: "appends what follows", have: [1, 1], first: 3, terms: [2], want: [1, 1, 2] },
    { name: "keeps what it has", have: [1, 1, 2], first: 2, terms: [1, 2], want: [1, 1, 2] },
    { name: "keeps more than it is sent", have: [1, 1, 1], first: 2, terms: [1], want: [1, 1, 1] },
    { name: "replaces what conflicts", have: [1, 1, 1], first: 2, terms: [1, 2], want: [1, 1, 2] },
    { name: "cuts off what follows", have: [1, 1, 1, 1], first: 2, terms: [3], want: [1, 3] },
    { name: "takes nothing", have: [1, 1], first: 3, terms: [], want: [1, 1] },
  ];
  for (const { name, have, first, terms, want } of merges) {
    test(`merge() ${name}`, () => {
      const log = logOf(have);
      log.merge(entriesOf(first, terms));
      assert.deepEqual(termsOf(log), want);
    });
  }

  test("merge() breaks an invariant when it would cut off what is committed", () => {
    const log = logOf([1, 1, 1], 2);
    assert.throws(() => log.merge(entriesOf(2, [2])), InvariantError);
  });

  test("append() breaks an invariant when there is a gap, or the term falls", () => {
    assert.throws(() => logOf([1, 1]).append(entriesOf(4, [1])), InvariantError);
    assert.throws(() => logOf([1, 3]).append(entriesOf(3, [2])), InvariantError);
  });

  test("isUpToDate() compares the last term first, then the length", () => {
    const log = logOf([1, 2, 2]);
    assert.equal(log.isUpToDate({ index: 3, term: 2 }), true);
    assert.equal(log.isUpToDate({ index: 2, term: 2 }), false);
    assert.equal(log.isUpToDate({ index: 9, term: 1 }), false);
    assert.equal(log.isUpToDate({ index: 1, term: 3 }), true);
  });

  test("lastAtOrBelowTerm() finds the highest place where logs may meet", () => {
    const log = logOf([1, 1, 3, 3, 5]);
    assert.deepEqual(log.lastAtOrBelowTerm(5, 4), { index: 4, term: 3 });
    assert.deepEqual(log.lastAtOrBelowTerm(3, 2), { index: 2, term: 1 });
    assert.deepEqual(log.lastAtOrBelowTerm(9, 9), { index: 5, term: 5 });
    assert.deepEqual(log.lastAtOrBelowTerm(5, 0), { index: 0, term: 0 });
  });

  test("entriesFrom() gives one entry at least, and no more bytes than asked for", () => {
    const log = logOf([1, 1, 1, 1]);
    assert.deepEqual(log.entriesFrom(2, 0), entriesOf(2, [1]));
    assert.deepEqual(log.entriesFrom(2, 6), entriesOf(2, [1, 1]));
    assert.deepEqual(log.entriesFrom(5, 6), []);
  });

  test("release() keeps what is not applied, and of the rest what it is told to", () => {
    const lone = logOf([1, 1, 1, 1], 3, 3);
    lone.release({ entriesMax: 0, bytesMax: 0 }, NO_LIMITS);
    assert.deepEqual(termsOf(lone), [1]);
    assert.equal(lone.firstIndex, 4);
    assert.equal(lone.termAt(3), 1);
    assert.equal(lone.termAt(2), undefined);
    const grouped = logOf([1, 1, 1, 1], 4, 4);
    grouped.release({ entriesMax: 2, bytesMax: 1000 }, NO_LIMITS);
    assert.equal(grouped.firstIndex, 3);
    const kept = logOf([1, 1, 1, 1], 4, 4);
    kept.release(EVERYTHING, NO_LIMITS);
    assert.equal(kept.firstIndex, 1);
  });

  test("unappliedBytes counts what the state machine was not handed", () => {
    const log = logOf([1, 1, 1], 3, 1);
    assert.equal(log.unappliedBytes, 6);
    log.append(entriesOf(4, [1]));
    log.applyTo(3);
    assert.equal(log.unappliedBytes, 3);
    log.merge(entriesOf(4, [2]));
    assert.equal(log.unappliedBytes, 3);
  });

  test("persistedIndex never vouches for an entry that the disk does not hold", () => {
    const action = fc.oneof(
      fc.record({ kind: fc.constant("merge" as const), at: fc.nat(), terms: fc.nat({ max: 3 }) }),
      fc.record({ kind: fc.constant("write" as const), at: fc.nat(), terms: fc.nat() }),
      fc.record({ kind: fc.constant("finish" as const), at: fc.nat(), terms: fc.nat() }),
    );
    fc.assert(
      fc.property(fc.array(action, { maxLength: 60 }), (actions) => {
        const log = logOf([]);
        const disk: Entry[] = [];
        const writes: { sequence: number; entries: readonly Entry[] }[] = [];
        let sequence = 0;
        let term = 1;
        for (const { kind, at, terms } of actions) {
          if (kind === "merge") {
            term += 1;
            const first = 1 + (at % (log.lastIndex + 1));
            log.merge(entriesOf(first, new Array(terms).fill(term)));
          } else if (kind === "write") {
            sequence += 1;
            writes.push({ sequence, entries: log.takeUnpersisted() });
            log.writeStarted(sequence);
          } else if (writes.length > 0) {
            const finished = writes.splice(0, 1 + (at % writes.length));
            for (const { entries } of finished) {
              disk.length = Math.min(disk.length, (entries[0]?.index ?? disk.length + 1) - 1);
              disk.push(...entries);
            }
            log.writesFinished(finished.at(-1)?.sequence ?? 0);
          }
          for (let index = 1; index <= log.persistedIndex; index += 1) {
            assert.equal(disk[index - 1]?.term, log.termAt(index), `entry ${index}`);
          }
        }
        sequence += 1;
        const rest = log.takeUnpersisted();
        log.writeStarted(sequence);
        log.writesFinished(sequence);
        assert.equal(log.persistedIndex, log.lastIndex);
        assert.equal((rest[0]?.index ?? log.lastIndex + 1) + rest.length - 1, log.lastIndex);
      }),
      { numRuns: RUNS },
    );
  });
});
