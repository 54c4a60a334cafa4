import assert from "node:assert/strict";
import { once } from "node:events";
import { createSecureServer, type Http2SecureServer } from "node:http2";
import { createServer } from "node:net";
import { after, before, describe, test } from "node:test";
import { call } from "../../bench/client/connection.js";
import { openConnection, PLAIN_CONNECT } from "../../bench/client/open-connection.js";
import { Authority } from "../support/certificates.js";

/** Longer than the seven bits that a short string's length fits. */
const TOKEN = "t".repeat(300);

describe("a connection of frames over TLS", () => {
  const authority = new Authority("bench");
  const certificate = authority.issue("IP:127.0.0.1");
  const heard: Record<string, unknown>[] = [];
  let server: Http2SecureServer;
  let target = "";

  before(async () => {
    // Asks for the client's certificate, and echoes what it gets.
    const asks = { ca: authority.cert, requestCert: true, rejectUnauthorized: true };
    server = createSecureServer({ ...certificate, ...asks });
    server.on("stream", (stream, headers) => {
      heard.push(headers);
      stream.respond({ ":status": 200 }, { waitForTrailers: true });
      stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
      stream.pipe(stream);
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    assert.ok(address !== null && typeof address === "object");
    target = `127.0.0.1:${address.port}`;
  });

  after(() => {
    server.close();
    authority.remove();
  });

  test("makes calls with its own certificate and a token", async () => {
    const tls = { ca: authority.cert, ...certificate };
    const connection = await openConnection(target, { ...PLAIN_CONNECT, tls, token: TOKEN });
    for (const text of ["one", "two"]) {
      const answer = await call(connection, "/t.T/Echo", Buffer.from(text));
      assert.equal(answer.toString(), text);
    }
    connection.close();
    assert.deepEqual(
      heard.map((headers) => [headers[":scheme"], headers[":path"], headers.token]),
      [
        ["https", "/t.T/Echo", TOKEN],
        ["https", "/t.T/Echo", TOKEN],
      ],
    );
  });

  test("is refused without a certificate, and refuses a server that it does not trust", async () => {
    const tls = { ca: authority.cert };
    await assert.rejects(openConnection(target, { ...PLAIN_CONNECT, tls }));
    await assert.rejects(openConnection(target, { ...PLAIN_CONNECT, tls: {} }), /certificate/);
  });

  test("names the place when the time to connect is over", async () => {
    // Takes connections and says nothing.
    const silent = createServer();
    silent.listen(0, "127.0.0.1");
    await once(silent, "listening");
    const address = silent.address();
    assert.ok(address !== null && typeof address === "object");
    const place = `127.0.0.1:${address.port}`;
    const opening = openConnection(place, { ...PLAIN_CONNECT, timeoutMs: 50 });
    await assert.rejects(opening, new RegExp(`cannot connect to ${place} in 50 ms`));
    silent.close();
  });
});
