import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { get } from "node:http";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { ServerUrl } from "../../src/main/config/server-config.js";
import { HttpServer } from "../../src/main/http/http-server.js";
import { ListenError, Port } from "../../src/main/transport/port.js";
import { until } from "../support/until.js";
import { ANY_PORT } from "./harness.js";

const http = () => new HttpServer((_request, response) => response.end("hello"));

async function openPort(options = {}): Promise<Port> {
  const server = http();
  return Port.listen(ANY_PORT, { http1: (connection) => server.accept(connection) }, options);
}

function unixUrl(path: string): ServerUrl {
  return { scheme: "unix", host: "", port: 0, socketPath: path, text: `unix://${path}` };
}

function fetchText(options: { port?: number; socketPath?: string }): Promise<string> {
  return new Promise((resolve, reject) => {
    get({ ...options, agent: false }, (response) => {
      response.setEncoding("utf8");
      let text = "";
      response.on("data", (chunk: string) => {
        text += chunk;
      });
      response.on("end", () => resolve(text));
    }).on("error", reject);
  });
}

test("listen() on a port in use fails with EADDRINUSE in one clear line", async () => {
  const port = await openPort();
  const url = { ...ANY_PORT, port: port.portNumber };
  await assert.rejects(Port.listen(url, { http1: () => {} }), (error) => {
    assert.ok(error instanceof ListenError);
    assert.equal(error.code, "EADDRINUSE");
    assert.equal(error.message, `listen tcp 127.0.0.1:${url.port}: bind: address already in use`);
    return true;
  });
  await port.close(0);
});

test("listen() on an address of another machine fails by name", async () => {
  const url = { ...ANY_PORT, host: "192.0.2.1" };
  await assert.rejects(Port.listen(url, { http1: () => {} }), { code: "EADDRNOTAVAIL" });
});

test("listen() on a unix socket serves, refuses a live one and replaces a dead one", async () => {
  const folder = await mkdtemp(join(tmpdir(), "capstan-port-"));
  const path = join(folder, "socket");
  const server = http();
  const handlers = {
    http1: (connection: Parameters<HttpServer["accept"]>[0]) => server.accept(connection),
  };
  const port = await Port.listen(unixUrl(path), handlers);
  assert.equal(await fetchText({ socketPath: path }), "hello");
  await assert.rejects(Port.listen(unixUrl(path), handlers), { code: "EADDRINUSE" });
  await port.close(0);
  await leaveDeadSocket(path);
  const again = await Port.listen(unixUrl(path), handlers);
  assert.equal(await fetchText({ socketPath: path }), "hello");
  await again.close(0);
  await rm(folder, { recursive: true });
});

/** What a killed process leaves: a socket file that nobody listens on. */
async function leaveDeadSocket(path: string): Promise<void> {
  const { execFile } = await import("node:child_process");
  const script = `require("net").createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, "SIGKILL"))`;
  await new Promise<void>((resolve) => {
    execFile(process.execPath, ["-e", script], () => resolve());
  });
}

test("a connection that says nothing is closed after the time for its first bytes", async () => {
  const port = await openPort({ firstBytesTimeoutMs: 30 });
  for (const text of ["", "PR"]) {
    const socket = connect(port.portNumber, "127.0.0.1");
    socket.on("error", () => {});
    socket.write(text);
    await new Promise<void>((resolve) => {
      socket.once("close", () => resolve());
      socket.resume();
    });
  }
  await until(() => port.connectionCount === 0, "the port to forget them");
  await port.close(0);
});

test("a connection that ends before its first bytes is forgotten", async () => {
  const port = await openPort();
  const socket = connect(port.portNumber, "127.0.0.1");
  await until(() => port.connectionCount === 1, "the connection");
  socket.end();
  await until(() => port.connectionCount === 0, "the port to forget it");
  await port.close(0);
});

test("HTTP/2 on a port without a handler for it is closed", async () => {
  const port = await openPort();
  const socket = connect(port.portNumber, "127.0.0.1");
  socket.on("error", () => {});
  socket.write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
  await new Promise<void>((resolve) => {
    socket.once("close", () => resolve());
    socket.resume();
  });
  await port.close(0);
});

test("close() waits for the grace time, then cuts what is open", async () => {
  const port = await openPort();
  const socket = connect(port.portNumber, "127.0.0.1");
  socket.on("error", () => {});
  await until(() => port.connectionCount === 1, "the connection");
  const startedMs = performance.now();
  await port.close(40);
  assert.ok(performance.now() - startedMs >= 35);
  assert.equal(port.connectionCount, 0);
  await assert.rejects(fetchText({ port: port.portNumber || 1 }));
});

test("close() ends at once when the last connection does", async () => {
  const port = await openPort();
  const socket = connect(port.portNumber, "127.0.0.1");
  await until(() => port.connectionCount === 1, "the connection");
  const closed = port.close(60_000);
  socket.end();
  await closed;
});

test("connections over the limit are closed at once", async () => {
  const port = await openPort({ connectionsMax: 1 });
  const kept = connect(port.portNumber, "127.0.0.1");
  await until(() => port.connectionCount === 1, "the first connection");
  const refused = connect(port.portNumber, "127.0.0.1");
  refused.on("error", () => {});
  await new Promise<void>((resolve) => {
    refused.once("close", () => resolve());
    refused.resume();
  });
  assert.equal(port.connectionCount, 1);
  kept.destroy();
  await port.close(0);
});

test("a plain listener elsewhere is not disturbed by a failed listen()", async () => {
  const other = createServer((socket) => socket.end("other"));
  await new Promise<void>((resolve) => {
    other.listen(0, "127.0.0.1", () => resolve());
  });
  const address = other.address();
  assert.ok(address !== null && typeof address === "object");
  const url = { ...ANY_PORT, port: address.port };
  await assert.rejects(Port.listen(url, { http1: () => {} }), ListenError);
  assert.equal(other.listening, true);
  other.close();
});
