import assert from "node:assert/strict";
import { after, afterEach, before, describe, test } from "node:test";
import type { PeerTlsOptions } from "../../src/shared/control/raft-control.js";
import { Authority } from "../support/certificates.js";
import { until } from "../support/until.js";
import { connected, membershipOf, startCluster, TestMember } from "./support/cluster.js";
import { RawClient } from "./support/raw-peer.js";

describe("members with certificates", () => {
  let authority: Authority;
  let stranger: Authority;
  let members: TestMember[] = [];
  before(() => {
    authority = new Authority("peers");
    stranger = new Authority("strangers");
  });
  after(() => {
    authority.remove();
    stranger.remove();
  });
  afterEach(async () => {
    await Promise.all(members.map((member) => member.close()));
    members = [];
  });

  function tlsOf(from: Authority, name = "IP:127.0.0.1", clientCertAuth = true): PeerTlsOptions {
    return { ...from.issue(name), ca: authority.cert, clientCertAuth };
  }

  async function start(id: bigint, tls: PeerTlsOptions): Promise<TestMember> {
    const member = await TestMember.start({ id, tls });
    members.push(member);
    return member;
  }

  test("each shows a certificate of the authority to the other", async () => {
    members = await startCluster(2, tlsOf(authority));
    const [a, b] = members;
    assert.ok(a !== undefined && b !== undefined);
    a.network.send(b.id, { kind: "termNotice", term: 3 });
    await until(() => b.arrivals.messages.length === 1, "a message");
    assert.match(a.url, /^https:/);
    // The look at the port before each connection is no connection that was turned away.
    assert.equal(b.log.count("rejected connection"), 0);
  });

  test("without demanding them, certificates of members are not looked at", async () => {
    const open = await start(1n, tlsOf(authority, "IP:127.0.0.1", false));
    const other = await start(2n, tlsOf(stranger));
    other.network.setMembership(membershipOf([open, other]));
    await until(() => other.isConnectedTo(open.id), "connected");
    other.network.send(open.id, { kind: "termNotice", term: 3 });
    await until(() => open.arrivals.messages.length === 1, "a message");
  });

  test("a member with a certificate of somebody else is turned away, and both sides log it", async () => {
    const strict = await start(1n, tlsOf(authority));
    const other = await start(2n, tlsOf(stranger));
    other.network.setMembership(membershipOf([strict, other]));
    await until(
      () => strict.log.count("rejected connection on peer endpoint") > 0,
      "the log of who refused",
    );
    await until(() => other.log.count("failed to reach the peer") > 0, "the log of the refused");
    const line = strict.log.lines.find(({ message }) => message.startsWith("rejected connection"));
    assert.match(String(Reflect.get(line?.fields ?? {}, "error")), /UNABLE_TO/);
    assert.equal(Reflect.get(line?.fields ?? {}, "remote-addr"), "127.0.0.1");
    assert.equal(other.isConnectedTo(strict.id), false);
  });

  test("a server whose certificate does not name its address is not trusted", async () => {
    const elsewhere = await start(1n, tlsOf(authority, "IP:127.0.0.2"));
    const member = await start(2n, tlsOf(authority));
    member.network.setMembership(membershipOf([elsewhere, member]));
    await until(() => member.log.count("failed to reach the peer") > 0, "a failed attempt");
    const line = member.log.lines.find(({ message }) => message === "failed to reach the peer");
    assert.match(String(Reflect.get(line?.fields ?? {}, "error")), /127\.0\.0\.1/);
    assert.deepEqual(elsewhere.arrivals.messages, []);
  });

  test("names are checked like addresses", async () => {
    const named = await start(1n, tlsOf(authority, "DNS:localhost"));
    const member = await start(2n, tlsOf(authority));
    const url = named.url.replace("127.0.0.1", "localhost");
    member.network.setMembership(membershipOf([{ id: named.id, url }, member]));
    await until(() => member.isConnectedTo(named.id), "connected by name");
  });

  test("plain text is not understood on a port with certificates", async () => {
    const member = await start(1n, tlsOf(authority));
    const client = new RawClient(member.url.replace("https", "http"));
    const error = await client.open(RawClient.handshake(2n, 1n)).over;
    client.close();
    assert.ok(error !== null);
    const other = await start(2n, tlsOf(authority));
    other.network.setMembership(membershipOf([member, other]));
    member.network.setMembership(membershipOf([member, other]));
    await connected([member, other]);
  });
});
