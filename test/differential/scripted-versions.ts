import {
  fails,
  gives,
  grant,
  opDel,
  opPut,
  opRange,
  put,
  range,
  rangeStream,
  type Step,
  txn,
} from "./scripted-steps.js";

/** Where etcd 3.5 and 3.7 differ on purpose: capstan answers as 3.7 (semantics section 16). */
export interface VersionDifference {
  readonly name: string;
  readonly setup: readonly Step[];
  readonly step: Step;
  /** A part of what etcd 3.5 gives: when it no longer holds, the difference is none. */
  readonly etcd: unknown;
  /** A part of what capstan gives. */
  readonly capstan: unknown;
}

const ok = (response: unknown): unknown => ({ ok: true, response });
const failure = (code: number, message: string): unknown => ({ ok: false, code, message });
const INVALID_ARGUMENT = 3;
const NOT_FOUND = 5;
const UNIMPLEMENTED = 12;
const BAD_SORT = failure(INVALID_ARGUMENT, "etcdserver: invalid sort option");

/** The differences that sections 1 to 9 can show. A bad sort target is not tried: it ends etcd 3.5. */
export const VERSION_DIFFERENCES: readonly VersionDifference[] = [
  {
    name: "R-02: a sort order outside the enum is refused",
    setup: [put("a", "1")],
    step: range("a", { sortOrder: 9 }),
    etcd: ok({ count: "1" }),
    capstan: BAD_SORT,
  },
  {
    name: "T-03 R-02: a sort order outside the enum is refused in the branch that does not run",
    setup: [],
    step: txn({ failure: [opRange("a", { sortOrder: -1 })] }),
    etcd: ok({ succeeded: true }),
    capstan: BAD_SORT,
  },
  {
    name: "R-16: keys only leaves out the lease",
    setup: [grant(201n, 600n), put("l", "v", { lease: 201n })],
    step: range("l", { keysOnly: true }),
    etcd: ok({ kvs: [{ key: "l", value: "", lease: "201" }] }),
    capstan: ok({ kvs: [{ key: "l", value: "", lease: "0" }] }),
  },
  {
    name: "R-16: keys only sorted by value keeps the lease",
    setup: [grant(202n, 600n), put("m", "v", { lease: 202n })],
    step: range("m", { keysOnly: true, sortTarget: 4 }),
    etcd: ok({ kvs: [{ key: "m", value: "", lease: "202" }] }),
    capstan: ok({ kvs: [{ key: "m", value: "", lease: "202" }] }),
  },
  {
    name: "T-27: a put in a txn that lacks both lease and key names the lease",
    setup: [],
    step: txn({ success: [opPut("none", "", { lease: 404n, ignoreValue: true })] }),
    etcd: failure(INVALID_ARGUMENT, "etcdserver: key not found"),
    capstan: failure(NOT_FOUND, "etcdserver: requested lease not found"),
  },
  {
    name: "RS-05: range stream of nothing is one message with a header",
    setup: [],
    step: rangeStream("nothing"),
    etcd: failure(UNIMPLEMENTED, "unknown method RangeStream for service etcdserverpb.KV"),
    capstan: ok({
      messages: [{ rangeResponse: { kvs: [], count: "0", header: { identified: true } } }],
    }),
  },
];

const KEYS = Array.from({ length: 25 }, (_, index) => `s${String(index).padStart(2, "0")}`);
const RANGE_OF_ALL = { end: "t" } as const;

/** RangeStream, which etcd 3.5 does not have: the steps' expected parts are capstan's alone. */
export const RANGE_STREAM_STEPS: readonly (readonly [name: string, Step])[] = [
  ...KEYS.map((key) => ["the keys are put", gives(put(key, key), {})] as const),
  [
    "RS-01: no other order than by key",
    fails(
      rangeStream("s", { ...RANGE_OF_ALL, sortOrder: 2 }),
      "RangeStream does not support custom sort orders",
    ),
  ],
  [
    "RS-01: no order but that by key even when ascending",
    fails(
      rangeStream("s", { ...RANGE_OF_ALL, sortOrder: 1, sortTarget: 3 }),
      "RangeStream does not support custom sort orders",
    ),
  ],
  [
    "RS-01: no revision filters",
    fails(
      rangeStream("s", { ...RANGE_OF_ALL, minMod: 1 }),
      "RangeStream does not support revision filters",
    ),
  ],
  ["R-01: a key is needed", fails(rangeStream(""), "etcdserver: key is not provided")],
  [
    "R-04: no future revision",
    fails(
      rangeStream("s", { ...RANGE_OF_ALL, revision: 9999 }),
      "etcdserver: mvcc: required revision is a future revision",
    ),
  ],
  [
    "RS-05: count only is one message",
    gives(rangeStream("s", { ...RANGE_OF_ALL, countOnly: true }), {
      messages: [{ rangeResponse: { kvs: [], count: "25" } }],
    }),
  ],
  [
    "RS-06: a limit stops it; the count is that of all",
    gives(rangeStream("s", { ...RANGE_OF_ALL, limit: 3 }), {
      messages: [{ rangeResponse: { kvs: [{}, {}, {}], count: "25", more: true } }],
    }),
  ],
];

/** The range that RS-02 to RS-04 are shown by, whole and as a stream. */
export const WHOLE_RANGE: Step = range("s", RANGE_OF_ALL);
/** The same range as a stream. */
export const WHOLE_STREAM: Step = rangeStream("s", RANGE_OF_ALL);

/** Requests that end etcd 3.5 by a panic; capstan answers them and what comes after. */
export const ENDS_OF_ETCD: readonly Step[] = [
  gives(put("k", "1"), {}),
  // T-06j lets both run, so that the key that ignore_value needs is gone when it is put.
  gives(txn({ success: [opDel("k", { end: "\0" }), opPut("k", "", { ignoreValue: true })] }), {
    succeeded: true,
  }),
  gives(range("k"), { count: 1n, kvs: [{ version: 1n }] }),
  fails(range("k", { end: "l", sortOrder: 1, sortTarget: 9 }), "etcdserver: invalid sort option"),
  gives(range("k"), { count: 1n }),
];
