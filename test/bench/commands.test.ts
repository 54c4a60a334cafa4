import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { RpcClient } from "../../src/main/client/rpc-client.js";
import { KVDefinition, RangeRequest } from "../../src/shared/gen/etcdserverpb/rpc.js";
import {
  type CapstanRun,
  freePort,
  runCapstan,
  type ServerProcess,
  startCapstan,
} from "../support/server-process.js";

/** What a run says of itself with --json. */
interface Report {
  readonly measurement: {
    readonly unit: string;
    readonly count: number;
    readonly failures: readonly unknown[];
    readonly series: readonly { readonly name: string; readonly count: number }[];
    readonly schedule?: { readonly rate: number; readonly missed: number };
    readonly server?: { readonly cpuUsPerUnit: number; readonly rssBytes: number };
  };
}

describe("capstan bench, on a server that runs", () => {
  let server: ServerProcess;

  before(async () => {
    server = await startCapstan();
  });

  after(async () => {
    await server.dispose();
  });

  const bench = (...args: string[]): Promise<CapstanRun> => {
    const target = ["--endpoints", server.target, "--settle-seconds", "0"];
    return runCapstan({ args: ["bench", ...args, ...target] });
  };

  /** What a run counted: of what is measured, and by kind of call. */
  const counts = async (...args: string[]) => {
    const run = await bench(...args, "--json");
    assert.deepEqual([run.code, run.stderr], [0, ""], args.join(" "));
    const { measurement }: Report = JSON.parse(run.stdout);
    assert.deepEqual(measurement.failures, []);
    const series = measurement.series.map(({ name, count }) => [name, count] as const);
    const { unit, count, server: cost, schedule } = measurement;
    return { unit, count, series: Object.fromEntries(series), cost, schedule };
  };

  const range = async (fields: Partial<RangeRequest>) => {
    const rpc = new RpcClient(server.target);
    const { range: method } = KVDefinition.methods;
    try {
      return await rpc.unary(KVDefinition, method, RangeRequest.fromPartial(fields));
    } finally {
      rpc.close();
    }
  };
  const revision = async (): Promise<number> =>
    Number((await range({ key: Buffer.from("x") })).header?.revision);

  test("put makes as many puts as asked for, one revision each", async () => {
    const before = await revision();
    const { count, cost } = await counts("put", "--total=50", "--clients=5", "--conns=2");
    assert.deepEqual([count, (await revision()) - before], [50, 50]);
    assert.ok((cost?.rssBytes ?? 0) > 1_000_000, "the server's memory, from /metrics");
  });

  test("put writes the keys of the key space in order", async () => {
    await counts("put", "--total=12", "--key-space-size=12", "--sequential-keys", "--val-size=3");
    const { kvs } = await range({
      key: Buffer.from("00000000"),
      rangeEnd: Buffer.from("00000012"),
    });
    assert.deepEqual(
      kvs.map(({ key, value }) => [Buffer.from(key).toString(), value.length]),
      Array.from({ length: 12 }, (_, i) => [String(i).padStart(8, "0"), 3]),
    );
  });

  test("put compacts beside the run and shows the store's hash", async () => {
    const run = await bench(
      ...["put", "--seconds=1", "--rate=200", "--check-hashkv"],
      ...["--compact-interval=200ms", "--compact-index-delta=10"],
    );
    assert.equal(run.code, 0, run.stderr);
    assert.match(run.stdout, /HashKV Summary:\n\tHashKV: \d+\n/);
    await assert.rejects(range({ key: Buffer.from("x"), revision: 2n }), /compacted/);
  });

  test("put keeps a schedule", async () => {
    const { count, schedule } = await counts("put", "--rate=500", "--total=100");
    assert.deepEqual([count, schedule?.rate, schedule?.missed], [100, 500, 0]);
  });

  test("range reads, quorum or not", async () => {
    assert.equal((await counts("range", "foo", "--total=20")).count, 20);
    const run = await bench("range", "a", "z", "--total=5", "--consistency=s");
    assert.match(run.stdout, /^bench with serializable range\n\nSummary:/);
    const spans = await counts("range", "--span=3", "--key-space-size=50", "--total=20");
    assert.equal(spans.count, 20);
  });

  test("txn-put makes one revision per transaction", async () => {
    const before = await revision();
    await counts("txn-put", "--txn-ops=4", "--key-space-size=10", "--total=30");
    assert.equal((await revision()) - before, 30);
  });

  test("txn-mixed makes reads and writes, and writes only where it is asked", async () => {
    const mixed = await counts("txn-mixed", "--total=100", "--rw-ratio=1");
    assert.ok((mixed.series.read ?? 0) > 10 && (mixed.series.write ?? 0) > 10);
    assert.deepEqual((await counts("txn-mixed", "--total=20", "--rw-ratio=0")).series, {
      write: 20,
    });
  });

  test("watch counts every event of every watcher", async () => {
    const one = await counts("watch", "--put-total=20", "--streams=2", "--watch-per-stream=3");
    assert.deepEqual([one.unit, one.count, one.series], ["events", 120, { puts: 20, events: 120 }]);
    const keys = ["--watched-key-total=4", "--streams=1", "--watch-per-stream=6"];
    // Watchers of the four keys: 2, 2, 1 and 1; ten puts go to 3, 3, 2 and 2.
    assert.equal((await counts("watch", "--put-total=10", ...keys)).count, 16);
    const all = ["--watched-key-total=0", "--key-space-size=9", "--threads=2", "--conns=2"];
    const everything = await counts(
      ...["watch", "--put-total=10", "--streams=2", "--watch-per-stream=2", "--clients=2"],
      ...all,
    );
    assert.equal(everything.count, 40);
  });

  test("watch-latency has puts and events", async () => {
    const { series } = await counts(
      ...["watch-latency", "--put-total=10", "--put-rate=200"],
      ...["--streams=2", "--watchers-per-stream=2", "--prevkv"],
    );
    assert.deepEqual(series, { puts: 10, events: 40 });
  });

  test("watch-get reads until the watchers have everything", async () => {
    const { unit, count } = await counts("watch-get", "--watchers=20", "--streams=2", "--events=3");
    assert.equal(unit, "gets");
    assert.ok(count > 0);
  });

  test("lease-keepalive renews", async () => {
    assert.equal((await counts("lease-keepalive", "--total=20", "--clients=3")).count, 20);
  });

  test("stm commits under contention, in every isolation and with a lock of keys", async () => {
    const contention = ["--clients=3", "--keys=2", "--keys-per-txn=2", "--total=12"];
    for (const isolation of ["c", "r", "s", "ss"]) {
      assert.equal((await counts("stm", ...contention, `--isolation=${isolation}`)).count, 12);
    }
    assert.equal((await counts("stm", ...contention, "--stm-locker=lock-client")).count, 12);
    const { count } = await range({
      key: Buffer.from("stmlock/"),
      rangeEnd: Buffer.from("stmlock0"),
    });
    assert.equal(count, 0n, "keys of the lock that were left behind");
  });

  test("k8s makes its mix, delivers each write to every API server, twice on one store", async () => {
    const args = ["k8s", "--nodes=4", "--pods-per-node=3", "--api-servers=2"];
    for (const pace of [["--rate=400"], ["--rate=0", "--clients=4"]]) {
      const { count, series } = await counts(...args, ...pace, "--total=150");
      const { events = 0, ...calls } = series;
      assert.equal(
        Object.values(calls).reduce((sum, each) => sum + each, 0),
        150,
      );
      assert.equal(count, 150);
      const reads = ["get", "freshness", "list-page", "count"];
      const writes = Object.entries(calls).filter(([name]) => !reads.includes(name));
      assert.equal(events, 2 * writes.reduce((sum, [, each]) => sum + each, 0));
      assert.ok(writes.length > 3, JSON.stringify(series));
    }
  });

  test("txn-k8s creates and updates", async () => {
    assert.equal((await counts("txn-k8s", "--total=40", "--clients=4")).count, 40);
  });

  test("fill writes every key", async () => {
    const { unit } = await counts("fill", "--key-space-size=300", "--val-size=10");
    assert.equal(unit, "keys");
    const { count } = await range({ key: Buffer.from("bench/"), rangeEnd: Buffer.from("bench0") });
    assert.equal(count, 300n);
  });

  test("--versus makes the same run on both in turns", async () => {
    const run = await bench("put", "--total=10", "--versus", server.target, "--pairs=2");
    assert.equal(run.code, 0, run.stderr);
    assert.match(run.stdout, /^medians, 2 pairs/);
    assert.match(run.stdout, /ratio +min +max\nput +puts\/s( +[\d.,]+){5}\n/);
    assert.equal(run.stderr.split("\n").filter((line) => line.includes("puts/s")).length, 4);
  });

  test("--target-leader finds the leader", async () => {
    assert.equal((await counts("put", "--total=5", "--target-leader")).count, 5);
  });

  test("says first what failed first, and ends with 1", async () => {
    // A key that is refused: values above the limit of a request.
    const run = await bench("put", "--total=3", "--val-size=2000000");
    assert.equal(run.code, 1);
    assert.match(run.stderr, /^3 calls failed, first: grpc-status 3 INVALID_ARGUMENT\n$/);
    assert.match(run.stdout, /Error distribution:\n {2}\[3\]\tgrpc-status 3 INVALID_ARGUMENT\n/);
  });
});

describe("capstan bench", () => {
  const bench = (...args: string[]): Promise<CapstanRun> =>
    runCapstan({ args: ["bench", ...args] });

  test("ends with 1 where nobody listens, and names the place", async () => {
    const run = await bench("put", "--endpoints", `127.0.0.1:${await freePort()}`);
    assert.deepEqual([run.code, run.stdout], [1, ""]);
    assert.match(run.stderr, /^127\.0\.0\.1:\d+: connect ECONNREFUSED[^\n]*\n$/);
  });

  test("ends with 2 for a command line that it does not understand", async () => {
    for (const [why, ...args] of [
      ["no such command: puts", "puts"],
      ["--total must be a number of at least 1", "put", "--total=0"],
    ] as const) {
      const run = await bench(...args);
      assert.deepEqual([run.code, run.stdout], [2, ""]);
      assert.equal(run.stderr, `${why}; --help explains\n`);
    }
  });

  test("shows help", async () => {
    const all = await bench("--help");
    assert.equal(all.code, 0);
    assert.match(all.stdout, /^ {2}watch-latency +\S/m);
    const one = await bench("stm", "--help");
    assert.equal(one.code, 0);
    assert.match(one.stdout, /--stm-locker +.*\(stm\)/);
  });
});
