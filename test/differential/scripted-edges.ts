import { type DeleteRangeRequest, TxnRequest } from "../../src/shared/gen/etcdserverpb/rpc.js";
import {
  alarm,
  compact,
  compare,
  del,
  enumNumber,
  fails,
  gives,
  grant,
  hashKv,
  keepAlives,
  LEASES,
  opDel,
  opPut,
  opRange,
  put,
  range,
  receive,
  revoke,
  type Script,
  type Step,
  timeToLive,
  txn,
  watch,
} from "./scripted-steps.js";

const ALL = { end: "\0" } as const;
const INT64_MAX = 9_223_372_036_854_775_807n;
const INT64_MIN = -9_223_372_036_854_775_808n;
/** Around the places where doubles and 32 bits end. */
const EDGES = [INT64_MIN, -4_294_967_297n, 4_294_967_296n, 9_007_199_254_740_993n, INT64_MAX];

const GET = enumNumber(0);
const ACTIVATE = enumNumber(1);
const DEACTIVATE = enumNumber(2);
const NOSPACE = enumNumber(1);
const CORRUPT = enumNumber(2);
const ANY = enumNumber(0);
const MEMBER = 99n;

/** The range step with some of its request's fields replaced. */
function withFields(step: Step, fields: Readonly<Record<string, unknown>>): Step {
  const { operation } = step;
  const { request } = operation as { request: DeleteRangeRequest };
  return { ...step, operation: { ...operation, request: { ...request, ...fields } } as never };
}

const nearAll = (value: bigint): Step[] =>
  ["limit", "revision", "minModRevision", "maxModRevision", "maxCreateRevision"].map((field) =>
    withFields(range("a", ALL), { [field]: value }),
  );

/** The ends of what can be asked for: 64-bit numbers, sizes, alarms. */
export const EDGE_SCRIPTS: readonly Script[] = [
  {
    name: "R-03 R-04 R-11 R-18: numbers at the ends of 64 bits",
    steps: () => [put("a", "1"), put("b", "2"), put("a", "3"), ...EDGES.flatMap(nearAll)],
  },
  {
    name: "T-14: compares with numbers at the ends of 64 bits",
    steps: () => [
      put("a", "1"),
      ...EDGES.flatMap((value) =>
        ([0, 1, 2, 3] as const).map((result) => ({
          operation: {
            kind: "txn" as const,
            request: TxnRequest.fromPartial({
              compare: [
                {
                  ...compare.mod("a", "=", 0),
                  ...{ result: enumNumber(result), targetUnion: { $case: "modRevision", value } },
                },
              ],
            }),
          },
        })),
      ),
    ],
  },
  {
    name: "L-01 L-02 L-03: lease ids and TTLs at the ends of 64 bits",
    steps: () => [
      ...EDGES.map((id, index) => grant(id, BigInt(1000 * (index + 1)))),
      LEASES,
      keepAlives(...EDGES),
      put("a", "", { lease: INT64_MIN }),
      timeToLive(INT64_MIN, true),
      ...EDGES.map((id) => revoke(id)),
      gives(grant(11n, INT64_MIN), { TTL: "2" }),
      fails(grant(12n, INT64_MAX), "etcdserver: too large lease TTL"),
    ],
  },
  {
    name: "C-01 C-02 MT-32: compactions and hashes of revisions far off",
    store: "compacted",
    steps: (base) => [
      put("a", "1"),
      ...[-9_007_199_254_740_991, 4_294_967_296, 9_007_199_254_740_991].flatMap((revision) => [
        compact(revision),
        hashKv(revision),
      ]),
      compact(base + 1, true),
      hashKv(base + 1),
    ],
  },
  {
    name: "P-01: what is too large for the log, and for a message",
    steps: () => {
      const value = (bytes: number): string => "v".repeat(bytes);
      return [
        gives(put("a", value(1_572_864 - 200)), {}),
        fails(put("a", value(1_572_864)), "etcdserver: request is too large"),
        fails(txn({ success: [opPut("a", value(1_572_864))] }), "etcdserver: request is too large"),
        fails(
          put("a", value(2_200_000)),
          "grpc: received message larger than max (2200008 vs. 2097152)",
        ),
        gives(put(value(60_000), "long key"), {}),
        range("v", ALL),
        del("a", { end: "z", prevKv: true }),
      ];
    },
  },
  {
    name: "P-11 D-06 L-05 L-09 MT-10 to MT-13, MT-23 MT-24: while NOSPACE is raised",
    steps: () => {
      const noSpace = "etcdserver: mvcc: database space exceeded";
      return [
        put("a", "1"),
        put("b", "1"),
        grant(301n, 600n),
        gives(alarm(GET, ANY), { alarms: [] }),
        gives(alarm(ACTIVATE, ANY, MEMBER), { alarms: [] }),
        gives(alarm(ACTIVATE, NOSPACE, MEMBER), { alarms: [{ memberID: "99", alarm: 1 }] }),
        alarm(ACTIVATE, NOSPACE, MEMBER),
        gives(alarm(GET, CORRUPT), { alarms: [] }),
        gives(alarm(GET, NOSPACE), { alarms: [{ memberID: "99" }] }),
        fails(put("a", "2"), noSpace),
        fails(txn({ failure: [opPut("a", "2")] }), noSpace),
        fails(grant(302n, 600n), noSpace),
        fails(put("", "2"), "etcdserver: key is not provided"),
        fails(put("a", "", { lease: 404n }), noSpace),
        gives(txn({ success: [opDel("b"), opRange("a")] }), { succeeded: true }),
        gives(del("a"), { deleted: "1" }),
        keepAlives(301n),
        revoke(301n),
        gives(alarm(DEACTIVATE, NOSPACE, 98n), { alarms: [] }),
        gives(alarm(DEACTIVATE, NOSPACE, MEMBER), { alarms: [{ memberID: "99" }] }),
        gives(alarm(DEACTIVATE, NOSPACE, MEMBER), { alarms: [] }),
        gives(put("a", "2"), {}),
      ];
    },
  },
  {
    name: "MT-26: while CORRUPT is raised",
    steps: () => {
      const corrupt = "etcdserver: corrupt cluster";
      return [
        put("a", "1"),
        grant(303n, 600n),
        watch("s", "a"),
        receive("s"),
        alarm(ACTIVATE, NOSPACE, MEMBER),
        alarm(ACTIVATE, CORRUPT, MEMBER),
        ...[put("a", "2"), del("a"), txn({ success: [opPut("a")] }), grant(304n, 600n)].map(
          (step) => fails(step, corrupt),
        ),
        fails(revoke(303n), corrupt),
        fails(compact(1), corrupt),
        gives(range("a"), { count: "1" }),
        gives(txn({ success: [opRange("a")] }), { succeeded: true }),
        keepAlives(303n),
        alarm(DEACTIVATE, CORRUPT, MEMBER),
        alarm(DEACTIVATE, NOSPACE, MEMBER),
        put("a", "2"),
        receive("s"),
      ];
    },
  },
];
