import type { Command } from "./side.js";

/** A named session of etcdctl commands. */
export interface CtlSession {
  readonly name: string;
  readonly commands: readonly Command[];
}

const lines = (...all: readonly string[]): Command[] => all.map((line) => ({ line }));

const FORMATS = ["simple", "json", "fields", "protobuf"] as const;

/** Puts of five keys whose orders by key, creation, change, version and value all differ. */
const FIVE_KEYS = lines(
  ...["put c 5", "put a 2", "put e 1", "put b 9", "put d 3"],
  ...["put a 4", "put a 8", "put c 7"],
);

/** Sessions over keys. */
export const KEY_SESSIONS: readonly CtlSession[] = [
  {
    name: "put: values, stdin, flags, every format, and its refusals",
    commands: [
      ...lines("put foo bar", "put foo baz --prev-kv", "put foo x -w json", "put foo y -w fields"),
      ...lines("put foo z --prev-kv -w json", "put foo z2 --prev-kv -w fields"),
      { line: "put foo", stdin: "from stdin\n" },
      ...lines("get foo", "put foo --ignore-value", "put foo --ignore-value --prev-kv -w json"),
      { line: ["put", "spaced key", "a value\twith\x01 bytes"] },
      ...lines("get spaced --prefix", "get spaced --prefix --hex", "get spaced --prefix -w fields"),
      { line: ["put", "empty", ""] },
      ...lines("get empty", "get empty -w json", "put -- -dash -value", "get -- -dash"),
      { line: "put none --ignore-value", code: 1 },
      { line: "put none v --ignore-lease", code: 1 },
      { line: "put foo v --ignore-value", code: 128 },
      { line: "put foo v --lease=7777", code: 1 },
      { line: "put foo v --lease=zz", code: 128 },
      { line: "put foo v -w table", code: 4 },
      { line: ["put", "", "v"], code: 1 },
      ...lines("get foo -w json"),
    ],
  },
  {
    name: "get: one key, ranges, prefix, from-key, in every format",
    commands: [
      ...FIVE_KEYS,
      ...["get a", "get a d", "get a --prefix", "get c --from-key", "get none"].flatMap((line) =>
        FORMATS.map((format) => ({ line: `${line} -w ${format}` })),
      ),
      { line: ["get", "", "--prefix"] },
      { line: ["get", "", "--from-key", "-w", "json"] },
      ...lines("get a --hex", "get a --hex -w json", "get d a", "get b b"),
      { line: ["get", ""], code: 1 },
      { line: "get a --prefix b", code: 128 },
      { line: "get a --prefix --from-key", code: 128 },
      { line: "get a -w table", code: 4 },
    ],
  },
  {
    name: "get: limit, order, sort-by, keys-only, count-only, print-value-only",
    commands: [
      ...FIVE_KEYS,
      ...["CREATE", "KEY", "MODIFY", "VALUE", "VERSION"].flatMap((target) =>
        ["", " --order=ASCEND", " --order=DESCEND", " --order=DESCEND --limit=2"].map((order) => ({
          // Equal versions have no stated order: one key has a version of its own.
          line: `get ${target === "VERSION" ? "a b" : "a --from-key"} --sort-by=${target}${order}`,
        })),
      ),
      ...lines("get a --from-key --limit=2", "get a --from-key --limit=2 -w json"),
      ...lines("get a --from-key --limit=5 -w json", "get a --from-key --limit=99 -w fields"),
      ...lines("get a --from-key --keys-only", "get a --from-key --keys-only -w json"),
      ...lines("get a --from-key --print-value-only", "get a --print-value-only"),
      ...lines("get a --from-key --count-only -w fields", "get a --prefix --count-only -w fields"),
      { line: "get a --count-only", code: 128 },
      { line: "get a --order=UP", code: 4 },
      { line: "get a --sort-by=SIZE", code: 4 },
    ],
  },
  {
    name: "get: old revisions and consistency",
    commands: [
      ...FIVE_KEYS,
      ...[1, 2, 5, 6, 8].map((later) => ({ line: `get a --from-key --rev=$REV+${later}` })),
      ...lines("get a --rev=$REV+6 -w json", "get a --rev=$REV+1 -w json"),
      { line: "get a --rev=$REV+9", code: 1 },
      ...lines("get a --consistency=s", "get a --consistency=l", "get a --consistency=s -w json"),
      { line: "get a --consistency=z", code: 4 },
      // 3.5's etcdctl does not know them.
      { line: "get a --min-mod-rev=1", code: 1 },
    ],
  },
  {
    name: "del: one key, prefix, from-key, range, prev-kv, every format",
    commands: [
      ...FIVE_KEYS,
      ...lines("del none", "del a --prev-kv", "put a again", "del a --prev-kv -w json"),
      ...lines("put a again", "del a --prev-kv -w fields", "del b -w json", "del c -w fields"),
      ...lines("put p/1 1", "put p/2 2", "put p3 3", "del p/ --prefix --prev-kv"),
      ...lines("put q1 1", "put q2 2", "put q3 3", "del q1 q3 --range", "get q --prefix"),
      ...lines("del q3 --from-key --prev-kv", "del e -w protobuf", "get d"),
      { line: ["del", "", "--prefix", "--prev-kv"] },
      { line: ["del", ""], code: 1 },
      { line: "del a --prefix --from-key", code: 128 },
    ],
  },
  {
    name: "compaction: recorded, physical, refused; what can be read then",
    commands: [
      ...FIVE_KEYS,
      ...lines("compaction $REV+3", "get a --from-key --rev=$REV+3", "get a --rev=$REV+6 -w json"),
      { line: "get a --rev=$REV+2", code: 1 },
      { line: "compaction $REV+3", code: 1 },
      { line: "compaction $REV+2", code: 1 },
      { line: "compaction $REV+99", code: 1 },
      ...lines("compaction $REV+8 --physical", "get a --from-key -w json", "endpoint hashkv"),
      ...lines("del e", "compaction $REV+9 --physical", "endpoint hashkv --rev=$REV+9"),
      { line: "endpoint hashkv --rev=$REV+1", code: 1 },
      { line: "watch a --rev=$REV+1", code: 5 },
      { line: "watch a --rev=$REV+1 -w json", code: 5 },
      { line: "compaction", code: 128 },
      { line: "compaction abc", code: 1 },
    ],
  },
];

/** Sessions of transactions, read from stdin with and without prompts. */
export const TXN_SESSIONS: readonly CtlSession[] = [
  {
    name: "txn: compares, both branches, every op, every format",
    commands: [
      ...lines("put foo 0", "put bar 1"),
      ...FORMATS.map((format) => ({
        line: `txn -w ${format}`,
        stdin: 'mod("foo") > "0"\n\nput foo yes\nget foo\ndel bar --prev-kv\n\nput foo no\n\n',
      })),
      { line: "txn", stdin: 'val("foo") = "other"\n\nput foo a\n\nget foo\ndel none\n\n' },
      ...['ver("foo") = "5"', 'version("foo") < "3"', 'create("foo") != "1"', 'c("foo") > "0"'].map(
        (compare) => ({ line: "txn -w json", stdin: `${compare}\n\nget foo\n\nget bar\n\n` }),
      ),
      { line: "txn", stdin: "\n\n\n" },
      { line: "txn", stdin: '\nput "k e y" "v\\na\\x00l"\nget k --prefix\n\n\n' },
      { line: "txn", stdin: "\nget foo --limit=1\nget a z --count-only\n\n\n", code: 0 },
      { line: "txn", stdin: "\nput foo 1\nput foo 2\n\n\n", code: 1 },
      { line: "txn", stdin: "\nput none --ignore-value\n\n\n", code: 1 },
      { line: "txn", stdin: "bad\n\n\n", code: 3 },
      { line: "txn", stdin: "\nfrob foo\n\n\n", code: 3 },
      { line: "txn", stdin: 'mod("foo") > "0"\n', code: 3 },
    ],
  },
  {
    name: "txn -i: the same through prompts",
    commands: [
      ...lines("put foo 0"),
      {
        line: "txn -i",
        stdin: 'value("foo") = "0"\nmod("none") = "0"\n\nput foo 1\nget foo\n\nput foo 2\n\n',
      },
      { line: "txn --interactive=true", stdin: 'value("foo") = "0"\n\n\nget foo\nput a b\n\n' },
      ...lines("get a --from-key -w json"),
      { line: "txn -i -w json", stdin: "\n\n\n" },
    ],
  },
];

/** Sessions of leases. */
export const LEASE_SESSIONS: readonly CtlSession[] = [
  {
    name: "lease: grant, timetolive, list, keep-alive, revoke, in every format",
    commands: [
      { line: "lease grant 6000", grants: "L1" },
      { line: "lease grant 3000 -w json", grants: "L2" },
      { line: "lease grant 9000 -w fields", grants: "L3" },
      { line: "lease grant 1", grants: "L4" },
      ...lines("lease revoke $L4", "lease list", "lease list -w json", "lease list -w fields"),
      ...lines("put k1 v --lease=$L1", "put k2 v --lease=$L1", "put k3 v --lease=$L2"),
      ...lines("get k --prefix -w json", "get k1 -w fields"),
      ...lines("lease timetolive $L1", "lease timetolive $L2 --keys", "lease timetolive $L3"),
      ...lines("lease timetolive $L2 -w json", "lease timetolive $L2 --keys -w json"),
      ...lines("lease timetolive $L2 --keys -w fields", "lease timetolive 7777"),
      ...lines("lease timetolive 7777 -w json", "lease timetolive 7777 --keys -w fields"),
      ...lines("lease keep-alive --once $L1", "lease keep-alive --once $L1 -w json"),
      ...lines("lease keep-alive --once $L1 -w fields", "put k1 w --ignore-lease"),
      { line: "lease keep-alive --once 7777", code: 2 },
      ...lines("lease revoke $L1", "get k --prefix", "lease timetolive $L1"),
      { line: "lease revoke $L1", code: 1 },
      { line: "lease revoke 7777 -w json", code: 1 },
      ...lines("lease revoke $L2 -w json", "lease revoke $L3 -w fields", "get k --prefix -w json"),
      { line: "lease grant abc", code: 128 },
      { line: "lease grant 9000000001", code: 1 },
    ],
  },
];

/** Sessions over the server itself. */
export const SERVER_SESSIONS: readonly CtlSession[] = [
  {
    name: "endpoint, member, alarm, defrag, in every format",
    commands: [
      ...FIVE_KEYS,
      ...["simple", "json", "fields", "table"].flatMap((format) => [
        { line: `endpoint health -w ${format}` },
        { line: `endpoint status -w ${format}` },
        { line: `endpoint hashkv -w ${format}` },
        { line: `endpoint hashkv --rev=$REV+4 -w ${format}` },
        { line: `member list -w ${format}` },
      ]),
      ...lines(
        "endpoint health --cluster",
        "endpoint status --cluster",
        "endpoint hashkv --cluster",
      ),
      ...lines(
        "member list -w json --hex",
        "alarm list",
        "alarm list -w json",
        "alarm list -w fields",
      ),
      ...lines("alarm disarm", "alarm disarm -w json", "defrag", "defrag --cluster"),
      { line: "endpoint hashkv --rev=$REV+99", code: 1 },
      { line: "endpoint status -w protobuf", code: 4 },
      ...lines("get a --from-key -w json", "version"),
    ],
  },
];
