import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import {
  Etcd3,
  EtcdLeaseInvalidError,
  EtcdLockFailedError,
  GRPCOutOfRangeError,
  type IKeyValue,
  type Lock,
  type Watcher,
} from "etcd3";
import {
  freePort,
  type ServerProcess,
  skipWithoutEtcd,
  startCapstan,
  startEtcd,
} from "../support/server-process.js";

/** Collects what a watcher hears, as text, and lets a test wait for so much of it. */
class Heard {
  readonly events: string[] = [];
  readonly #watcher: Watcher;

  constructor(watcher: Watcher) {
    this.#watcher = watcher;
    watcher.on("put", ({ key, value }: IKeyValue, previous?: IKeyValue | null) => {
      const before = previous ? ` was ${previous.value}` : "";
      this.events.push(`put ${key}=${value}${before}`);
    });
    watcher.on("delete", ({ key }: IKeyValue) => {
      this.events.push(`delete ${key}`);
    });
  }

  async count(count: number): Promise<string[]> {
    const signal = AbortSignal.timeout(15_000);
    while (this.events.length < count) await once(this.#watcher, "data", { signal });
    return this.events;
  }
}

/** How long the client waits before it watches again. */
interface Backoff {
  readonly duration: number;
  next(): Backoff;
}

/** Its own choice grows to half a minute. */
const EVERY_HALF_SECOND: Backoff = { duration: 500, next: () => EVERY_HALF_SECOND };

const connect = (server: ServerProcess): Etcd3 =>
  new Etcd3({ hosts: server.target, faultHandling: { watchBackoff: EVERY_HALF_SECOND } });

/** The tests of the client; against real etcd they show that they ask for the right things. */
function suite(start: () => Promise<ServerProcess>): void {
  let server: ServerProcess;
  let client: Etcd3;
  before(async () => {
    server = await start();
    client = connect(server);
  });
  after(async () => {
    client.close();
    await server.dispose();
  });

  test("put, get, delete: text, numbers, JSON, bytes, nothing", async () => {
    await client.put("text").value("ä value");
    await client.put("number").value(42);
    await client.put("json").value('{"a":[1,2]}');
    await client.put("bytes").value(Buffer.from([0, 255, 10]));
    assert.equal(await client.get("text").string(), "ä value");
    assert.equal(await client.get("number").number(), 42);
    assert.deepEqual(await client.get("json").json(), { a: [1, 2] });
    assert.deepEqual(await client.get("bytes").buffer(), Buffer.from([0, 255, 10]));
    assert.equal(await client.get("none").string(), null);
    assert.equal(await client.get("text").exists(), true);
    const previous = await client.put("text").value("new").getPrevious();
    assert.equal(previous.value.toString(), "ä value");
    assert.equal((await client.delete().key("text")).deleted, "1");
    assert.equal(await client.get("text").exists(), false);
  });

  test("getAll: prefix, range, count, keys, limit, sort, an old revision", async () => {
    const space = client.namespace("all/");
    for (const [key, value] of [
      ["b", "1"],
      ["a", "3"],
      ["c", "2"],
    ] as const) {
      await space.put(key).value(value);
    }
    assert.deepEqual(await space.getAll().strings(), { a: "3", b: "1", c: "2" });
    assert.equal(await space.getAll().count(), 3);
    assert.deepEqual(await space.getAll().inRange({ start: "a", end: "c" }).keys(), ["a", "b"]);
    assert.deepEqual(await client.getAll().prefix("all/").limit(2).keys(), ["all/a", "all/b"]);
    const byValue = await space.getAll().sort("Value", "Descend").limit(2).exec();
    assert.deepEqual(
      byValue.kvs.map(({ value }) => value.toString()),
      ["3", "2"],
    );
    assert.equal(byValue.more, true);
    const { revision } = byValue.header;
    await space.delete().all();
    assert.equal(await space.getAll().count(), 0);
    assert.equal(await space.get("a").revision(revision).string(), "3");
    await assert.rejects(
      space
        .get("a")
        .revision(Number(revision) + 99)
        .string(),
      GRPCOutOfRangeError,
    );
  });

  test("if, and, then, else: both branches, every operation in them", async () => {
    await client.put("t/a").value("1");
    const taken = await client
      .if("t/a", "Value", "==", "1")
      .and("t/none", "Version", "==", 0)
      .then(client.put("t/b").value("2"), client.get("t/a"), client.delete().key("t/a"))
      .else(client.get("t/b"))
      .commit();
    assert.equal(taken.succeeded, true);
    const [, read, deleted] = taken.responses;
    assert.equal(read?.response_range.kvs[0]?.value.toString(), "1");
    assert.equal(deleted?.response_delete_range.deleted, "1");
    const notTaken = await client.if("t/b", "Mod", "<", 1).then().else(client.get("t/b")).commit();
    assert.equal(notTaken.succeeded, false);
    assert.equal(notTaken.responses[0]?.response_range.kvs[0]?.value.toString(), "2");
  });

  test("stm: counters raised at the same time lose nothing", async () => {
    await client.put("counter").value(0);
    const raise = (): Promise<unknown> =>
      client.stm({ retries: 50 }).transact(async (tx) => {
        const count = (await tx.get("counter").number()) ?? 0;
        await tx.put("counter").value(count + 1);
      });
    await Promise.all(Array.from({ length: 8 }, raise));
    assert.equal(await client.get("counter").number(), 8);
  });

  test("watch: keys, prefixes, previous values, filters, cancel", async () => {
    const space = client.namespace("w/");
    const one = await space.watch().key("a").withPreviousKV().create();
    const all = await space.watch().prefix("").create();
    const deletes = await space.watch().prefix("").only("delete").create();
    const heard = [new Heard(one), new Heard(all), new Heard(deletes)] as const;
    await space.put("a").value("1");
    await space.put("a").value("2");
    await space.put("b").value("3");
    await space.delete().all();
    assert.deepEqual(await heard[0].count(3), ["put a=1", "put a=2 was 1", "delete a"]);
    assert.deepEqual(await heard[1].count(5), [
      ...["put a=1", "put a=2", "put b=3", "delete a", "delete b"],
    ]);
    assert.deepEqual(await heard[2].count(2), ["delete a", "delete b"]);
    await one.cancel();
    await space.put("a").value("after");
    assert.equal((await heard[1].count(6)).at(-1), "put a=after");
    assert.equal(heard[0].events.length, 3);
    await Promise.all([all.cancel(), deletes.cancel()]);
  });

  test("watch from an old revision: history, then live", async () => {
    const space = client.namespace("h/");
    const { header } = await space.put("k").value("1");
    await space.put("k").value("2");
    const watcher = await space.watch().key("k").startRevision(header.revision).create();
    const heard = new Heard(watcher);
    await heard.count(2);
    await space.put("k").value("3");
    assert.deepEqual(await heard.count(3), ["put k=1", "put k=2", "put k=3"]);
    await watcher.cancel();
  });

  test("lease: keys with it, kept alive, revoked; an unknown one is refused", async () => {
    const lease = client.lease(5);
    await lease.put("leased").value("v");
    const id = await lease.grant();
    assert.equal(await client.get("leased").exists(), true);
    assert.equal((await lease.keepaliveOnce()).TTL, "5");
    const { grantedTTL, keys } = await client.leaseClient.leaseTimeToLive({ ID: id, keys: true });
    assert.deepEqual([grantedTTL, keys.map(String)], ["5", ["leased"]]);
    await lease.revoke();
    assert.equal(await client.get("leased").exists(), false);
    await assert.rejects(client.put("leased").value("v").lease(id).exec(), EtcdLeaseInvalidError);
  });

  test("lease: lost when it is revoked behind the client's back", async () => {
    const lease = client.lease(2);
    const id = await lease.grant();
    const lost = once(lease, "lost", { signal: AbortSignal.timeout(15_000) });
    await client.leaseClient.leaseRevoke({ ID: id });
    const [error] = await lost;
    assert.ok(error instanceof EtcdLeaseInvalidError);
  });

  test("lock: held by one, refused to another, free afterwards", async () => {
    // Short: the client may forget to stop the timer that looks after a lease, which then holds us up.
    const lock = (): Lock => client.lock("mutex").ttl(3);
    const first = await lock().acquire();
    await assert.rejects(lock().acquire(), EtcdLockFailedError);
    await first.release();
    assert.equal(await lock().do(() => "done"), "done");
  });

  test("election: a leader, its word, an observer, and the next leader", async () => {
    const election = client.election("post", 3);
    const first = election.campaign("one");
    await first.wait();
    assert.equal(await election.leader(), "one");
    const observer = await election.observe();
    const changed = once(observer, "change", { signal: AbortSignal.timeout(15_000) });
    await first.proclaim("one again");
    await changed;
    const second = election.campaign("two");
    await second.getCampaignKey();
    const elected = once(second, "elected", { signal: AbortSignal.timeout(15_000) });
    await first.resign();
    await elected;
    assert.equal(await election.leader(), "two");
    await observer.cancel();
    await second.resign();
  });

  test("maintenance and cluster: status, members, hash", async () => {
    const status = await client.maintenance.status();
    assert.match(status.version, /^3\.\d+\.\d+$/);
    const { members } = await client.cluster.memberList({});
    assert.deepEqual(
      members.map(({ name, ID }) => [name, ID]),
      [["m1", status.leader]],
    );
    assert.equal(typeof (await client.maintenance.hash()).hash, "number");
  });
}

describe("npm etcd3 on capstan", () => suite(() => startCapstan()));
describe("npm etcd3 on etcd", { skip: skipWithoutEtcd() }, () => suite(() => startEtcd()));

describe("npm etcd3 over a restart of capstan", () => {
  test("a watcher goes on where it was, without a gap or a double", async () => {
    const dataDir = mkdtempSync(join(tmpdir(), "capstan-etcd3-"));
    const port = await freePort();
    let server = await startCapstan({ dataDir, port });
    const client = connect(server);
    try {
      const watcher = await client.watch().prefix("r/").create();
      const heard = new Heard(watcher);
      await client.put("r/1").value("before");
      await heard.count(1);
      const disconnected = once(watcher, "disconnected", { signal: AbortSignal.timeout(15_000) });
      await server.end("SIGKILL");
      await disconnected;
      server = await startCapstan({ dataDir, port });
      const other = connect(server);
      await other.put("r/2").value("after");
      await other.put("r/3").value("after");
      other.close();
      assert.deepEqual(await heard.count(3), ["put r/1=before", "put r/2=after", "put r/3=after"]);
      await watcher.cancel();
    } finally {
      client.close();
      await server.dispose();
      rmSync(dataDir, { recursive: true, force: true });
    }
  });
});
