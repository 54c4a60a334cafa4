import type { RequestOp } from "../../src/shared/gen/etcdserverpb/rpc.js";
import {
  compact,
  compare,
  del,
  enumNumber,
  events,
  fails,
  gives,
  grant,
  hashKv,
  OP_UNSET,
  opDel,
  opPut,
  opRange,
  opTxn,
  put,
  range,
  receive,
  type Script,
  txn,
  watch,
} from "./scripted-steps.js";

const EMPTY_KEY = "etcdserver: key is not provided";
const COMPACTED = "etcdserver: mvcc: required revision has been compacted";
const FUTURE = "etcdserver: mvcc: required revision is a future revision";
const KEY_NOT_FOUND = "etcdserver: key not found";
const DUPLICATE = "etcdserver: duplicate key given in txn request";
const TOO_MANY = "etcdserver: too many operations in txn request";
const NO_LEASE = "etcdserver: requested lease not found";
const ALL = { end: "\0" } as const;

const many = (count: number, make: (index: number) => RequestOp): RequestOp[] =>
  Array.from({ length: count }, (_, index) => make(index));

const succeeded = { succeeded: true };
const failed = { succeeded: false };
const FAILING = compare.version("a", "=", 99);

/** Semantics section 6.1: what is checked before anything runs. */
export const TXN_CHECK_SCRIPTS: readonly Script[] = [
  {
    name: "T-01 T-02 T-03: the order of checks; arguments of either branch, at any depth",
    steps: () => [
      fails(txn({ compare: [compare.mod("", "=", 0)], success: [OP_UNSET] }), EMPTY_KEY),
      fails(txn({ success: [opPut("")] }), EMPTY_KEY),
      fails(txn({ failure: [opDel("")] }), EMPTY_KEY),
      fails(txn({ failure: [opTxn({ success: [opTxn({ failure: [opRange("")] })] })] }), EMPTY_KEY),
      fails(txn({ success: [opTxn({ compare: [compare.value("", "=", "")] })] }), EMPTY_KEY),
      fails(txn({ success: [opPut("a"), opPut("a")], failure: [opPut("", "x")] }), EMPTY_KEY),
      fails(
        txn({ failure: [opPut("a", "v", { ignoreValue: true })] }),
        "etcdserver: value is provided",
      ),
      fails(
        txn({ failure: [opPut("a", "", { ignoreLease: true, lease: 4n })] }),
        "etcdserver: lease is provided",
      ),
    ],
  },
  {
    name: "T-04: 128 of each, not 129; nesting uses up the budget",
    steps: () => [
      txn({
        success: many(128, (index) => opPut(`k${index}`)),
        failure: many(128, () => opRange("a")),
      }),
      fails(txn({ success: many(129, () => opRange("a")) }), TOO_MANY),
      fails(txn({ failure: many(129, (index) => opPut(`k${index}`)) }), TOO_MANY),
      fails(txn({ compare: many(129, () => OP_UNSET).map(() => FAILING) }), TOO_MANY),
      fails(
        txn({ success: [...many(127, () => opRange("a")), opTxn({ success: [opRange("a")] })] }),
        TOO_MANY,
      ),
      txn({ success: [...many(127, () => opRange("a")), opTxn({})] }),
      txn({ success: [opTxn({ success: many(127, () => opRange("a")) })] }),
      fails(txn({ success: [opTxn({ success: many(128, () => opRange("a")) })] }), TOO_MANY),
    ],
  },
  {
    name: "T-05 T-07: an op without a request; an empty txn",
    steps: () => [
      fails(txn({ success: [OP_UNSET] }), KEY_NOT_FOUND),
      fails(txn({ failure: [opTxn({ success: [OP_UNSET] })] }), KEY_NOT_FOUND),
      gives(txn({}), { succeeded: true, responses: [] }),
    ],
  },
  {
    name: "T-06a to T-06f: what counts as writing a key twice",
    steps: () => [
      fails(txn({ success: [opPut("k"), opPut("k")] }), DUPLICATE),
      fails(txn({ failure: [opPut("k"), opPut("k")] }), DUPLICATE),
      fails(txn({ success: [opPut("k"), opDel("a", { end: "z" })] }), DUPLICATE),
      fails(txn({ success: [opDel("k"), opPut("k")] }), DUPLICATE),
      txn({ success: [opDel("a", { end: "m" }), opDel("c", { end: "z" })] }),
      fails(txn({ success: [opPut("k"), opTxn({ failure: [opPut("k")] })] }), DUPLICATE),
      fails(txn({ success: [opPut("k"), opTxn({ success: [opDel("k")] })] }), DUPLICATE),
      fails(
        txn({ success: [opTxn({ failure: [opPut("k")] }), opDel("a", { end: "z" })] }),
        DUPLICATE,
      ),
      txn({ success: [opPut("k")], failure: [opPut("k")] }),
    ],
  },
  {
    name: "T-06g to T-06j: siblings, branches of one nested txn, and the two quirks",
    steps: () => [
      fails(
        txn({ success: [opTxn({ success: [opPut("k")] }), opTxn({ failure: [opPut("k")] })] }),
        DUPLICATE,
      ),
      txn({ success: [opTxn({ success: [opPut("k")], failure: [opPut("k")] })] }),
      txn({ success: [opTxn({ success: [opDel("k")], failure: [opPut("k")] })] }),
      txn({ success: [opTxn({ success: [opPut("k", "1")] }), opTxn({ success: [opDel("k")] })] }),
      range("k"),
      fails(
        txn({ success: [opTxn({ success: [opDel("k")] }), opTxn({ success: [opPut("k")] })] }),
        DUPLICATE,
      ),
      gives(txn({ success: [opPut("k", "1"), opDel("k", ALL), opRange("k")] }), succeeded),
      gives(range("k"), { count: "0" }),
    ],
  },
];

/** Semantics section 6.2: comparing. */
export const TXN_COMPARE_SCRIPTS: readonly Script[] = [
  {
    name: "T-10 T-14: every target with every operator, below, at and above",
    steps: (base) => {
      const operators = ["=", ">", "<", "!="] as const;
      const around = (exact: number): number[] => [exact - 1, exact, exact + 1];
      const compares = operators.flatMap((operator) => [
        ...around(2).map((given) => compare.version("a", operator, given)),
        ...around(base + 1).map((given) => compare.create("a", operator, given)),
        ...around(base + 2).map((given) => compare.mod("a", operator, given)),
        ...["u", "v", "w", "", "vv"].map((given) => compare.value("a", operator, given)),
        ...[90n, 91n, 92n].map((given) => compare.lease("a", operator, given)),
      ]);
      return [
        grant(91n, 600n),
        put("a", "u"),
        put("a", "v", { lease: 91n }),
        ...compares.map((each) => txn({ compare: [each] })),
        gives(txn({ compare: [compare.version("a", "=", 2), FAILING] }), failed),
      ];
    },
  },
  {
    name: "T-11: nested compares see the state before the whole txn",
    steps: () => [
      put("a", "old"),
      gives(
        txn({
          success: [
            opPut("a", "new"),
            opTxn({
              compare: [compare.value("a", "=", "new")],
              success: [opRange("a")],
              failure: [opRange("a", { countOnly: true })],
            }),
          ],
        }),
        { responses: [{}, { response: { value: { succeeded: false } } }] },
      ),
    ],
  },
  {
    name: "T-12 T-13: missing keys count as zeros, their values never match; ranges hold for all",
    steps: () => [
      gives(txn({ compare: [compare.version("no", "=", 0)] }), succeeded),
      gives(txn({ compare: [compare.mod("no", "<", 1)] }), succeeded),
      gives(txn({ compare: [compare.lease("no", "=", 0n)] }), succeeded),
      ...(["=", "!=", "<", ">"] as const).map((operator) =>
        gives(txn({ compare: [compare.value("no", operator, "")] }), failed),
      ),
      put("r1", "x"),
      put("r2", "y"),
      gives(txn({ compare: [compare.version("r", "=", 1, "s")] }), succeeded),
      gives(txn({ compare: [compare.value("r", "=", "x", "s")] }), failed),
      gives(txn({ compare: [compare.version("r1", ">", 0, "\0")] }), succeeded),
      gives(txn({ compare: [compare.version("x", "=", 0, "z")] }), succeeded),
      gives(txn({ compare: [compare.value("x", "!=", "q", "z")] }), failed),
      gives(txn({ compare: [compare.version("s", "=", 0, "r")] }), succeeded),
    ],
  },
  {
    name: "T-14: a given value of another kind or none, unknown operators and targets",
    steps: () => [
      put("a", "v"),
      gives(
        txn({ compare: [{ ...compare.version("a", "=", 1), targetUnion: undefined }] }),
        failed,
      ),
      txn({ compare: [{ ...compare.version("a", ">", 1), targetUnion: undefined }] }),
      txn({ compare: [{ ...compare.value("a", ">", "x"), targetUnion: undefined }] }),
      txn({
        compare: [{ ...compare.mod("a", ">", 0), targetUnion: { $case: "version", value: 1n } }],
      }),
      gives(
        txn({ compare: [{ ...compare.version("a", "=", 5), result: enumNumber(17) }] }),
        succeeded,
      ),
      gives(
        txn({ compare: [{ ...compare.version("a", "=", 5), target: enumNumber(17) }] }),
        succeeded,
      ),
      gives(
        txn({ compare: [{ ...compare.version("a", ">", 0), target: enumNumber(17) }] }),
        failed,
      ),
    ],
  },
];

/** Semantics section 6.3: running. */
export const TXN_RUN_SCRIPTS: readonly Script[] = [
  {
    name: "T-15 T-16: ops of the taken path are checked first, and nothing is written",
    steps: (base) => [
      put("a", "1"),
      fails(txn({ success: [opPut("b"), opRange("a", { revision: base + 9 })] }), FUTURE),
      fails(txn({ success: [opPut("b"), opRange("a", { revision: base + 2 })] }), FUTURE),
      gives(range("b"), { count: "0", header: { revision: `${base + 1}` } }),
      fails(txn({ success: [opPut("b", "", { lease: 404n })] }), NO_LEASE),
      fails(txn({ success: [opPut("b", "", { ignoreValue: true })] }), KEY_NOT_FOUND),
      fails(txn({ success: [opTxn({ success: [opPut("b", "", { lease: 404n })] })] }), NO_LEASE),
      txn({ failure: [opPut("b", "", { lease: 404n }), opRange("a", { revision: base + 99 })] }),
      txn({
        success: [opPut("a", "", { ignoreValue: true }), opRange("a", { revision: base + 1 })],
      }),
    ],
  },
  {
    name: "T-15: compacted and negative revisions inside a txn",
    store: "own",
    steps: () => [
      put("a", "1"),
      ...[-1, -2, -7].flatMap((revision) => [
        txn({ success: [opRange("a", { revision })] }),
        txn({ success: [opRange("a", { revision }), opPut("b")] }),
      ]),
      put("a", "2"),
      compact(3),
      fails(txn({ success: [opRange("a", { revision: 2 })] }), COMPACTED),
      fails(txn({ success: [opRange("a", { revision: 2 }), opPut("b")] }), COMPACTED),
      txn({ success: [opRange("a", { revision: 3 }), opPut("b")] }),
      txn({ success: [opRange("a", { revision: -1 })] }),
    ],
  },
  {
    name: "T-18 T-19 T-20 T-25: in order, each op sees the ones before, one revision for all",
    steps: (base) => [
      put("a", "0"),
      gives(
        txn({
          success: [
            opRange("a", ALL),
            opPut("b", "1", { prevKv: true }),
            opRange("a", ALL),
            opDel("a", { prevKv: true }),
            opRange("a", ALL),
            opTxn({ success: [opPut("c", "2"), opRange("a", ALL)] }),
          ],
        }),
        {
          header: { revision: `${base + 2}` },
          responses: [
            { response: { value: { count: "1" } } },
            { response: { $case: "responsePut" } },
            { response: { value: { count: "2" } } },
            { response: { value: { deleted: "1", prevKvs: [{ value: "0" }] } } },
            { response: { value: { count: "1" } } },
            { response: { value: { succeeded: true, responses: [{}, {}] } } },
          ],
        },
      ),
      gives(range("a", ALL), {
        kvs: [{ modRevision: `${base + 2}` }, { modRevision: `${base + 2}` }],
      }),
    ],
  },
  {
    name: "T-21 T-22 T-23: read-only, empty and writing txns all answer alike",
    steps: (base) => [
      put("a", "1"),
      txn({ compare: [compare.value("a", "=", "1")], success: [opRange("a")] }),
      txn({ success: [opRange("a", { serializable: true })] }),
      gives(txn({ compare: [compare.version("a", "=", 1)] }), succeeded),
      gives(txn({ compare: [FAILING], success: [opPut("a")] }), {
        ...failed,
        header: { revision: `${base + 1}` },
      }),
      gives(txn({ success: [opTxn({})] }), { header: { revision: `${base + 1}` } }),
    ],
  },
  {
    name: "T-26 W-42: a txn's events come in one response, in order of its changes",
    steps: (base) => [
      watch("s", "a", { ...ALL, prevKv: true }),
      receive("s"),
      put("a", "0"),
      receive("s"),
      txn({ success: [opPut("z", "1"), opDel("a"), opPut("m", "2")] }),
      gives(receive("s"), {
        responses: [
          {
            header: { revision: `${base + 2}` },
            events: [{ kv: { key: "z" } }, { kv: { key: "a" } }, { kv: { key: "m" } }],
          },
        ],
      }),
    ],
  },
];

/** Semantics section 7: Compact. */
export const COMPACT_SCRIPTS: readonly Script[] = [
  {
    name: "C-01 C-02 C-11: future, repeated, lower, negative; the revision stays",
    store: "compacted",
    steps: (base) => [
      put("a", "1"),
      put("a", "2"),
      fails(compact(base + 3), FUTURE),
      fails(compact(-1), COMPACTED),
      compact(base + 1),
      fails(compact(base + 1), COMPACTED),
      fails(compact(base), COMPACTED),
      fails(compact(0), COMPACTED),
      fails(compact(-3, true), COMPACTED),
      gives(range("a"), { header: { revision: `${base + 2}` } }),
    ],
  },
  {
    name: "C-03 MT-32: revision 0 once on a store that was never compacted",
    store: "own",
    steps: () => [
      put("a"),
      fails(compact(-1), COMPACTED),
      hashKv(0),
      compact(0, true),
      fails(compact(0), COMPACTED),
      hashKv(0),
      range("a"),
      put("a"),
      hashKv(0),
      hashKv(3),
      compact(1, true),
      hashKv(1),
      hashKv(0),
    ],
  },
  {
    name: "C-04 C-08: compacting the current revision keeps what lives, physical or not",
    store: "compacted",
    steps: (base) => [
      put("a", "1"),
      put("b", "1"),
      put("a", "2"),
      del("b"),
      compact(base + 4, true),
      gives(range("\0", ALL), { count: "1" }),
      range("\0", { ...ALL, revision: base + 4 }),
      fails(range("\0", { ...ALL, revision: base + 3 }), COMPACTED),
      fails(compact(base + 4, true), COMPACTED),
      hashKv(0),
    ],
  },
  {
    name: "C-05 C-06 C-07: reads and watches around the compacted revision; the tombstone at it",
    store: "compacted",
    steps: (base) => [
      put("a", "1"),
      put("b", "1"),
      put("a", "2"),
      del("b"),
      put("c", "1"),
      put("a", "3"),
      compact(base + 4, true),
      ...[4, 5, 6].map((later) => range("\0", { ...ALL, revision: base + later })),
      fails(range("a", { revision: base + 3 }), COMPACTED),
      watch("at", "\0", { ...ALL, start: base + 4 }),
      gives(events("at", 3), {
        events: [{ kv: { key: "b" } }, { kv: { key: "c" } }, { kv: { key: "a" } }],
      }),
      watch("below", "\0", { ...ALL, start: base + 3 }),
      gives(receive("below", 2), {
        responses: [{ created: true }, { canceled: true, compactRevision: `${base + 4}` }],
      }),
      ...[4, 5, 6].map((later) => hashKv(base + later)),
      hashKv(0),
    ],
  },
  {
    name: "C-13: a watcher that is past the compacted revision is not touched",
    store: "compacted",
    steps: (base) => [
      watch("s", "a"),
      receive("s"),
      put("a", "1"),
      put("a", "2"),
      receive("s", 2),
      compact(base + 2, true),
      put("a", "3"),
      gives(receive("s"), { responses: [{ events: [{ kv: { value: "3" } }] }] }),
    ],
  },
];
