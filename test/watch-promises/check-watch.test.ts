import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Change, History } from "../support/linearizability/history.js";
import { Random } from "../support/random.js";
import { checkWatch, type WatchFacts } from "../support/watch-promises/check-watch.js";
import type {
  WatchEntry,
  WatchedEvent,
  WatchPromise,
  WatchRecord,
} from "../support/watch-promises/watch-record.js";

function put(key: string, createRevision: number, modRevision: number, version: number): Change {
  return { kind: "put", key, value: `${key}${modRevision}`, createRevision, modRevision, version };
}

function remove(key: string, modRevision: number): Change {
  return { kind: "delete", key, modRevision };
}

/** Revisions 2 to 7; the one of 4 is a transaction. */
const HISTORY = new History(
  [
    [put("a", 2, 2, 1)],
    [put("b", 3, 3, 1)],
    [put("a", 2, 4, 2), put("b", 3, 4, 2)],
    [remove("a", 5)],
    [put("c", 6, 6, 1)],
    [put("a", 7, 7, 1)],
  ].map((changes, index) => ({ revision: index + 2, changes })),
);

const CREATED: WatchEntry = { kind: "created", revision: 1 };

function told(change: Change, prevKv = false): WatchedEvent {
  const previous = prevKv ? HISTORY.stateAt(change.key, change.modRevision - 1) : undefined;
  return { change, previous };
}

/** One response with everything of some revisions. */
function events(...revisions: number[]): WatchEntry {
  const all = revisions.flatMap((revision) => HISTORY.at(revision).map((one) => told(one)));
  return { kind: "events", revision: 7, events: all };
}

function watch(entries: readonly WatchEntry[], over: Partial<WatchRecord> = {}): WatchRecord {
  return {
    ...{ name: "w", key: "\0", rangeEnd: "\0", startRevision: 2, prevKv: false, filters: [] },
    entries,
    ...over,
  };
}

function broken(record: WatchRecord, facts?: WatchFacts): WatchPromise[] {
  return [...new Set(checkWatch(record, HISTORY, facts).map(({ promise }) => promise))];
}

describe("checkWatch()", () => {
  test("finds nothing wrong with a right watch", () => {
    const whole = [CREATED, events(2, 3), events(4), { kind: "progress", revision: 4 } as const];
    assert.deepEqual(broken(watch([...whole, events(5, 6, 7)]), { until: 7 }), []);
    assert.deepEqual(broken(watch([...whole, events(5)])), [], "the end may still be under way");
    const late = [{ kind: "created", revision: 4 } as const, events(5, 6, 7)];
    assert.deepEqual(broken(watch(late, { startRevision: 0 }), { until: 7 }), []);
    assert.deepEqual(
      broken(watch([CREATED, events(6, 7)], { startRevision: 6 }), { until: 7 }),
      [],
    );
  });

  test("ordered: no older revision after a newer one", () => {
    assert.ok(broken(watch([CREATED, events(2), events(4), events(3)])).includes("ordered"));
    assert.ok(broken(watch([CREATED, events(2, 4, 3)])).includes("ordered"));
  });

  test("unique: no event twice", () => {
    assert.ok(broken(watch([CREATED, events(2, 3), events(3)])).includes("unique"));
  });

  test("reliable: no gap, and everything in the end", () => {
    assert.deepEqual(broken(watch([CREATED, events(2), events(4)])), ["reliable"]);
    assert.deepEqual(broken(watch([CREATED, events(2, 3, 4)]), { until: 6 }), ["reliable"]);
  });

  test("atomic: a revision comes whole, in one response", () => {
    const [first, second] = HISTORY.at(4).map((change) => told(change));
    const half = (event: WatchedEvent, isFragment: boolean): WatchEntry => ({
      ...{ kind: "events", revision: 7, events: [event], isFragment },
    });
    const split = [CREATED, events(2, 3), half(first!, false), half(second!, false)];
    assert.deepEqual(broken(watch(split)), ["atomic"]);
    assert.deepEqual(broken(watch([CREATED, events(2, 3), half(first!, false)])), ["atomic"]);
    const fragments = [CREATED, events(2, 3), half(first!, true), half(second!, false), events(5)];
    assert.deepEqual(broken(watch(fragments)), []);
    const open = [CREATED, events(2, 3), half(first!, true), events(5)];
    assert.deepEqual(broken(watch(open)), ["reliable"]);
  });

  test("resumable: it starts where it was asked to, or says that this is compacted", () => {
    assert.deepEqual(broken(watch([CREATED, events(4)], { startRevision: 3 })), ["resumable"]);
    const canceled: WatchEntry = { kind: "canceled", compactRevision: 5 };
    const record = watch([CREATED, canceled], { startRevision: 3 });
    assert.deepEqual(broken(record, { compactedRevision: 5, until: 7 }), []);
    assert.deepEqual(broken(record, { compactedRevision: 4 }), ["resumable"]);
    const needless = watch([CREATED, events(5), canceled], { startRevision: 5 });
    assert.deepEqual(broken(needless, { compactedRevision: 5 }), ["resumable"]);
  });

  test("bookmarkable: all up to a progress revision has come, and nothing of it comes later", () => {
    const progress = (revision: number): WatchEntry => ({ kind: "progress", revision });
    assert.deepEqual(broken(watch([CREATED, events(2), progress(3)])), ["bookmarkable"]);
    const after = [CREATED, events(2), progress(4), events(3, 4)];
    assert.ok(broken(watch(after)).includes("bookmarkable"));
    const back = [CREATED, events(2, 3), progress(3), progress(2)];
    assert.deepEqual(broken(watch(back)), ["bookmarkable"]);
    const elsewhere = watch([CREATED, progress(7)], { key: "z", rangeEnd: "zz" });
    assert.deepEqual(broken(elsewhere), [], "what it did not ask for need not come");
  });

  test("prev_kv: the state before, when asked for, unless compacted", () => {
    const only = { key: "a", startRevision: 4, prevKv: true } as const;
    const [change] = HISTORY.at(4);
    const entry = (event: WatchedEvent): WatchRecord => {
      const { rangeEnd: _, ...record } = watch(
        [CREATED, { kind: "events", revision: 7, events: [event] }],
        only,
      );
      return record;
    };
    assert.deepEqual(broken(entry(told(change!, true))), []);
    assert.deepEqual(broken(entry(told(change!))), ["prev_kv"]);
    assert.deepEqual(broken(entry(told(change!)), { compactedRevision: 3 }), []);
    const other = { change: change!, previous: HISTORY.stateAt("b", 3) };
    assert.deepEqual(broken(entry(other), { compactedRevision: 3 }), ["prev_kv"]);
    assert.deepEqual(broken({ ...entry(told(change!, true)), prevKv: false }), ["prev_kv"]);
  });

  test("filters: nothing that was not asked for, by kind or by key", () => {
    assert.deepEqual(broken(watch([CREATED, events(2, 3)], { key: "b" })), ["filters"]);
    const noDelete = { filters: ["delete"] } as const;
    assert.deepEqual(broken(watch([CREATED, events(2, 3, 4, 6)], noDelete), { until: 6 }), []);
    assert.deepEqual(broken(watch([CREATED, events(2, 3, 4, 5)], noDelete)), ["filters"]);
  });

  test("initial revision: from the creation on, nothing before it and nothing left out", () => {
    const at4: WatchEntry = { kind: "created", revision: 4 };
    const now = { startRevision: 0 };
    assert.deepEqual(broken(watch([at4, events(4)], now)), ["initial revision"]);
    assert.deepEqual(broken(watch([at4, events(6)], now)), ["initial revision"]);
    const called = { startRevision: 0, calledAt: 2 };
    assert.deepEqual(broken(watch([at4, events(3, 4, 5)], called)), []);
    assert.deepEqual(broken(watch([at4, events(2, 3, 4)], called)), ["initial revision"]);
    assert.deepEqual(broken(watch([at4, events(3, 5)], called)), ["reliable"]);
    assert.deepEqual(broken(watch([CREATED, events(2)], { startRevision: 3 })), [
      "initial revision",
    ]);
    assert.deepEqual(broken(watch([events(2), CREATED])).slice(0, 1), ["initial revision"]);
  });

  test("true: what it tells happened, and so, and not after its header", () => {
    const entry = (change: Change, revision = 7): WatchEntry => ({
      ...{ kind: "events", revision, events: [told(change)] },
    });
    assert.ok(broken(watch([CREATED, entry(put("a", 2, 2, 2))])).includes("true"));
    assert.ok(broken(watch([CREATED, entry(remove("a", 2))])).includes("true"));
    assert.ok(broken(watch([CREATED, entry(put("x", 2, 2, 1))])).includes("true"));
    assert.deepEqual(broken(watch([CREATED, entry(put("a", 2, 2, 1), 1)])), ["true"]);
  });

  test("random watches: right ones pass, one event left out, doubled or moved does not", () => {
    const random = new Random(31);
    for (let run = 0; run < 500; run += 1) {
      const record = randomWatch(random);
      assert.deepEqual(checkWatch(record, HISTORY, { until: 7 }), [], JSON.stringify(record));
      const entry = random.pick(record.entries);
      const at = record.entries.indexOf(entry);
      if (entry.kind !== "events") continue;
      const others = record.entries.toSpliced(at, 1);
      const spoiled = random.pick([others, record.entries.toSpliced(at, 0, entry)]);
      const violations = checkWatch({ ...record, entries: spoiled }, HISTORY, { until: 7 });
      assert.notDeepEqual(violations, [], JSON.stringify(spoiled));
    }
  });
});

function randomWatch(random: Random): WatchRecord {
  const createdAt = random.integer(1, 7);
  const startRevision = random.pick([0, random.integer(2, 7)]);
  const filters = random.pick<Change["kind"][]>([[], ["put"], ["delete"]]);
  const key = random.pick(["a", "b", "c"]);
  const prevKv = random.chance(0.5);
  const record = watch([], { startRevision, filters, key, prevKv });
  const entries: WatchEntry[] = [{ kind: "created", revision: createdAt }];
  let gathered: WatchedEvent[] = [];
  for (let revision = startRevision || createdAt + 1; revision <= 7; revision += 1) {
    for (const change of HISTORY.at(revision)) {
      if (change.key >= key && !filters.includes(change.kind)) gathered.push(told(change, prevKv));
    }
    if (gathered.length > 0 && (revision === 7 || random.chance(0.6))) {
      entries.push({ kind: "events", revision: random.integer(revision, 7), events: gathered });
      gathered = [];
    }
    if (gathered.length === 0 && random.chance(0.3)) entries.push({ kind: "progress", revision });
  }
  return { ...record, entries };
}
