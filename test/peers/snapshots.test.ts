import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, describe, test } from "node:test";
import { SNAPSHOT_METHOD } from "../../src/raft-worker/peers/service.js";
import { until } from "../support/until.js";
import {
  CLUSTER_ID,
  connected,
  membershipOf,
  TestMember,
  type TestMemberOptions,
} from "./support/cluster.js";
import { RawClient } from "./support/raw-peer.js";
import { exportStore, makeStore, STORED_TERM } from "./support/stored.js";
import { SwallowingProxy } from "./support/swallowing-proxy.js";

const MIB = 1024 * 1024;
const PART = "incoming.part";

describe("snapshots between members", () => {
  const directory = mkdtempSync(join(tmpdir(), "capstan-peer-stores-"));
  const storeDirectory = join(directory, "store");
  let storedIndex = 0;
  let chunks: Buffer[] = [];
  const closers: (() => unknown)[] = [];
  before(async () => {
    storedIndex = await makeStore(storeDirectory, 8 * MIB);
    chunks = await exportStore(storeDirectory);
    assert.ok(chunks.length > 10);
  });
  after(() => rmSync(directory, { recursive: true, force: true }));
  afterEach(async () => {
    for (const close of closers.splice(0).reverse()) await close();
  });

  async function start(options: TestMemberOptions): Promise<TestMember> {
    const member = await TestMember.start({ storeDirectory, ...options });
    closers.push(() => member.close());
    return member;
  }

  async function startPair(store = storeDirectory): Promise<[TestMember, TestMember]> {
    const a = await start({ id: 1n, storeDirectory: store });
    const b = await start({ id: 2n });
    for (const member of [a, b]) member.network.setMembership(membershipOf([a, b]));
    await connected([a, b]);
    return [a, b];
  }

  /** Sends from one to the other; how it ended, and the index it was announced with. */
  function send(from: TestMember, to: bigint): Promise<{ ok: boolean; index: number | undefined }> {
    return new Promise((resolve) => {
      let index: number | undefined;
      from.network.sendSnapshot(to, {
        started: (position) => {
          index = position;
        },
        finished: (ok) => resolve({ ok, index }),
      });
    });
  }

  function openRaw(member: TestMember): ReturnType<RawClient["open"]> {
    const client = new RawClient(member.url);
    closers.push(() => client.close());
    return client.open(RawClient.handshake(9n, member.id), SNAPSHOT_METHOD);
  }

  function firstChunk(): Buffer {
    const [chunk] = chunks;
    assert.ok(chunk !== undefined);
    return chunk;
  }

  function received(member: TestMember): string[] {
    return readdirSync(join(member.directory, "snap"));
  }

  /** Sends these bytes as a snapshot and gives the text that they are refused with. */
  async function refusal(member: TestMember, bytes: readonly Buffer[]): Promise<string> {
    const { call, accepted, over } = openRaw(member);
    await accepted;
    for (const chunk of bytes) call.write(chunk);
    call.end();
    return (await over)?.details ?? "";
  }

  test("a store arrives byte for byte under the name of its position", async () => {
    const [a, b] = await startPair();
    assert.deepEqual(await send(a, b.id), { ok: true, index: storedIndex });
    await until(() => b.arrivals.snapshots.length === 1, "the snapshot is handed on");
    const hex = (value: number): string => value.toString(16).padStart(16, "0");
    const name = `${hex(storedIndex)}-${hex(STORED_TERM)}.snapshot`;
    const path = join(b.directory, "snap", name);
    assert.deepEqual(b.arrivals.snapshots, [{ index: storedIndex, term: STORED_TERM, path }]);
    assert.deepEqual(received(b), [name]);
    assert.ok(readFileSync(path).equals(Buffer.concat(chunks)));
    assert.equal(a.log.count("sending snapshot: finished"), 1);
    assert.equal(b.log.count("receiving snapshot: started"), 1);
    assert.equal(b.log.count("receiving snapshot: finished"), 1);
  });

  test("damaged at any place it is refused, and nothing of it is left", async () => {
    const member = await start({ id: 1n });
    const whole = Buffer.concat(chunks);
    for (const place of [0, 20, 1000, whole.length >> 1, whole.length - 1]) {
      const damaged = Buffer.from(whole);
      damaged[place] = (damaged[place] ?? 0) ^ 1;
      assert.match(await refusal(member, [damaged]), /snapshot/);
      assert.deepEqual(received(member), []);
    }
    assert.match(await refusal(member, chunks.slice(0, -1)), /snapshot ends in frame/);
    assert.match(await refusal(member, []), /snapshot ends in frame 0/);
    assert.match(
      await refusal(member, [...chunks, Buffer.from("more")]),
      /behind the snapshot's end/,
    );
    assert.deepEqual(received(member), []);
    assert.deepEqual(member.arrivals.snapshots, []);
    assert.equal(member.log.count("receiving snapshot: failed"), 8);
  });

  test("one that its sender gives up leaves nothing, and the next one is taken", async () => {
    const member = await start({ id: 1n });
    const { call, accepted } = openRaw(member);
    await accepted;
    call.write(firstChunk());
    await until(() => received(member).includes(PART), "the first bytes");
    call.cancel();
    await until(() => received(member).length === 0, "nothing is left");
    assert.equal(await refusal(member, chunks), "");
    await until(() => member.arrivals.snapshots.length === 1, "the next one");
  });

  test("a second one at the same time is refused; the first goes on", async () => {
    const member = await start({ id: 1n });
    const first = openRaw(member);
    await first.accepted;
    first.call.write(firstChunk());
    const second = openRaw(member);
    assert.match((await second.over)?.details ?? "", /another snapshot is being received/);
    for (const chunk of chunks.slice(1)) first.call.write(chunk);
    first.call.end();
    assert.equal(await first.over, null);
    await until(() => member.arrivals.snapshots.length === 1, "the first one");
  });

  test("a full disk is told to the sender, and leaves nothing", async () => {
    const [a, b] = await startPair();
    // Whatever is written to this device fails as on a full disk.
    symlinkSync("/dev/full", join(b.directory, "snap", PART));
    assert.deepEqual(await send(a, b.id), { ok: false, index: storedIndex });
    const failure = a.log.lines.find(({ message }) => message === "sending snapshot: failed");
    assert.match(String(Reflect.get(failure?.fields ?? {}, "error")), /ENOSPC/);
    assert.deepEqual(received(b), []);
    assert.deepEqual(b.arrivals.snapshots, []);
    assert.deepEqual(await send(a, b.id), { ok: true, index: storedIndex });
  });

  test("a sender without a store, and one that does not know the member, say so", async () => {
    const [a] = await startPair(join(directory, "no such store"));
    assert.deepEqual(await send(a, 2n), { ok: false, index: undefined });
    const b = await start({ id: 3n });
    assert.deepEqual(await send(b, 77n), { ok: false, index: storedIndex });
  });

  test("a receiver that falls silent, and one that goes away, end the stream", async () => {
    const a = await start({ id: 1n });
    const b = await start({ id: 2n });
    const proxy = await SwallowingProxy.start(b.url);
    closers.push(() => proxy.close());
    a.network.setMembership(membershipOf([a, { id: 2n, url: proxy.url }]));
    await until(() => a.isConnectedTo(2n), "connected");
    proxy.swallow();
    assert.equal((await send(a, 2n)).ok, false);
    proxy.pass();
    await b.network.close();
    assert.equal((await send(a, 2n)).ok, false);
    assert.deepEqual(received(b), []);
  });

  test("a member that is closed while it sends or receives leaves nothing half done", async () => {
    const [a, b] = await startPair();
    const { call, accepted } = openRaw(b);
    await accepted;
    call.write(firstChunk());
    await until(() => received(b).includes(PART), "the first bytes");
    const proxy = await SwallowingProxy.start(b.url);
    closers.push(() => proxy.close());
    proxy.swallow();
    a.network.setMembership(membershipOf([a, b, { id: 3n, url: proxy.url }]));
    const started = new Promise<void>((resolve) => {
      a.network.sendSnapshot(3n, {
        started: () => resolve(),
        finished: () => assert.fail("closed networks say nothing"),
      });
    });
    await started;
    await Promise.all([a.network.close(), b.network.close()]);
    assert.deepEqual(received(b), []);
    assert.deepEqual(b.arrivals.snapshots, []);
  });

  test("what a crash left half received is removed at the start", async () => {
    const member = await start({ id: 1n });
    const snapshotDirectory = join(member.directory, "snap");
    const { call, accepted } = openRaw(member);
    await accepted;
    call.write(firstChunk());
    await until(() => received(member).includes(PART), "the first bytes");
    // A second process on the same directory: the first one has died, as far as it can tell.
    await start({ id: 1n, snapshotDirectory });
    assert.deepEqual(received(member), []);
  });

  test("a member of another cluster sends none", async () => {
    const member = await start({ id: 1n });
    const foreign = await start({ id: 2n, clusterId: CLUSTER_ID + 1n });
    foreign.network.setMembership(membershipOf([member, foreign]));
    assert.deepEqual(await send(foreign, 1n), { ok: false, index: storedIndex });
    assert.deepEqual(received(member), []);
  });

  test("messages go on, in order, while a large store streams", async () => {
    const large = join(directory, "large");
    await makeStore(large, 200 * MIB);
    const [a, b] = await startPair(large);
    let isOver = false;
    const outcome = send(a, b.id).finally(() => {
      isOver = true;
    });
    await until(() => received(b).includes(PART), "the first bytes");
    let rounds = 0;
    // Each heartbeat waits for the answer to the one before: what is counted are round trips.
    while (!isOver) {
      a.network.send(b.id, { kind: "heartbeat", term: 1, commitIndex: 0, round: rounds });
      await until(() => b.arrivals.messages.length > rounds, "a heartbeat");
      b.network.send(a.id, { kind: "heartbeatAck", term: 1, round: rounds });
      await until(() => a.arrivals.messages.length > rounds, "its answer");
      rounds += 1;
    }
    assert.equal((await outcome).ok, true);
    assert.ok(rounds >= 20, `${rounds} round trips`);
    const seen = b.arrivals.messages.map(({ message }) =>
      message.kind === "heartbeat" ? message.round : -1,
    );
    assert.deepEqual(seen, [...seen.keys()]);
  });
});
