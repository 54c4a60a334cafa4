import assert from "node:assert/strict";
import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import { get } from "node:https";
import { connect } from "node:net";
import { after, describe, test } from "node:test";
import { connect as connectTls, type TLSSocket } from "node:tls";
import type { TlsMaterial } from "../../src/main/config/tls-files.js";
import { HttpServer } from "../../src/main/http/http-server.js";
import { Http2Transport } from "../../src/main/transport/http2-transport.js";
import { Port } from "../../src/main/transport/port.js";
import { Authority } from "../support/certificates.js";
import { until } from "../support/until.js";
import { conformanceMethods, MethodLog } from "./conformance-methods.js";
import { ANY_PORT, CountingObserver } from "./harness.js";
import { frame, RawClient } from "./raw-client.js";

const SECURE = { ...ANY_PORT, scheme: "https" } as const;
const authority = new Authority("clients");
const server = authority.issue("IP:127.0.0.1");
const client = authority.issue("DNS:client");
const strangers = new Authority("strangers");
const stranger = strangers.issue("DNS:client");
after(() => {
  authority.remove();
  strangers.remove();
});

async function openPort(tls: Partial<TlsMaterial> = {}, firstBytesTimeoutMs = 60_000) {
  const transport = new Http2Transport({
    methods: conformanceMethods(new MethodLog()),
    observer: new CountingObserver(),
    receiveBytesMax: 1024 * 1024,
    concurrentStreamsMax: 2 ** 32 - 1,
    keepaliveMinTimeMs: 5000,
    keepaliveIntervalMs: 7_200_000,
    keepaliveTimeoutMs: 20_000,
    onBug: (error) => {
      throw error;
    },
  });
  const http = new HttpServer((_request, response) => response.end("hello"));
  return Port.listen(
    SECURE,
    { http1: (socket) => http.accept(socket), http2: (socket) => transport.accept(socket) },
    { tls: { ...server, ca: undefined, clientCertAuth: false, ...tls }, firstBytesTimeoutMs },
  );
}

function fetchText(port: Port, more = {}): Promise<string> {
  const options = { host: "127.0.0.1", port: port.portNumber, ca: authority.cert, agent: false };
  return new Promise((resolve, reject) => {
    get({ ...options, ...more }, (response) => {
      response.on("data", (chunk: Buffer) => resolve(String(chunk)));
    }).on("error", reject);
  });
}

describe("a TLS port", () => {
  test("serves gRPC and HTTP/1, whatever ALPN says", async () => {
    const port = await openPort();
    const address = { host: "127.0.0.1", port: port.portNumber, ca: authority.cert };
    assert.equal(await fetchText(port), "hello");
    for (const ALPNProtocols of [["h2"], ["h2", "http/1.1"], []]) {
      const socket = connectTls({ ...address, ALPNProtocols });
      await once(socket, "secureConnect");
      assert.equal(socket.alpnProtocol, ALPNProtocols.length > 0 ? "h2" : false);
      const session = connectHttp2("http://127.0.0.1", { createConnection: () => socket });
      const raw = new RawClient(port.portNumber, session);
      const { replies } = await raw.call("/t.T/Echo", frame(Buffer.from("hi")));
      assert.deepEqual(replies.map(String), ["hi"]);
      raw.close();
    }
    await port.close(0);
  });

  test("takes only clients with a certificate of its authority, when it asks for one", async () => {
    const port = await openPort({ ca: authority.cert, clientCertAuth: true });
    assert.equal(await fetchText(port, client), "hello");
    await assert.rejects(fetchText(port), /certificate required|ECONNRESET|socket hang up/);
    await assert.rejects(fetchText(port, stranger), /unknown ca|ECONNRESET|socket hang up/);
    await until(() => port.connectionCount === 0, "the refused connections to be forgotten");
    await port.close(0);
  });

  test("closes what is no handshake, and one that does not come", async () => {
    const port = await openPort({}, 50);
    for (const text of ["GET / HTTP/1.1\r\n\r\n", "", "\x16\x03\x01"]) {
      const socket = connect(port.portNumber, "127.0.0.1");
      socket.on("error", () => {});
      socket.write(text, "latin1");
      const closed = once(socket, "close");
      socket.resume();
      await closed;
    }
    await until(() => port.connectionCount === 0, "the port to forget them");
    await port.close(0);
  });

  test("closes a connection that says nothing after its handshake", async () => {
    const port = await openPort({}, 200);
    const socket: TLSSocket = connectTls({
      host: "127.0.0.1",
      port: port.portNumber,
      ca: authority.cert,
    });
    socket.on("error", () => {});
    const closed = once(socket, "close");
    socket.resume();
    await once(socket, "secureConnect");
    await closed;
    await port.close(0);
  });
});
