import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { type Connection, call } from "../../bench/client/connection.js";
import {
  type ClientKind,
  openConnection,
  PLAIN_CONNECT,
} from "../../bench/client/open-connection.js";
import { GrpcJsTransport } from "../../src/main/transport/grpc-js-transport.js";
import { until } from "../support/until.js";
import { conformanceMethods, MethodLog } from "../transport/conformance-methods.js";
import { Harness } from "../transport/harness.js";

const KINDS: readonly ClientKind[] = ["frames", "grpc-js"];

for (const kind of KINDS) {
  describe(`a connection of kind ${kind}`, () => {
    let harness: Harness;
    let connection: Connection;
    const target = (): string => `127.0.0.1:${harness.portNumber}`;

    before(async () => {
      const methods = conformanceMethods(new MethodLog());
      harness = await Harness.start((options) => new GrpcJsTransport(options), methods);
      connection = await openConnection(target(), { ...PLAIN_CONNECT, client: kind });
    });

    after(async () => {
      connection.close();
      await harness.stop();
    });

    test("gives every call its own answer when many are under way", async () => {
      const asked = Array.from({ length: 500 }, (_, i) => `message ${i}`);
      const paths = ["/t.T/Echo", "/t.T/Later"];
      const answers = await Promise.all(
        asked.map((text, i) => call(connection, paths[i % 2] ?? "", Buffer.from(text))),
      );
      assert.deepEqual(answers.map(String), asked);
    });

    test("sends and receives more than the windows and frames hold", async () => {
      const messages = [100, 16_379, 16_380, 65_530, 65_531, 900_000].map((bytes, i) =>
        Buffer.alloc(bytes, i + 1),
      );
      const answers = await Promise.all(
        messages.map((message) => call(connection, "/t.T/Echo", message)),
      );
      assert.deepEqual(answers, messages);
    });

    test("reports a failure that the server answers", async () => {
      const failing = call(connection, "/t.T/Fail", Buffer.alloc(0));
      await assert.rejects(failing, /(grpc-status 9|FAILED_PRECONDITION)/);
    });

    test("carries messages both ways on an open stream until the server ends it", async () => {
      const seen: string[] = [];
      const ended: (Error | undefined)[] = [];
      const stream = connection.bidi("/t.T/Chat", {
        onMessage: (message) => seen.push(String(message)),
        onEnd: (failure) => ended.push(failure),
      });
      for (const text of ["one", "two", "three"]) stream.send(Buffer.from(text));
      await until(() => seen.length === 3, "three messages");
      stream.send(Buffer.from("end"));
      await until(() => ended.length === 1, "the end");
      assert.deepEqual(seen, ["one", "two", "three"]);
      assert.deepEqual(ended, [undefined]);
    });

    test("fails what is under way when the server goes", async () => {
      const doomed = await Harness.start(
        (options) => new GrpcJsTransport(options),
        conformanceMethods(new MethodLog()),
      );
      const other = await openConnection(`127.0.0.1:${doomed.portNumber}`, {
        ...PLAIN_CONNECT,
        client: kind,
      });
      const hanging = call(other, "/t.T/Hang", Buffer.alloc(0));
      // An answer to a later call shows that the first has been sent.
      await call(other, "/t.T/Echo", Buffer.from("x"));
      await Promise.all([assert.rejects(hanging), doomed.stop()]);
      other.close();
    });
  });
}

test("openConnection() rejects when nobody listens", async () => {
  const closed = await Harness.start((options) => new GrpcJsTransport(options), []);
  const port = closed.portNumber;
  await closed.stop();
  await assert.rejects(openConnection(`127.0.0.1:${port}`, PLAIN_CONNECT), /127\.0\.0\.1/);
});
