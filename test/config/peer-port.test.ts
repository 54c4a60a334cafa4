import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { Server, ServerCredentials } from "@grpc/grpc-js";
import { type AskMembers, askMembersOverGrpc } from "../../src/main/bootstrap/ask-members.js";
import { peerPort } from "../../src/main/config/peer-port.js";
import type { ServerUrl } from "../../src/main/config/server-config.js";
import { parseServerUrls } from "../../src/main/config/server-url.js";
import { MemberListResponse } from "../../src/shared/gen/etcdserverpb/rpc.js";
import { writeCertificates } from "../support/certificates.js";
import { configOf, running } from "./config-input.js";

const MEMBER = { ID: 5n, name: "m", peerURLs: ["http://a:1"], clientURLs: [], isLearner: false };
const TIMEOUT_MS = 10_000;

let dir = "";
const servers: Server[] = [];

before(() => {
  dir = mkdtempSync(join(tmpdir(), "capstan-peer-port-"));
  writeCertificates(dir, { m: ["IP:127.0.0.1"] });
});

after(() => {
  for (const server of servers) server.forceShutdown();
  rmSync(dir, { recursive: true, force: true });
});

function portOf(...argv: readonly string[]) {
  return peerPort(running(configOf(argv)).config);
}

function tlsFlags(listen = "https://127.0.0.1:0"): string[] {
  const file = (name: string): string => join(dir, name);
  return [
    `--listen-peer-urls=${listen}`,
    `--peer-cert-file=${file("m.pem")}`,
    `--peer-key-file=${file("m.key")}`,
    `--peer-trusted-ca-file=${file("ca.pem")}`,
  ];
}

/** Serves one answer to everybody, as a member's peer port does. */
async function serveMembers(answer: Buffer, credentials: ServerCredentials): Promise<number> {
  const server = new Server();
  const asIs = (bytes: Buffer): Buffer => bytes;
  const method = {
    path: "/capstan.peer.v1.Peer/Members",
    requestStream: false,
    responseStream: false,
    requestSerialize: asIs,
    requestDeserialize: asIs,
    responseSerialize: asIs,
    responseDeserialize: asIs,
  };
  server.addService(
    { members: method },
    {
      members: (_call: unknown, callback: (error: null, answer: Buffer) => void) =>
        callback(null, answer),
    },
  );
  servers.push(server);
  return new Promise((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", credentials, (error, port) =>
      error === null ? resolve(port) : reject(error),
    );
  });
}

function answerOf(members: readonly (typeof MEMBER)[]): Buffer {
  const ids = Buffer.alloc(16);
  ids.writeBigUInt64LE(0xabcn, 0);
  ids.writeBigUInt64LE(5n, 8);
  const list = MemberListResponse.encode({ header: undefined, members: [...members] }).finish();
  return Buffer.concat([ids, list]);
}

function urlOf(text: string): ServerUrl {
  const parsed = parseServerUrls(text);
  assert.ok(parsed.ok && parsed.urls[0] !== undefined);
  return parsed.urls[0];
}

describe("peerPort", () => {
  test("is plain text where the URLs are, and says which settings that leaves without effect", () => {
    const port = portOf(
      ...tlsFlags("http://127.0.0.1:1,http://[::1]:2"),
      "--peer-client-cert-auth",
      "--initial-advertise-peer-urls=http://a.test:1",
    );
    assert.ok(port.ok);
    assert.deepEqual(port.options, {
      listen: ["127.0.0.1:1", "[::1]:2"],
      advertise: ["http://a.test:1"],
      tls: undefined,
    });
    assert.deepEqual(
      port.notes.map(({ level, message }) => `${level} ${message.split(";")[0]}`),
      [
        "warn scheme is HTTP while key and cert files are present",
        "warn scheme is HTTP while --peer-client-cert-auth is enabled",
        "warn scheme is HTTP while key and cert files are present",
        "warn scheme is HTTP while --peer-client-cert-auth is enabled",
      ],
    );
  });

  test("reads the files where the URLs say https; a CA makes certificates mandatory", () => {
    const port = portOf(...tlsFlags());
    assert.ok(port.ok);
    assert.match(port.options.tls?.cert ?? "", /BEGIN CERTIFICATE/);
    assert.match(port.options.tls?.ca ?? "", /BEGIN CERTIFICATE/);
    assert.equal(port.options.tls?.clientCertAuth, true);
    const [url, cert, key] = tlsFlags();
    const without = portOf(url ?? "", cert ?? "", key ?? "");
    assert.ok(without.ok);
    assert.equal(without.options.tls?.ca, undefined);
    assert.equal(without.options.tls?.clientCertAuth, false);
  });

  test("names the files that are no certificate, key or CA", () => {
    writeFileSync(join(dir, "junk"), "no PEM");
    const junk = join(dir, "junk");
    const rows = [
      [`--peer-cert-file=${junk}`, "junk and "],
      [`--peer-key-file=${junk}`, "junk: "],
      [`--peer-trusted-ca-file=${junk}`, "junk: there is no certificate in it"],
      [`--peer-trusted-ca-file=${junk}2`, "no such file or directory"],
    ] as const;
    for (const [flag, wanted] of rows) {
      const port = portOf(...tlsFlags(), flag);
      assert.ok(!port.ok && port.error.includes(wanted), JSON.stringify([flag, port]));
    }
  });
});

describe("askMembersOverGrpc", () => {
  const ask = (via: AskMembers, scheme: string, port: number) =>
    via(urlOf(`${scheme}://127.0.0.1:${port}`), TIMEOUT_MS);

  test("gives the cluster that a member knows", async () => {
    const port = await serveMembers(answerOf([MEMBER]), ServerCredentials.createInsecure());
    const cluster = await ask(askMembersOverGrpc(undefined), "http", port);
    assert.equal(cluster.clusterId, 0xabcn);
    assert.deepEqual(
      cluster.members.map(({ name, ID }) => [name, ID]),
      [["m", 5n]],
    );
  });

  test("shows its certificate to members that demand one", async () => {
    const own = portOf(...tlsFlags());
    assert.ok(own.ok && own.options.tls !== undefined);
    const { cert, key, ca = "" } = own.options.tls;
    const pair = { cert_chain: Buffer.from(cert), private_key: Buffer.from(key) };
    const demanding = ServerCredentials.createSsl(Buffer.from(ca), [pair], true);
    const port = await serveMembers(answerOf([MEMBER]), demanding);
    const cluster = await ask(askMembersOverGrpc(own.options.tls), "https", port);
    assert.equal(cluster.members.length, 1);
    await assert.rejects(ask(askMembersOverGrpc(undefined), "https", port));
    const url = urlOf(`https://localhost:${port}`);
    await assert.rejects(askMembersOverGrpc(own.options.tls)(url, TIMEOUT_MS), "another name");
    await assert.rejects(ask(askMembersOverGrpc(own.options.tls), "http", port));
  });

  test("takes no answer that is cut or empty, and no silence", async () => {
    const insecure = ServerCredentials.createInsecure();
    const via = askMembersOverGrpc(undefined);
    const cut = await serveMembers(Buffer.alloc(7), insecure);
    await assert.rejects(ask(via, "http", cut), /too short/);
    const empty = await serveMembers(answerOf([]), insecure);
    await assert.rejects(ask(via, "http", empty), /does not know its cluster yet/);
    servers.pop()?.forceShutdown();
    await assert.rejects(ask(via, "http", empty));
  });
});
