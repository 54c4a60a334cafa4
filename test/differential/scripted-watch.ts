import {
  askProgress,
  burst,
  cancelWatch,
  compact,
  del,
  emptyWatchRequest,
  events,
  gives,
  grant,
  halfClose,
  opDel,
  opPut,
  put,
  receive,
  revoke,
  type Script,
  txn,
  watch,
} from "./scripted-steps.js";

const ALL = { end: "\0" } as const;
const NO_PUT = 0;
const NO_DELETE = 1;

/** One response that holds this part. */
const one = (part: unknown): unknown => ({ responses: [part] });

const created = (id: number): unknown =>
  one({ watchId: `${id}`, created: true, canceled: false, events: [] });

const cancelled = (id: number): unknown =>
  one({ watchId: `${id}`, created: false, canceled: true, cancelReason: "" });

const refused = (reason: string): unknown =>
  one({ watchId: "-1", created: true, canceled: true, cancelReason: reason, compactRevision: "0" });

const eventKeys = (...keys: readonly string[]): unknown => ({
  events: keys.map((key) => ({ kv: { key } })),
});

const headerIs = (revision: number): unknown => ({ revision: `${revision}`, identified: true });

/** Semantics section 8.1: creating and cancelling watchers. */
export const WATCH_CREATE_SCRIPTS: readonly Script[] = [
  {
    name: "W-01 W-02 W-04: answers in order; ids 0, 1, 2; the header is the current revision",
    steps: (base) => [
      watch("s", "a"),
      watch("s", "b"),
      watch("s", "c"),
      gives(receive("s", 3), {
        responses: [0, 1, 2].map((id) => ({
          ...{ watchId: `${id}`, created: true, header: headerIs(base) },
        })),
      }),
      cancelWatch("s", 1),
      gives(receive("s"), cancelled(1)),
      watch("s", "d"),
      gives(receive("s"), created(3)),
    ],
  },
  {
    name: "W-04 W-05 W-06: ids of the client's own, in use, free again, skipped by the server",
    steps: () => [
      watch("s", "a", { id: 1 }),
      watch("s", "b", { id: -5 }),
      receive("s", 2),
      watch("s", "c"),
      watch("s", "d"),
      gives(receive("s", 2), { responses: [{ watchId: "0" }, { watchId: "2" }] }),
      watch("s", "e", { id: 1 }),
      gives(receive("s"), refused("mvcc: duplicate watch ID provided on the WatchStream")),
      put("a", "still there"),
      gives(receive("s"), one({ watchId: "1", events: [{}] })),
      cancelWatch("s", 1),
      gives(receive("s"), cancelled(1)),
      watch("s", "e", { id: 1 }),
      gives(receive("s"), created(1)),
    ],
  },
  {
    name: "W-07: an empty key is the first key; with an open end it is everything",
    steps: () => [
      watch("all", "", ALL),
      gives(receive("all"), created(0)),
      watch("first", ""),
      gives(receive("first"), created(0)),
      put("x", "1"),
      put("\0", "2"),
      gives(receive("all", 2), { responses: [eventKeys("x"), eventKeys("\0")] }),
      gives(receive("first"), one(eventKeys("\0"))),
    ],
  },
  {
    name: "W-08 W-09 W-10: an empty range and a negative start are refused, the stream goes on",
    steps: () => [
      watch("s", "b", { end: "a" }),
      gives(receive("s"), refused("mvcc: watcher range is empty")),
      watch("s", "b", { end: "b" }),
      gives(receive("s"), refused("mvcc: watcher range is empty")),
      watch("s", "a", { start: -1 }),
      gives(receive("s"), refused("etcdserver: mvcc: required revision has been compacted")),
      watch("s", "a"),
      receive("s"),
      put("a", "1"),
      gives(receive("s"), one({ events: [{ kv: { key: "a" } }] })),
    ],
  },
  {
    name: "W-12 W-13 W-14: cancel is answered once; unknown ids and empty requests not at all",
    steps: (base) => [
      watch("s", "a"),
      receive("s"),
      cancelWatch("s", 77),
      emptyWatchRequest("s"),
      cancelWatch("s", 0),
      gives(receive("s"), cancelled(0)),
      cancelWatch("s", 0),
      put("a", "unseen"),
      watch("s", "a"),
      gives(receive("s"), one({ created: true, header: headerIs(base + 1) })),
    ],
  },
  {
    name: "W-15: events keep coming after the client's half-close",
    steps: () => [
      watch("s", "a"),
      receive("s"),
      halfClose("s"),
      put("a", "1"),
      gives(receive("s"), one(eventKeys("a"))),
    ],
  },
];

/** Semantics section 8.2: which events. */
export const WATCH_EVENT_SCRIPTS: readonly Script[] = [
  {
    name: "W-20 W-40: live events from the next revision on, one response for each",
    steps: (base) => [
      put("a", "before"),
      watch("s", "a"),
      receive("s"),
      put("a", "1"),
      put("b", "other"),
      put("a", "2"),
      gives(receive("s", 2), {
        responses: [{ header: headerIs(base + 2) }, { header: headerIs(base + 4) }],
      }),
    ],
  },
  {
    name: "W-21 W-29: history from a revision on, then live, without gap or double",
    steps: (base) => [
      ...["a", "b", "a", "a"].map((key, index) => put(key, `${index}`)),
      watch("s", "a", { end: "c", start: base + 2 }),
      gives(receive("s"), created(0)),
      gives(events("s", 3), {
        events: [base + 2, base + 3, base + 4].map((revision) => ({
          kv: { modRevision: `${revision}` },
        })),
      }),
      del("a", { end: "c" }),
      gives(events("s", 2), { events: [{ kv: { key: "a" } }, { kv: { key: "b" } }] }),
      watch("now", "a", { start: base + 5 }),
      gives(receive("now"), created(0)),
      gives(events("now", 1), { events: [{ kv: { modRevision: `${base + 5}` } }] }),
    ],
  },
  {
    name: "W-22: a start in the future waits for it",
    steps: (base) => [
      watch("s", "a", { start: base + 3 }),
      receive("s"),
      put("a", "1"),
      put("a", "2"),
      put("a", "3"),
      gives(events("s", 1), { events: [{ kv: { value: "3" } }] }),
    ],
  },
  {
    name: "W-23 W-30: a start at the compacted revision works, below it is cancelled, once",
    store: "compacted",
    steps: (base) => [
      ...["1", "2", "3", "4"].map((value) => put("a", value)),
      compact(base + 3, true),
      watch("s", "a", { start: base + 2 }),
      gives(receive("s", 2), {
        responses: [
          { created: true, canceled: false, header: headerIs(base + 4) },
          {
            ...{ created: false, canceled: true, compactRevision: `${base + 3}`, cancelReason: "" },
            header: { revision: "0" },
          },
        ],
      }),
      // Its id stays taken, and a cancel of it is still acknowledged.
      watch("s", "a", { id: 7, start: base + 1 }),
      receive("s", 2),
      watch("s", "a", { id: 7 }),
      gives(receive("s"), refused("mvcc: duplicate watch ID provided on the WatchStream")),
      cancelWatch("s", 7),
      gives(receive("s"), cancelled(7)),
      watch("at", "a", { start: base + 3 }),
      receive("at"),
      gives(events("at", 2), { events: [{ kv: { value: "3" } }, { kv: { value: "4" } }] }),
    ],
  },
  {
    name: "W-24 W-25 W-26: what put and delete events hold; revoke deletes look the same",
    steps: (base) => [
      grant(95n, 600n),
      watch("s", "a", ALL),
      receive("s"),
      put("a", "1", { lease: 95n }),
      put("a", "2", { lease: 95n }),
      gives(receive("s", 2), {
        responses: [
          { events: [{ type: 0, kv: { version: "1", lease: "95" } }] },
          { events: [{ type: 0, kv: { version: "2", createRevision: `${base + 1}` } }] },
        ],
      }),
      put("b", "3", { lease: 95n }),
      revoke(95n),
      gives(receive("s", 2), {
        responses: [
          {},
          {
            events: [
              {
                type: 1,
                kv: { key: "a", value: "", version: "0", createRevision: "0", lease: "0" },
              },
              { type: 1, kv: { key: "b", modRevision: `${base + 4}` } },
            ],
          },
        ],
      }),
      put("a", "4"),
      txn({ success: [opDel("a")] }),
      receive("s", 2),
    ],
  },
  {
    name: "W-27: filters drop puts, deletes, both; unknown numbers do nothing",
    steps: () => [
      watch("puts", "a", { filters: [NO_DELETE] }),
      watch("deletes", "a", { filters: [NO_PUT, 17] }),
      watch("none", "a", { filters: [NO_PUT, NO_DELETE] }),
      ...["puts", "deletes", "none"].map((stream) => receive(stream)),
      put("a", "1"),
      del("a"),
      put("a", "2"),
      gives(receive("puts", 2), { responses: [eventKeys("a"), eventKeys("a")] }),
      gives(receive("deletes"), one({ events: [{ type: 1 }] })),
      cancelWatch("none", 0),
      gives(receive("none"), cancelled(0)),
    ],
  },
  {
    name: "W-28: prev_kv of every event that is no create, live and from history",
    steps: (base) => [
      watch("live", "a", { ...ALL, prevKv: true }),
      receive("live"),
      put("a", "1"),
      put("a", "2"),
      del("a"),
      put("a", "3"),
      txn({ success: [opDel("a", ALL), opPut("a", "4")] }),
      gives(receive("live", 5), {
        responses: [
          eventKeys("a"),
          { events: [{ prevKv: { value: "1" } }] },
          { events: [{ type: 1, prevKv: { value: "2", modRevision: `${base + 2}` } }] },
          eventKeys("a"),
          eventKeys("a", "a"),
        ],
      }),
      watch("history", "a", { ...ALL, prevKv: true, start: base + 1 }),
      receive("history"),
      events("history", 6),
    ],
  },
  {
    name: "W-28: prev_kv is absent where it was compacted away",
    store: "compacted",
    steps: (base) => [
      ...["1", "2", "3"].map((value) => put("a", value)),
      compact(base + 2, true),
      watch("s", "a", { prevKv: true, start: base + 2 }),
      receive("s"),
      events("s", 2),
    ],
  },
];

/** Semantics sections 8.3 and 8.4: grouping and progress. */
export const WATCH_GROUP_SCRIPTS: readonly Script[] = [
  {
    name: "W-40 W-42 W-46: watchers of one stream each get each revision once, whole",
    steps: () => [
      watch("s", "a", ALL),
      watch("s", "b", ALL),
      receive("s", 2),
      txn({ success: [opPut("a"), opPut("b"), opPut("c")] }),
      gives(events("s", 5), {
        events: ["a", "b", "c", "b", "c"].map((key) => ({ kv: { key } })),
      }),
    ],
  },
  {
    name: "W-41: a long history comes complete and in order",
    steps: (base) => [
      burst("a", "v", 1200),
      watch("s", "a", { start: base + 1 }),
      receive("s"),
      events("s", 1200),
      put("a", "live"),
      gives(events("s", 1), { events: [{ kv: { version: "1201" } }] }),
    ],
  },
  {
    name: "W-45: a large response is split for who asked for fragments, and for no one else",
    steps: () => {
      const large = (fill: string): string => fill.repeat(600_000);
      const both = (fill: string) =>
        txn({ success: [opPut("a", large(fill)), opPut("b", large(fill))] });
      return [
        both("x"),
        watch("split", "a", { ...ALL, prevKv: true, fragment: true }),
        watch("whole", "a", { ...ALL, prevKv: true }),
        receive("split"),
        receive("whole"),
        both("y"),
        gives(receive("split", 2), {
          responses: [
            { fragment: true, ...(eventKeys("a") as object) },
            { fragment: false, ...(eventKeys("b") as object) },
          ],
        }),
        gives(receive("whole"), one({ fragment: false, ...(eventKeys("a", "b") as object) })),
      ];
    },
  },
  {
    name: "W-52 W-56: progress is told when every watcher is synced",
    steps: (base) => [
      watch("s", "a"),
      watch("s", "b"),
      receive("s", 2),
      put("c", "1"),
      askProgress("s"),
      gives(
        receive("s"),
        one({
          ...{ watchId: "-1", created: false, canceled: false, events: [] },
          header: headerIs(base + 1),
        }),
      ),
    ],
  },
  {
    name: "W-53: progress is not told while a start lies ahead, nor on a stream without watchers",
    steps: (base) => [
      askProgress("s"),
      watch("s", "a", { start: base + 5 }),
      gives(receive("s"), created(0)),
      askProgress("s"),
      cancelWatch("s", 0),
      gives(receive("s"), cancelled(0)),
      askProgress("s"),
      watch("s", "a"),
      gives(receive("s"), created(1)),
      askProgress("s"),
      gives(receive("s"), one({ watchId: "-1" })),
    ],
  },
  {
    name: "W-53: progress is not told while a compacted watcher holds its id",
    store: "compacted",
    steps: (base) => [
      ...["1", "2", "3"].map((value) => put("a", value)),
      compact(base + 3, true),
      watch("s", "a", { start: base + 1 }),
      receive("s", 2),
      askProgress("s"),
      watch("s", "b"),
      gives(receive("s"), created(1)),
      askProgress("s"),
      cancelWatch("s", 0),
      gives(receive("s"), cancelled(0)),
      askProgress("s"),
      gives(receive("s"), one({ watchId: "-1" })),
    ],
  },
  {
    name: "W-50 W-51: periodic progress to the watchers that asked, by their ids",
    store: "own",
    flags: ["--experimental-watch-progress-notify-interval", "300ms"],
    steps: () => [
      put("a", "1"),
      watch("s", "other"),
      watch("s", "a", { progressNotify: true }),
      receive("s", 2),
      gives(receive("s", 2), {
        responses: [
          { watchId: "1", events: [], header: headerIs(2) },
          { watchId: "1", events: [], header: headerIs(2) },
        ],
      }),
    ],
  },
];
