import assert from "node:assert/strict";
import { afterEach, describe, test } from "node:test";
import type { Message } from "../../src/raft-worker/core/messages.js";
import { until } from "../support/until.js";
import { connected, membershipOf, startCluster, TestMember } from "./support/cluster.js";
import { SwallowingProxy } from "./support/swallowing-proxy.js";

function heartbeat(round: number): Message {
  return { kind: "heartbeat", term: 1, commitIndex: 0, round };
}

function append(prevIndex: number, payloads: readonly Uint8Array[]): Message {
  const entries = payloads.map((payload, position) => ({
    index: prevIndex + 1 + position,
    term: 2,
    payload,
  }));
  return { kind: "appendRequest", term: 2, prevIndex, prevTerm: 1, entries, commitIndex: 0 };
}

describe("streams between members", () => {
  let members: TestMember[] = [];
  afterEach(async () => {
    await Promise.all(members.map((member) => member.close()));
    members = [];
  });

  /** Members that the test fails without. */
  async function start(count: number): Promise<[TestMember, TestMember]> {
    members = await startCluster(count);
    const [a, b] = members;
    assert.ok(a !== undefined && b !== undefined);
    return [a, b];
  }

  test("tens of thousands of messages arrive in order, many to an envelope", async () => {
    const [a, b] = await start(2);
    const count = 40_000;
    for (let round = 0; round < count; round += 1) {
      a.network.send(b.id, heartbeat(round));
      if (round % 500 === 499) await new Promise((resolve) => setImmediate(resolve));
    }
    await until(() => b.arrivals.messages.length === count, "all messages");
    const rounds = b.arrivals.messages.map(({ message }) =>
      message.kind === "heartbeat" ? message.round : -1,
    );
    assert.deepEqual(rounds, [...rounds.keys()]);
    assert.ok(b.arrivals.messages.every(({ from }) => from === a.id));
    assert.ok(b.arrivals.deliveries <= count / 100, `${b.arrivals.deliveries} envelopes`);
  });

  test("both directions at once, entries byte for byte", async () => {
    const [a, b] = await start(3);
    const payloads = (seed: number): Uint8Array[] =>
      [0, 1, 100, 5000].map((length) => new Uint8Array(length).fill(seed + length));
    for (let batch = 0; batch < 100; batch += 1) {
      a.network.send(b.id, append(batch * 4, payloads(batch)));
      b.network.send(a.id, append(batch * 4, payloads(batch + 1)));
    }
    await until(() => b.arrivals.messages.length === 100, "messages to b");
    await until(() => a.arrivals.messages.length === 100, "messages to a");
    for (const [batch, { message }] of b.arrivals.messages.entries()) {
      assert.deepEqual(message, append(batch * 4, payloads(batch)));
    }
    for (const [batch, { message }] of a.arrivals.messages.entries()) {
      assert.deepEqual(message, append(batch * 4, payloads(batch + 1)));
    }
  });

  test("large appends pass whole, one after the other", async () => {
    const [a, b] = await start(2);
    for (let batch = 0; batch < 12; batch += 1) {
      a.network.send(b.id, append(batch, [new Uint8Array(1024 * 1024).fill(batch)]));
    }
    await until(() => b.arrivals.messages.length === 12, "all appends");
    for (const [batch, { message }] of b.arrivals.messages.entries()) {
      assert.ok(message.kind === "appendRequest" && message.prevIndex === batch);
      assert.ok(message.entries[0]?.payload.every((byte) => byte === batch));
    }
  });

  test("proposals of one turn travel in parts, each once and in order", async () => {
    const [a, b] = await start(2);
    const payloads = Array.from({ length: 60 }, (_, index) => new Uint8Array(100_000).fill(index));
    a.network.send(b.id, { kind: "proposeRequest", term: 3, payloads });
    const arrived = (): Uint8Array[] =>
      b.arrivals.messages.flatMap(({ message }) =>
        message.kind === "proposeRequest" ? message.payloads : [],
      );
    await until(() => arrived().length === 60, "all proposals");
    assert.deepEqual(
      arrived().map((payload) => payload[0]),
      payloads.map((payload) => payload[0]),
    );
    assert.ok(b.arrivals.messages.length > 1);
  });

  test("questions, answers and hashes beside the messages", async () => {
    const [a, b] = await start(2);
    assert.ok(a.network.ask(b.id, { id: 2 ** 50, kind: 1, payload: Uint8Array.of(1, 2) }));
    await until(() => b.arrivals.asks.length === 1, "the question");
    assert.deepEqual(b.arrivals.asks[0], {
      from: a.id,
      ask: { id: 2 ** 50, kind: 1, payload: Uint8Array.of(1, 2) },
    });
    assert.ok(b.network.answer(a.id, { id: 2 ** 50, code: 0, payload: Uint8Array.of(3) }));
    await until(() => a.arrivals.answers.length === 1, "the answer");
    assert.deepEqual(a.arrivals.answers[0]?.answer.payload, Uint8Array.of(3));
    const report = { index: 2 ** 40, hash: 0xffff_ffff_ffff_fffen };
    a.network.reportHash(b.id, report);
    await until(() => b.arrivals.hashes.length === 1, "the hash");
    assert.deepEqual(b.arrivals.hashes, [{ from: a.id, report }]);
    assert.equal(a.network.ask(77n, { id: 1, kind: 1, payload: new Uint8Array(0) }), false);
  });

  test("a member that comes back on its port is reached again, and the break is told", async () => {
    const [a, b] = await start(2);
    const port = Number(new URL(b.url).port);
    const others = membershipOf([a, b]);
    await b.close();
    await until(() => !a.isConnectedTo(b.id), "the break is noticed");
    assert.deepEqual(a.arrivals.unreachable, [b.id]);
    assert.equal(a.network.ask(b.id, { id: 1, kind: 1, payload: new Uint8Array(0) }), false);
    assert.equal(a.log.count("peer became inactive"), 1);
    const again = await TestMember.start({ id: b.id, port });
    members = [a, again];
    again.network.setMembership(others);
    await connected([a, again]);
    a.network.send(b.id, heartbeat(7));
    await until(
      () => again.arrivals.messages.some(({ message }) => message.kind === "heartbeat"),
      "a message",
    );
    assert.equal(a.log.count("peer became active"), 2);
  });

  test("however often the connection breaks, nothing comes twice or out of order", async () => {
    const a = await TestMember.start({ id: 1n });
    const b = await TestMember.start({ id: 2n });
    const proxy = await SwallowingProxy.start(b.url);
    members = [a, b];
    a.network.setMembership(membershipOf([a, { id: b.id, url: proxy.url }]));
    const rounds = (): number[] =>
      b.arrivals.messages.map(({ message }) => (message.kind === "heartbeat" ? message.round : -1));
    let round = 0;
    for (let breaks = 0; breaks < 8; breaks += 1) {
      const before = b.arrivals.messages.length;
      await until(() => {
        for (let count = 0; count < 50; count += 1) a.network.send(b.id, heartbeat(round++));
        return b.arrivals.messages.length > before + 100;
      }, "some messages");
      for (let count = 0; count < 200; count += 1) a.network.send(b.id, heartbeat(round++));
      proxy.pass();
    }
    await proxy.close();
    const seen = rounds();
    assert.deepEqual(
      seen,
      [...new Set(seen)].sort((x, y) => x - y),
    );
    assert.ok(seen.length < round, "something was lost");
  });

  test("what is sent before the connection is there goes out when it is", async () => {
    const a = await TestMember.start({ id: 1n });
    const b = await TestMember.start({ id: 2n });
    members = [a, b];
    a.network.setMembership(membershipOf([a, b]));
    assert.equal(a.isConnectedTo(b.id), false);
    a.network.send(b.id, heartbeat(1));
    await until(() => b.arrivals.messages.length === 1, "the early message");
  });

  test("a member whose URL changes is reached at the new one", async () => {
    const a = await TestMember.start({ id: 1n });
    const b = await TestMember.start({ id: 2n });
    members = [a, b];
    // Nothing listens there: port 1 is privileged.
    a.network.setMembership(membershipOf([a, { id: b.id, url: "http://127.0.0.1:1" }]));
    await until(() => a.log.count("failed to reach the peer") === 1, "a failed attempt");
    a.network.setMembership(membershipOf([a, b]));
    await until(() => a.isConnectedTo(b.id), "the new URL");
  });

  test("all of a member's URLs are tried in turn", async () => {
    const a = await TestMember.start({ id: 1n });
    const b = await TestMember.start({ id: 2n });
    members = [a, b];
    const membership = membershipOf([a, b]);
    membership.members[1]?.peerURLs.unshift("http://127.0.0.1:1", "http://[::1]:1");
    a.network.setMembership(membership);
    await until(() => a.isConnectedTo(b.id), "the third URL");
  });
});
