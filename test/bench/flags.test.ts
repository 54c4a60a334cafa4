import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { COMMANDS } from "../../bench/commands/all-commands.js";
import { Flags, UsageError } from "../../bench/commands/flags.js";
import { COMMON_FLAGS } from "../../bench/commands/run-command.js";
import { limitsOf } from "../../bench/commands/run-flags.js";
import { openTarget } from "../../bench/commands/target.js";
import type { Load } from "../../bench/load/loads.js";

const TABLE = {
  total: { type: "string", default: "10", help: "" },
  pid: { type: "string", help: "" },
  interval: { type: "string", default: "0", help: "" },
  json: { type: "boolean", help: "" },
} as const;

/** The load of a command line; throws as the program does. */
function loadOf(name: string, ...args: string[]): Load {
  const command = COMMANDS.find((each) => each.name === name);
  assert.ok(command !== undefined, name);
  const max = command.words?.max ?? 0;
  return command.load(new Flags(args, { ...COMMON_FLAGS, ...command.flags }, max));
}

describe("Flags", () => {
  test("gives defaults, and knows what was given", () => {
    const flags = new Flags(["--pid", "7"], TABLE);
    assert.deepEqual(
      [flags.count("total"), flags.has("total"), flags.has("pid")],
      [10, false, true],
    );
  });

  test("reads booleans with and without a value", () => {
    const isSet = (arg: string): boolean => new Flags([arg], TABLE).isSet("json");
    assert.deepEqual(["--json", "--json=true", "--json=false"].map(isSet), [true, true, false]);
  });

  test("reads durations", () => {
    assert.equal(new Flags(["--interval", "1m0.5s"], TABLE).durationMs("interval"), 60_500);
    assert.throws(() => new Flags(["--interval", "5"], TABLE).durationMs("interval"), UsageError);
  });

  test("reads one number or several", () => {
    const pids = (...args: string[]): number[] | undefined => new Flags(args, TABLE).counts("pid");
    assert.deepEqual(pids("--pid", "7"), [7]);
    assert.deepEqual(pids("--pid", "7,8,9"), [7, 8, 9]);
    assert.equal(pids(), undefined);
    for (const text of ["", "7,", "x", "1.5", "0"]) {
      assert.throws(() => pids(`--pid=${text}`), UsageError, text);
    }
  });

  test("refuses what is no whole number, unknown flags and words", () => {
    for (const text of ["", " ", "x", "1.5", "0", "-1"]) {
      assert.throws(() => new Flags([`--total=${text}`], TABLE).count("total"), UsageError, text);
    }
    assert.throws(() => new Flags(["--tot", "1"], TABLE), UsageError);
    assert.throws(() => new Flags(["word"], TABLE), UsageError);
  });
});

describe("limitsOf()", () => {
  const limits = (...args: string[]) => {
    const flags = new Flags(args, { ...COMMON_FLAGS, total: TABLE.total });
    const { calls, seconds, rate } = limitsOf(flags, "total", 0);
    return [calls, seconds, rate];
  };

  test("ends by calls, by time, or by what comes first when both are given", () => {
    assert.deepEqual(limits(), [10, 3600, undefined]);
    assert.deepEqual(limits("--seconds", "2"), [Number.POSITIVE_INFINITY, 2, undefined]);
    assert.deepEqual(limits("--seconds", "2", "--total", "5"), [5, 2, undefined]);
    const unlimited = limitsOf(new Flags([], COMMON_FLAGS), "total", 7);
    assert.deepEqual(unlimited, { calls: Number.POSITIVE_INFINITY, seconds: 30, rate: 7 });
  });
});

describe("commands", () => {
  test("have the defaults of etcd's benchmark", () => {
    const sizes = { keySize: 8, valSize: 8, keySpaceSize: 1 };
    assert.deepEqual(loadOf("put"), { kind: "put", ...sizes, sequentialKeys: false });
    assert.deepEqual(loadOf("txn-put"), { kind: "txn-put", ...sizes, txnOps: 1 });
    assert.deepEqual(loadOf("txn-mixed"), {
      kind: "txn-mixed",
      ...sizes,
      ...{ serializable: false, rwRatio: 1, endKey: "", limit: 1000 },
    });
    assert.deepEqual(loadOf("watch-get"), {
      kind: "watch-get",
      ...{ watchers: 10_000, streams: 1, events: 8 },
    });
    const stm = { isolation: "r", keys: 1, keysPerTxn: 1, writePercent: 50, locker: "stm" };
    assert.deepEqual(loadOf("stm"), { kind: "stm", ...stm, valSize: 8 });
    const watch = loadOf("watch");
    assert.ok(watch.kind === "watch");
    assert.deepEqual(
      [watch.streams, watch.watchPerStream, watch.watchedKeyTotal, watch.keySize],
      [10, 100, 1, 32],
    );
  });

  test("range reads a key, up to an end, or keys at random", () => {
    const fixed = { kind: "range", serializable: false };
    assert.deepEqual(loadOf("range", "a"), { ...fixed, key: "a", rangeEnd: "" });
    assert.deepEqual(loadOf("range", "a", "b"), { ...fixed, key: "a", rangeEnd: "b" });
    assert.equal(loadOf("range").kind, "range-span");
  });

  test("refuse what makes no sense, and say why", () => {
    const cases: readonly (readonly [why: RegExp, name: string, ...args: string[]])[] = [
      [/room for 10 different keys/, "put", "--key-size=1", "--key-space-size=11"],
      [/--txn-ops is more/, "txn-put", "--txn-ops=2"],
      [/--consistency must be l or s/, "range", "a", "--consistency=x"],
      [/--keys-per-txn is more/, "stm", "--keys-per-txn=2"],
      [/--isolation must be c, r, s or ss/, "stm", "--isolation=x"],
      [
        /--watched-key-total is more/,
        "watch",
        "--streams=1",
        "--watch-per-stream=1",
        "--watched-key-total=2",
      ],
      [/too many words: a b c/, "range", "a", "b", "c"],
      [/--span is more/, "range", "--span=2"],
      [/--nodes is more/, "k8s", "--nodes=100000"],
    ];
    for (const [why, name, ...args] of cases) {
      assert.throws(
        () => loadOf(name, ...args),
        (error) => error instanceof UsageError && why.test(error.message),
        `${name} ${args.join(" ")}`,
      );
    }
  });
});

describe("openTarget()", () => {
  const open = (list: string, ...args: string[]) =>
    openTarget(list, new Flags(args, COMMON_FLAGS)).then(({ endpoints }) => endpoints);

  test("takes host:port and URLs, several with commas", async () => {
    const list = "127.0.0.1:1, http://[::1]:2/";
    assert.deepEqual(await open(list), ["127.0.0.1:1", "[::1]:2"]);
    assert.deepEqual(await open("https://example.org:3"), ["example.org:3"]);
  });

  test("refuses what is none", async () => {
    await assert.rejects(open("127.0.0.1"), UsageError);
    await assert.rejects(open("a:1,,b:2"), UsageError);
    await assert.rejects(open("http://a:1,https://b:2"), UsageError);
    await assert.rejects(open("https://a:1", "--client=grpc-js"), UsageError);
    await assert.rejects(open("a:1", "--cert=x"), UsageError);
    await assert.rejects(open("a:1", "--user=root"), UsageError);
  });
});
