import {
  compact,
  DEFRAGMENT,
  del,
  fails,
  gives,
  grant,
  HASH,
  hashKv,
  keepAlives,
  LEASES,
  memberList,
  opDel,
  opPut,
  opRange,
  opTxn,
  put,
  range,
  revoke,
  type Script,
  STATUS,
  timeToLive,
  txn,
} from "./scripted-steps.js";

const EMPTY_KEY = "etcdserver: key is not provided";
const COMPACTED = "etcdserver: mvcc: required revision has been compacted";
const FUTURE = "etcdserver: mvcc: required revision is a future revision";
const NO_LEASE = "etcdserver: requested lease not found";
const KEY_NOT_FOUND = "etcdserver: key not found";
const ALL = { end: "\0" } as const;

const revisionIs = (revision: number): unknown => ({ header: { revision: String(revision) } });

/** An identified header with this revision. */
const header = (revision: number): unknown => ({
  header: { revision: String(revision), identified: true },
});

const keysAre = (...keys: readonly string[]): unknown => ({ kvs: keys.map((key) => ({ key })) });

/** Semantics section 1: the data model and revisions. */
export const MODEL_SCRIPTS: readonly Script[] = [
  {
    name: "M-01: a fresh store has revision 1, the first write gets 2",
    store: "own",
    steps: () => [
      gives(range("a"), revisionIs(1)),
      gives(put("a", "1"), revisionIs(2)),
      gives(range("a"), { kvs: [{ createRevision: "2", modRevision: "2", version: "1" }] }),
    ],
  },
  {
    name: "M-02 M-03 M-04: what grows the revision, by one, and what does not",
    steps: (base) => [
      gives(put("a", "1"), revisionIs(base + 1)),
      gives(del("none"), { ...(revisionIs(base + 1) as object), deleted: "0" }),
      gives(txn({ success: [opPut("b"), opPut("c"), opDel("a")] }), revisionIs(base + 2)),
      gives(txn({ success: [opDel("none"), opRange("b")] }), revisionIs(base + 2)),
      gives(grant(71n, 600n), revisionIs(base + 2)),
      gives(keepAlives(71n), { responses: [revisionIs(base + 2)] }),
      gives(revoke(71n), revisionIs(base + 2)),
      grant(72n, 600n),
      put("l1", "", { lease: 72n }),
      gives(put("l2", "", { lease: 72n }), revisionIs(base + 4)),
      gives(revoke(72n), revisionIs(base + 5)),
      DEFRAGMENT,
      gives(range("b"), revisionIs(base + 5)),
    ],
  },
  {
    name: "M-05 M-06: create_revision, mod_revision and version over two lives of a key",
    steps: (base) => [
      put("a", "1"),
      put("a", "2"),
      gives(range("a"), {
        kvs: [{ createRevision: `${base + 1}`, modRevision: `${base + 2}`, version: "2" }],
      }),
      del("a"),
      put("a", "3"),
      gives(range("a"), {
        kvs: [{ createRevision: `${base + 4}`, modRevision: `${base + 4}`, version: "1" }],
      }),
    ],
  },
  {
    name: "M-07 T-06j: delete from a key on, then put it again, in one revision",
    steps: (base) => [
      put("a", "old"),
      txn({ success: [opDel("a", ALL), opPut("a", "new"), opRange("a")] }),
      gives(range("a"), {
        kvs: [{ createRevision: `${base + 2}`, modRevision: `${base + 2}`, version: "1" }],
      }),
      range("a", { revision: base + 1 }),
    ],
  },
  {
    name: "M-08 M-12: keys are bytes in unsigned order; empty values are legal",
    steps: () => [
      ...["\xff", "a", "\0", "a\0", "\x7f", "\x80", "\xff\xff"].map((key) => put(key, "")),
      gives(range("\0", ALL), keysAre("\0", "a", "a\0", "\x7f", "\x80", "\xff", "\xff\xff")),
      fails(put("", "x"), EMPTY_KEY),
    ],
  },
  {
    name: "M-09 M-11: every revision stays readable, with the lease of its time",
    steps: (base) => [
      grant(73n, 600n),
      put("a", "1", { lease: 73n }),
      put("a", "2"),
      del("a"),
      gives(range("a", { revision: base + 1 }), { kvs: [{ value: "1", lease: "73" }] }),
      gives(range("a", { revision: base + 2 }), { kvs: [{ value: "2", lease: "0" }] }),
      gives(range("a", { revision: base + 3 }), { kvs: [], count: "0" }),
    ],
  },
  {
    name: "M-20 to M-25: one key, a half-open range, from a key on, everything, a prefix, nothing",
    steps: () => [
      ...["a", "a1", "b", "c"].map((key) => put(key)),
      gives(range("a"), keysAre("a")),
      gives(range("a", { end: "b" }), keysAre("a", "a1")),
      gives(range("a1", ALL), keysAre("a1", "b", "c")),
      gives(range("\0", ALL), { count: "4" }),
      gives(range("c", { end: "a" }), { kvs: [], count: "0" }),
      gives(range("b", { end: "b" }), { kvs: [], count: "0" }),
      gives(del("c", { end: "a" }), { deleted: "0" }),
    ],
  },
];

/** Semantics section 2: response headers. */
export const HEADER_SCRIPTS: readonly Script[] = [
  {
    name: "H-01 to H-06: headers of range, put, delete and txn",
    steps: (base) => [
      gives(put("a", "1"), header(base + 1)),
      put("a", "2"),
      gives(range("a", { revision: base + 1 }), header(base + 2)),
      gives(del("none"), header(base + 2)),
      gives(del("a"), header(base + 3)),
      gives(txn({ success: [opPut("a")] }), header(base + 4)),
      gives(txn({ failure: [opPut("a")] }), header(base + 4)),
      gives(txn({ success: [opRange("a")] }), header(base + 4)),
      gives(txn({ success: [opDel("none")] }), header(base + 4)),
      gives(txn({}), header(base + 4)),
    ],
  },
  {
    name: "H-07: compact's header has the store's revision, not the compacted one",
    store: "compacted",
    steps: (base) => [put("a"), put("a"), put("a"), gives(compact(base + 1), header(base + 3))],
  },
  {
    name: "H-08 to H-11: headers of the lease calls",
    steps: (base) => [
      gives(grant(74n, 600n), header(base)),
      gives(put("a", "", { lease: 74n }), header(base + 1)),
      gives(keepAlives(74n), { responses: [header(base + 1)] }),
      gives(timeToLive(74n), header(base + 1)),
      gives(LEASES, header(base + 1)),
      gives(revoke(74n), header(base + 2)),
      grant(75n, 600n),
      gives(revoke(75n), header(base + 2)),
    ],
  },
  {
    name: "H-13 H-15 H-16: maintenance gives the current revision, members none, defragment no header",
    steps: (base) => [
      put("a"),
      gives(STATUS, header(base + 1)),
      gives(HASH, header(base + 1)),
      gives(hashKv(0), header(base + 1)),
      gives(memberList(true), { header: { revision: "0", identified: true } }),
      gives(memberList(false), { header: { revision: "0", identified: true } }),
      DEFRAGMENT,
    ],
  },
  {
    name: "H-20 to H-23: headers within a txn's answer",
    steps: (base) => [
      put("a"),
      gives(
        txn({
          success: [
            opRange("a"),
            opDel("none"),
            opPut("b"),
            opRange("b"),
            opDel("none2"),
            opTxn({}),
          ],
        }),
        {
          responses: [base + 1, base + 1, base + 2, base + 2, base + 2, 0].map((revision) => ({
            response: { value: { header: { revision: `${revision}`, identified: false } } },
          })),
        },
      ),
    ],
  },
];

/** Semantics section 3: Range. */
export const RANGE_SCRIPTS: readonly Script[] = [
  {
    name: "R-01 R-03 R-04: no key, a revision of zero or less, a future one",
    steps: (base) => [
      fails(range(""), EMPTY_KEY),
      put("a", "1"),
      ...[0, -1, -7].map((revision) => gives(range("a", { revision }), { count: "1" })),
      range("a", { revision: base + 1 }),
      fails(range("a", { revision: base + 2 }), FUTURE),
      fails(range("a", { revision: base + 2, serializable: true }), FUTURE),
    ],
  },
  {
    name: "R-05: below the compacted revision no, at it yes",
    store: "compacted",
    steps: (base) => [
      put("a", "1"),
      put("a", "2"),
      put("a", "3"),
      compact(base + 2),
      fails(range("a", { revision: base + 1 }), COMPACTED),
      gives(range("a", { revision: base + 2 }), { kvs: [{ value: "2" }] }),
      fails(range("a", { revision: base + 1, serializable: true, countOnly: true }), COMPACTED),
    ],
  },
  {
    name: "R-10 R-11 R-12 R-13: order, limit, count, more",
    steps: () => [
      ...["c", "a", "b"].map((key) => put(key, key)),
      gives(range("a", { ...ALL, limit: 2 }), { more: true, count: "3" }),
      gives(range("a", { ...ALL, limit: 3 }), { more: false, count: "3" }),
      gives(range("a", { ...ALL, limit: -1 }), { more: false, count: "3" }),
      range("a", { ...ALL, limit: 4 }),
      range("a", { ...ALL, limit: 1, serializable: true }),
    ],
  },
  {
    name: "R-14 R-15 R-17: count only, keys only, a missing key",
    steps: (base) => [
      ...["a", "b", "c"].map((key) => put(key, "v")),
      gives(range("a", { ...ALL, countOnly: true }), { kvs: [], more: false, count: "3" }),
      range("a", { ...ALL, countOnly: true, limit: 1, minMod: base + 3, sortTarget: 4 }),
      gives(range("a", { ...ALL, keysOnly: true }), {
        kvs: [
          { value: "", version: "1", modRevision: `${base + 1}` },
          { value: "" },
          { value: "" },
        ],
      }),
      gives(range("none"), { kvs: [], count: "0", more: false }),
      gives(range("none", { countOnly: true }), { count: "0" }),
    ],
  },
  {
    name: "R-18 R-19: revision filters are inclusive, all hold, and come before the limit",
    steps: (base) => [
      ...["a", "b", "c", "a", "d"].map((key) => put(key, "v")),
      gives(range("a", { ...ALL, minMod: base + 4 }), keysAre("a", "d")),
      gives(range("a", { ...ALL, maxMod: base + 3 }), keysAre("b", "c")),
      gives(range("a", { ...ALL, minCreate: base + 2, maxCreate: base + 3 }), keysAre("b", "c")),
      gives(range("a", { ...ALL, minMod: base + 4, maxCreate: base + 1 }), keysAre("a")),
      gives(range("a", { ...ALL, minMod: base + 2, limit: 1 }), { more: true, count: "4" }),
      gives(range("a", { ...ALL, minMod: base + 5, limit: 1 }), { more: false, count: "4" }),
      gives(range("a", { ...ALL, maxMod: -1 }), { kvs: [], count: "4" }),
      gives(range("a", { ...ALL, minMod: -1 }), { count: "4" }),
      range("a", { ...ALL, maxCreate: -5, minCreate: -5 }),
    ],
  },
  {
    name: "R-20 R-21 R-22: what each order and target sorts, and where the limit cuts",
    steps: () => [
      // Version, create, mod and value orders all differ from that of the keys.
      ...["d", "c", "b", "a", "b", "b", "c", "a", "a", "a"].map((key, index) =>
        put(key, `${(index * 7) % 10}`),
      ),
      ...[0, 1, 2].flatMap((sortOrder) =>
        [0, 1, 2, 3, 4].flatMap((sortTarget) =>
          [0, 1, 2, 3].map((limit) => range("a", { ...ALL, sortOrder, sortTarget, limit })),
        ),
      ),
    ],
  },
  {
    name: "R-21: with no order the limit cuts in key order first, unless a filter is set",
    steps: (base) => [
      ...["c", "b", "a"].map((key) => put(key, "v")),
      gives(range("a", { ...ALL, sortTarget: 3, limit: 1 }), { kvs: [{ key: "b" }], more: true }),
      gives(range("a", { ...ALL, sortTarget: 3, limit: 1, sortOrder: 1 }), keysAre("c")),
      gives(range("a", { ...ALL, sortTarget: 3, limit: 1, minMod: base }), keysAre("c")),
    ],
  },
  {
    name: "R-24: sorted by value, keys only: sorted by the true values",
    steps: () => [
      put("a", "3"),
      put("b", "1"),
      put("c", "2"),
      gives(range("a", { ...ALL, sortTarget: 4, sortOrder: 1, keysOnly: true }), {
        kvs: [{ key: "b", value: "" }, { key: "c" }, { key: "a" }],
      }),
      range("a", { ...ALL, sortTarget: 4, sortOrder: 2, keysOnly: true, limit: 2 }),
    ],
  },
  {
    name: "R-25: an old revision reads the same after later writes and deletes",
    steps: (base) => [
      ...["a", "b", "a"].map((key, index) => put(key, `${index}`)),
      range("a", { ...ALL, revision: base + 2 }),
      del("a", ALL),
      put("c", "later"),
      gives(range("a", { ...ALL, revision: base + 2 }), {
        kvs: [{ key: "a", value: "0" }, { key: "b" }],
        count: "2",
      }),
    ],
  },
];

/** Semantics section 4: Put. */
export const PUT_SCRIPTS: readonly Script[] = [
  {
    name: "P-01: which check wins",
    steps: () => [
      fails(put("", "v", { ignoreValue: true }), EMPTY_KEY),
      fails(put("a", "v", { ignoreValue: true }), "etcdserver: value is provided"),
      fails(put("a", "", { ignoreLease: true, lease: 9n }), "etcdserver: lease is provided"),
      fails(
        put("a", "v", { ignoreValue: true, ignoreLease: true, lease: 9n }),
        "etcdserver: value is provided",
      ),
      fails(put("a", "", { ignoreValue: true, lease: 9n }), NO_LEASE),
    ],
  },
  {
    name: "P-02 P-03 P-04: the previous pair on request; an equal value is a new revision",
    steps: (base) => [
      put("a", "1", { prevKv: true }),
      gives(put("a", "1", { prevKv: true }), {
        prevKv: { key: "a", value: "1", modRevision: `${base + 1}`, version: "1" },
      }),
      put("a", "2"),
      gives(put("a", "", { prevKv: true }), { prevKv: { version: "3" } }),
      range("a"),
    ],
  },
  {
    name: "P-05 P-06: leases must exist; another one or none moves the key",
    steps: () => [
      fails(put("a", "1", { lease: 404n }), NO_LEASE),
      range("a"),
      grant(81n, 600n),
      grant(82n, 600n),
      put("a", "1", { lease: 81n }),
      gives(timeToLive(81n, true), { keys: ["a"] }),
      put("a", "2", { lease: 82n, prevKv: true }),
      gives(timeToLive(81n, true), { keys: [] }),
      gives(timeToLive(82n, true), { keys: ["a"] }),
      put("a", "3"),
      gives(timeToLive(82n, true), { keys: [] }),
      range("a"),
    ],
  },
  {
    name: "P-07 P-08 P-09 P-10: ignore_value, ignore_lease, both; a refused put changes nothing",
    steps: (base) => [
      fails(put("a", "", { ignoreValue: true }), KEY_NOT_FOUND),
      fails(put("a", "v", { ignoreLease: true }), KEY_NOT_FOUND),
      gives(range("a"), revisionIs(base)),
      grant(83n, 600n),
      put("a", "v", { lease: 83n }),
      put("a", "w", { ignoreLease: true }),
      gives(range("a"), { kvs: [{ value: "w", lease: "83", version: "2" }] }),
      put("a", "", { ignoreValue: true, ignoreLease: true }),
      gives(range("a"), { kvs: [{ value: "w", lease: "83", version: "3" }] }),
      put("a", "", { ignoreValue: true }),
      gives(range("a"), { kvs: [{ value: "w", lease: "0", version: "4" }] }),
      del("a"),
      fails(put("a", "", { ignoreValue: true }), KEY_NOT_FOUND),
    ],
  },
];

/** Semantics section 5: DeleteRange. */
export const DELETE_SCRIPTS: readonly Script[] = [
  {
    name: "D-01 D-02 D-07: no key, nothing there, an empty range",
    steps: () => [
      fails(del(""), EMPTY_KEY),
      fails(del("", ALL), EMPTY_KEY),
      gives(del("none"), { deleted: "0", prevKvs: [] }),
      gives(del("b", { end: "a", prevKv: true }), { deleted: "0" }),
    ],
  },
  {
    name: "D-03 D-04: one revision for all, previous pairs in key order",
    steps: (base) => [
      ...["c", "a", "b"].map((key) => put(key, key)),
      gives(del("a", { end: "c", prevKv: true }), {
        ...(revisionIs(base + 4) as object),
        deleted: "2",
        ...{ prevKvs: [{ key: "a" }, { key: "b" }] },
      }),
      gives(del("\0", { end: "\0" }), { deleted: "1", prevKvs: [] }),
    ],
  },
  {
    name: "D-05: deleted keys leave their leases",
    steps: () => [
      grant(84n, 600n),
      put("a", "", { lease: 84n }),
      put("b", "", { lease: 84n }),
      del("a"),
      gives(timeToLive(84n, true), { keys: ["b"] }),
      gives(revoke(84n), {}),
      gives(range("b"), { count: "0" }),
    ],
  },
];
