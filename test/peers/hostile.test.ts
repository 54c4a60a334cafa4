import assert from "node:assert/strict";
import { connect } from "node:net";
import { afterEach, describe, test } from "node:test";
import { status } from "@grpc/grpc-js";
import type { Message } from "../../src/raft-worker/core/messages.js";
import { QUEUE_BYTES_MAX, STREAM_BYTES_MAX } from "../../src/raft-worker/peers/bounds.js";
import { decodeEnvelope, encodeEnvelope } from "../../src/raft-worker/peers/envelope.js";
import { acceptMetadata } from "../../src/raft-worker/peers/handshake.js";
import type { IncomingCall } from "../../src/raft-worker/peers/incoming-streams.js";
import { MIB } from "../../src/shared/limits.js";
import { collectGarbage } from "../support/collect-garbage.js";
import { until } from "../support/until.js";
import { membershipOf, TestMember } from "./support/cluster.js";
import { RawClient, RawServer } from "./support/raw-peer.js";
import { SwallowingProxy } from "./support/swallowing-proxy.js";

/** The queue of one peer, what its stream was given, and what the sockets have taken. */
const HELD_BYTES_MAX = QUEUE_BYTES_MAX + STREAM_BYTES_MAX + 4 * MIB;
const NOTICE = encodeEnvelope([{ kind: "message", message: { kind: "termNotice", term: 1 } }]);

function append(prevIndex: number, bytes: number): Message {
  const entries = [{ index: prevIndex + 1, term: 1, payload: new Uint8Array(bytes) }];
  return { kind: "appendRequest", term: 1, prevIndex, prevTerm: 0, entries, commitIndex: 0 };
}

/** Bytes of buffers that something refers to. */
function heldBytes(): number {
  collectGarbage();
  return process.memoryUsage().arrayBuffers;
}

describe("a peer that does not behave", () => {
  const closers: (() => unknown)[] = [];
  afterEach(async () => {
    for (const close of closers.splice(0).reverse()) await close();
  });

  async function start(messageBytesMax?: number): Promise<TestMember> {
    const member = await TestMember.start({
      id: 1n,
      ...(messageBytesMax === undefined ? {} : { messageBytesMax }),
    });
    closers.push(() => member.close());
    return member;
  }

  function rawClient(member: TestMember): RawClient {
    const client = new RawClient(member.url);
    closers.push(() => client.close());
    return client;
  }

  test("malformed bytes close the stream, with the reason, and nothing else", async () => {
    const member = await start();
    const client = rawClient(member);
    for (const bytes of [Buffer.alloc(0), Buffer.from("garbage"), NOTICE.subarray(0, 6)]) {
      const { call, accepted, over } = client.open(RawClient.handshake(2n, member.id));
      await accepted;
      call.write(NOTICE);
      call.write(bytes);
      call.write(NOTICE);
      assert.match((await over)?.details ?? "", /malformed envelope/);
    }
    assert.equal(member.arrivals.messages.length, 3);
    assert.equal(member.log.count("it sent what no member sends"), 3);
    const { call, accepted } = client.open(RawClient.handshake(2n, member.id));
    await accepted;
    call.write(NOTICE);
    await until(() => member.arrivals.messages.length === 4, "business as usual");
  });

  test("an envelope above the bound closes the stream", async () => {
    const member = await start(10_000);
    const { call, accepted, over } = rawClient(member).open(RawClient.handshake(2n, member.id));
    await accepted;
    call.write(Buffer.alloc(10_001));
    assert.equal((await over)?.code, status.RESOURCE_EXHAUSTED);
    assert.deepEqual(member.arrivals.messages, []);
  });

  test("bytes that are not HTTP/2, and connections that say nothing, do no harm", async () => {
    const member = await start();
    const { port, hostname } = new URL(member.url);
    const garbage = connect(Number(port), hostname);
    garbage.on("error", () => {});
    const closed = new Promise((resolve) => garbage.once("close", resolve));
    garbage.end("GET / HTTP/1.1\r\n\r\n");
    garbage.resume();
    const silent = connect(Number(port), hostname);
    silent.on("error", () => {});
    closers.push(() => silent.destroy());
    await closed;
    const { call, accepted } = rawClient(member).open(RawClient.handshake(2n, member.id));
    await accepted;
    call.write(NOTICE);
    await until(() => member.arrivals.messages.length === 1, "business as usual");
  });

  test("an address that is taken is an error at the start, and nothing stays open", async () => {
    const first = await start();
    const taken = Number(new URL(first.url).port);
    await assert.rejects(TestMember.start({ id: 2n, port: taken }), { code: "EADDRINUSE" });
    const { call, accepted } = rawClient(first).open(RawClient.handshake(2n, first.id));
    await accepted;
    call.write(NOTICE);
    await until(() => first.arrivals.messages.length === 1, "the first one is not touched");
  });

  test("one that does not read costs bounded memory; what was taken arrives in order", async () => {
    let incoming: IncomingCall | undefined;
    const server = await RawServer.start((call) => {
      incoming = call;
      call.sendMetadata(acceptMetadata());
    });
    closers.push(() => server.close());
    const member = await start();
    member.network.setMembership(membershipOf([member, { id: 2n, url: server.url }]));
    await until(() => member.isConnectedTo(2n), "connected");
    const before = heldBytes();
    for (let index = 0; index < 200; index += 1) {
      member.network.send(2n, append(index, 512 * 1024));
      await new Promise((resolve) => setImmediate(resolve));
    }
    assert.equal(member.arrivals.unreachable.at(-1), 2n);
    assert.equal(member.log.count("it takes them too slowly"), 1);
    await until(() => heldBytes() - before < HELD_BYTES_MAX, "what is not held any more goes");
    // Small messages still have room, and come after what was there before.
    assert.ok(member.network.ask(2n, { id: 1, kind: 1, payload: new Uint8Array(0) }));
    const arrived: number[] = [];
    let asks = 0;
    incoming?.on("data", (bytes: Buffer) => {
      for (const item of decodeEnvelope(bytes)) {
        if (item.kind === "ask") asks += 1;
        else if (item.kind === "message" && item.message.kind === "appendRequest") {
          arrived.push(item.message.prevIndex);
        }
      }
    });
    await until(() => asks === 1, "the queue has passed");
    assert.ok(arrived.length < 100, `${arrived.length} were held`);
    assert.deepEqual(arrived, [...arrived.keys()]);
  });

  test("a connection that swallows everything is noticed, and made again", async () => {
    const member = await start();
    const other = await TestMember.start({ id: 2n });
    closers.push(() => other.close());
    const proxy = await SwallowingProxy.start(other.url);
    closers.push(() => proxy.close());
    member.network.setMembership(membershipOf([member, { id: 2n, url: proxy.url }]));
    await until(() => member.isConnectedTo(2n), "connected");
    proxy.swallow();
    await until(() => !member.isConnectedTo(2n), "the silence is noticed");
    assert.deepEqual(member.arrivals.unreachable, [2n]);
    // An attempt in the meantime finds a port that is open and a member that does not answer.
    await until(() => member.log.count("failed to reach the peer") > 0, "an attempt fails");
    proxy.pass();
    await until(() => member.isConnectedTo(2n), "connected again");
    member.network.send(2n, { kind: "termNotice", term: 5 });
    await until(() => other.arrivals.messages.length === 1, "a message");
  });
});
