import assert from "node:assert/strict";
import { get } from "node:http";
import { connect } from "node:net";
import { describe, test } from "node:test";
import { GrpcStatus } from "../../src/shared/errors.js";
import { until } from "../support/until.js";
import { HELLO, useFixture } from "./conformance-fixture.js";
import { conformanceMethods, MethodLog } from "./conformance-methods.js";
import { Harness, type TransportFactory } from "./harness.js";
import { frame, resultOf } from "./raw-client.js";

/** Connections: the shared port, counts, drain and stop, pings and limits. */
export function describeConnections(name: string, make: TransportFactory): void {
  describe(`${name}: a connection`, () => {
    const fixture = useFixture(make);

    test("every call that began is counted as ended, with its status", async () => {
      const { observer } = fixture.harness;
      await until(() => observer.handled.length === observer.started, "all calls to end");
      const startedBefore = observer.started;
      const handledBefore = observer.handled.length;
      await fixture.client.call("/t.T/Echo", frame(HELLO));
      await fixture.client.call("/t.T/Fail", frame(HELLO));
      await fixture.client.call("/t.T/Hang", frame(HELLO), { "grpc-timeout": "20m" });
      await fixture.client.call("/t.T/Echo", frame(Buffer.alloc(1024 * 1024 + 1)));
      await fixture.client.call("/t.T/Nope", frame(HELLO));
      const stream = fixture.client.open("/t.T/Chat");
      stream.write(frame(HELLO));
      await until(() => fixture.log.streams.length === 1, "the stream to open");
      stream.close(8);
      await until(() => observer.handled.length === handledBefore + 5, "the calls to end");
      assert.equal(observer.started, startedBefore + 5);
      assert.deepEqual(observer.handled.slice(handledBefore), [
        GrpcStatus.OK,
        GrpcStatus.FAILED_PRECONDITION,
        GrpcStatus.DEADLINE_EXCEEDED,
        GrpcStatus.RESOURCE_EXHAUSTED,
        GrpcStatus.CANCELLED,
      ]);
    });

    test("HTTP/1 and HTTP/2 are served on one port", async () => {
      const body = await new Promise<string>((resolve, reject) => {
        get({ port: fixture.harness.portNumber, path: "/page", agent: false }, (response) => {
          const chunks: Buffer[] = [];
          response.on("data", (chunk: Buffer) => chunks.push(chunk));
          response.on("end", () => resolve(String(Buffer.concat(chunks))));
        }).on("error", reject);
      });
      assert.equal(body, "http1 /page");
      assert.equal((await fixture.client.call("/t.T/Echo", frame(HELLO))).status, GrpcStatus.OK);
    });

    test("a preface and a request that come byte by byte are recognised", async () => {
      const socket = connect(fixture.harness.portNumber, "127.0.0.1").setNoDelay();
      const received: Buffer[] = [];
      socket.on("data", (chunk: Buffer) => received.push(chunk));
      for (const byte of "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n") {
        await new Promise<void>((done) => {
          socket.write(byte, () => setImmediate(done));
        });
      }
      socket.write(Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]));
      await until(() => Buffer.concat(received).length >= 9, "the server's SETTINGS");
      assert.equal(Buffer.concat(received)[3], 4);
      socket.destroy();
    });
  });

  describe(`${name}: connection limits`, () => {
    test("drain says GOAWAY, lets the open call end and closes the connection", async () => {
      const log = new MethodLog();
      const harness = await Harness.start(make, conformanceMethods(log));
      const client = harness.raw();
      const stream = client.open("/t.T/Chat");
      const result = resultOf(stream);
      stream.write(frame(HELLO));
      await until(() => log.streams.length === 1, "the call to arrive");
      const wentAway = new Promise<number>((resolve) => {
        client.session.once("goaway", (code) => resolve(code));
      });
      harness.transport.drain();
      assert.equal(await wentAway, 0);
      log.streams[0]?.write(Buffer.from("still here"));
      log.streams[0]?.end();
      assert.deepEqual((await result).replies.map(String), ["hello", "still here"]);
      await until(() => harness.port.connectionCount === 0, "the connection to close");
      await harness.stop();
    });

    test("close cuts the calls that do not end within the grace time", async () => {
      const log = new MethodLog();
      const harness = await Harness.start(make, conformanceMethods(log));
      const stream = harness.raw().open("/t.T/Chat");
      const result = resultOf(stream);
      stream.write(frame(HELLO));
      await until(() => log.streams.length === 1, "the call to arrive");
      harness.transport.drain();
      await harness.port.close(50);
      await until(() => log.cancelled.length === 1, "the cancellation");
      assert.notEqual((await result).status, GrpcStatus.OK);
      await harness.stop();
    });

    test("a client that pings too often is sent away with too_many_pings", async () => {
      const log = new MethodLog();
      const harness = await Harness.start(make, conformanceMethods(log));
      const client = harness.raw();
      const stream = client.open("/t.T/Chat");
      stream.write(frame(HELLO));
      await until(() => log.streams.length === 1, "the call to arrive");
      const wentAway = new Promise<string>((resolve) => {
        client.session.once("goaway", (code, _last, data) => resolve(`${code} ${String(data)}`));
      });
      for (let count = 0; count < 5 && !client.session.destroyed; count++) {
        await new Promise<void>((done) => {
          client.session.ping(() => done());
        });
      }
      assert.equal(await wentAway, "11 too_many_pings");
      await harness.stop();
    });

    test("pings between answers from the server are forgiven", async () => {
      const log = new MethodLog();
      const harness = await Harness.start(make, conformanceMethods(log));
      const client = harness.raw();
      for (let count = 0; count < 10; count++) {
        assert.equal((await client.call("/t.T/Echo", frame(HELLO))).status, GrpcStatus.OK);
        await new Promise<void>((done) => {
          client.session.ping(() => done());
        });
      }
      assert.equal(client.session.closed, false);
      await harness.stop();
    });

    test("a connection that is gone before it is handed over does no harm", async () => {
      const log = new MethodLog();
      const harness = await Harness.start(make, conformanceMethods(log));
      const socket = connect(harness.portNumber, "127.0.0.1");
      socket.destroy();
      harness.transport.accept(socket);
      const result = await harness.raw().call("/t.T/Echo", frame(HELLO));
      assert.equal(result.status, GrpcStatus.OK);
      await harness.stop();
    });

    test("the limit on concurrent streams is announced", async () => {
      const log = new MethodLog();
      const limits = { concurrentStreamsMax: 7 };
      const harness = await Harness.start(make, conformanceMethods(log), limits);
      const client = harness.raw();
      assert.equal((await client.call("/t.T/Echo", frame(HELLO))).status, GrpcStatus.OK);
      assert.equal(client.session.remoteSettings.maxConcurrentStreams, 7);
      await harness.stop();
    });

    test("a silent connection is pinged after the keepalive interval", async () => {
      const log = new MethodLog();
      const harness = await Harness.start(make, conformanceMethods(log), {
        keepaliveIntervalMs: 50,
      });
      const client = harness.raw();
      await new Promise<void>((resolve) => {
        client.session.once("ping", () => resolve());
      });
      await harness.stop();
    });
  });
}
