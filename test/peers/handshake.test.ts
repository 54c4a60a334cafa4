import assert from "node:assert/strict";
import { afterEach, describe, test } from "node:test";
import type { Metadata } from "@grpc/grpc-js";
import { encodeEnvelope } from "../../src/raft-worker/peers/envelope.js";
import { Refusal, RefusedError, refusalStatus } from "../../src/raft-worker/peers/refusal.js";
import { until } from "../support/until.js";
import { connected, membershipOf, startCluster, TestMember } from "./support/cluster.js";
import { RawClient, RawServer } from "./support/raw-peer.js";

describe("who is let in", () => {
  let members: TestMember[] = [];
  let clients: RawClient[] = [];
  let servers: RawServer[] = [];
  afterEach(async () => {
    for (const peer of [...clients, ...servers]) peer.close();
    await Promise.all(members.map((member) => member.close()));
    members = [];
    clients = [];
    servers = [];
  });

  async function start(id: bigint, clusterId?: bigint): Promise<TestMember> {
    const member = await TestMember.start({
      id,
      ...(clusterId === undefined ? {} : { clusterId }),
    });
    members.push(member);
    return member;
  }

  /** Sends one call with a changed handshake and gives the text that it is refused with. */
  async function refusal(
    member: TestMember,
    change: (metadata: Metadata) => void,
  ): Promise<string> {
    const client = new RawClient(member.url);
    clients.push(client);
    const metadata = RawClient.handshake(2n, member.id);
    change(metadata);
    const error = await client.open(metadata).over;
    return error?.details ?? "";
  }

  test("a member of another cluster is refused, and both logs say why", async () => {
    const a = await start(1n);
    const foreign = await start(2n, 0xf00n);
    const roster = membershipOf([a, foreign]);
    a.network.setMembership(roster);
    foreign.network.setMembership(roster);
    const sent = "request sent was ignored by remote peer due to cluster ID mismatch";
    const got = "request cluster ID mismatch";
    await until(() => a.log.count(sent) > 0 && a.log.count(got) > 0, "the log of a");
    await until(() => foreign.log.count(sent) > 0 && foreign.log.count(got) > 0, "the other log");
    a.network.send(foreign.id, { kind: "termNotice", term: 9 });
    assert.equal(a.isConnectedTo(foreign.id), false);
    assert.deepEqual(foreign.arrivals.messages, []);
    assert.equal(foreign.arrivals.removals, 0);
  });

  test("a lasting refusal is logged once, not at every attempt", async () => {
    const reason = new RefusedError(Refusal.clusterIdMismatch, "request cluster ID mismatch");
    let attempts = 0;
    const server = await RawServer.start((_call, respond) => {
      attempts += 1;
      respond(refusalStatus(reason));
    });
    servers.push(server);
    const member = await start(1n);
    member.network.setMembership(membershipOf([member, { id: 2n, url: server.url }]));
    await until(() => attempts === 4, "some attempts");
    assert.equal(member.log.count("request sent was ignored"), 1);
    assert.deepEqual(member.arrivals.unreachable, []);
  });

  test("a removed member learns that it was, and is not heard any more", async () => {
    members = await startCluster(3);
    const [a, b, c] = members;
    assert.ok(a !== undefined && b !== undefined && c !== undefined);
    const rest = membershipOf([a, b], [c.id]);
    a.network.setMembership(rest);
    await until(() => c.arrivals.removals > 0, "the removed member is told");
    c.network.send(a.id, { kind: "termNotice", term: 9 });
    c.network.send(b.id, { kind: "termNotice", term: 9 });
    await until(() => b.arrivals.messages.length === 1, "b has not applied the removal yet");
    assert.deepEqual(a.arrivals.messages, []);
    assert.ok(a.network.status().every(({ id }) => id !== c.id));
    assert.ok(a.isConnectedTo(b.id));
  });

  test("a sender that the store does not know yet is heard, and answered at its own URLs", async () => {
    const a = await start(1n);
    const joining = await start(2n);
    a.network.setMembership(membershipOf([a, joining]));
    await connected(members);
    joining.network.send(a.id, { kind: "termNotice", term: 4 });
    await until(() => a.arrivals.messages.length === 1, "the answer");
    // It goes, and turns out to be no member: nobody looks for it any more.
    a.network.setMembership(membershipOf([a]));
    assert.equal(a.network.status().length, 1);
    await joining.network.close();
    await until(() => a.network.status().length === 0, "forgotten");
  });

  test("calls that are not for this member are refused with the reason", async () => {
    const member = await start(1n);
    assert.match(
      await refusal(member, (metadata) => metadata.set("capstan-to", "3")),
      /request for member 3 reached member 1/,
    );
    assert.match(
      await refusal(member, (metadata) => metadata.set("capstan-from", "1")),
      /member 1 called itself/,
    );
    assert.match(
      await refusal(member, (metadata) => metadata.set("capstan-protocol", "2")),
      /incompatible peer protocol: got "2", need 1/,
    );
    assert.match(
      await refusal(member, (metadata) => metadata.remove("capstan-protocol")),
      /incompatible peer protocol/,
    );
    assert.match(
      await refusal(member, (metadata) => metadata.set("capstan-cluster-id", "beef")),
      /request cluster ID mismatch \(got beef want cdf818194e3a8c32\)/,
    );
    assert.match(
      await refusal(member, (metadata) => metadata.set("capstan-from", "not hex")),
      /no valid capstan-from/,
    );
  });

  test("a second stream of a member takes the place of the first", async () => {
    const member = await start(1n);
    const client = new RawClient(member.url);
    clients.push(client);
    const first = client.open(RawClient.handshake(2n, member.id));
    await first.accepted;
    const second = client.open(RawClient.handshake(2n, member.id));
    await second.accepted;
    assert.match((await first.over)?.details ?? "", /has opened a newer stream/);
    second.call.write(
      encodeEnvelope([{ kind: "message", message: { kind: "termNotice", term: 1 } }]),
    );
    await until(() => member.arrivals.messages.length === 1, "the second stream is heard");
  });

  test("the member list is there for whoever knows no cluster id", async () => {
    const member = await start(7n);
    member.arrivals.memberList = Uint8Array.of(1, 2, 3);
    const client = new RawClient(member.url);
    clients.push(client);
    const answer = await client.members();
    assert.equal(answer.readBigUInt64LE(0), 0xcdf8_1819_4e3a_8c32n);
    assert.equal(answer.readBigUInt64LE(8), 7n);
    assert.deepEqual([...answer.subarray(16)], [1, 2, 3]);
  });
});
