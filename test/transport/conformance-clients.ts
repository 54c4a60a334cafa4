import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { Client, credentials, Metadata, type ServiceError } from "@grpc/grpc-js";
import { GrpcStatus } from "../../src/shared/errors.js";
import { until } from "../support/until.js";
import { useFixture } from "./conformance-fixture.js";
import { ODD_FAILURE } from "./conformance-methods.js";
import type { TransportFactory } from "./harness.js";

const asIs = (bytes: Buffer): Buffer => bytes;

/** The same server as seen by grpc-js's own client. */
export function describeGrpcJsClient(name: string, make: TransportFactory): void {
  describe(`${name}: grpc-js client`, () => {
    const fixture = useFixture(make);
    let client: Client;
    before(() => {
      const address = `127.0.0.1:${fixture.harness.portNumber}`;
      client = new Client(address, credentials.createInsecure(), {
        "grpc.max_receive_message_length": -1,
      });
    });
    after(() => client.close());

    const unary = (path: string, request: Buffer): Promise<Buffer> =>
      new Promise((resolve, reject) => {
        client.makeUnaryRequest(path, asIs, asIs, request, (error, reply) => {
          if (error === null) resolve(reply ?? Buffer.alloc(0));
          else reject(error);
        });
      });

    test("a unary call is answered", async () => {
      assert.equal(String(await unary("/t.T/Echo", Buffer.from("hi"))), "hi");
    });

    test("a failure arrives with code and text", async () => {
      await assert.rejects(unary("/t.T/Fail", Buffer.alloc(1)), (error: ServiceError) => {
        assert.equal(error.code, ODD_FAILURE.status);
        assert.equal(error.details, ODD_FAILURE.message);
        return true;
      });
    });

    test("a server stream arrives in order and ends", async () => {
      const call = client.makeServerStreamRequest("/t.T/Count", asIs, asIs, Buffer.alloc(50));
      const seen: number[] = [];
      for await (const message of call) seen.push(message[0]);
      assert.deepEqual(
        seen,
        Array.from({ length: 50 }, (_, index) => index),
      );
    });

    test("a bidi stream talks both ways and goes on after half-close", async () => {
      const call = client.makeBidiStreamRequest("/t.T/Chat", asIs, asIs);
      const seen: string[] = [];
      call.on("data", (message: Buffer) => seen.push(String(message)));
      call.write(Buffer.from("one"));
      await until(() => seen.length === 1, "the first answer");
      call.end(Buffer.from("two"));
      await until(() => fixture.log.halfClosed.length === 1, "the half-close");
      fixture.log.streams[0]?.write(Buffer.from("three"));
      fixture.log.streams[0]?.end();
      await new Promise<void>((resolve) => {
        call.once("end", () => resolve());
      });
      assert.deepEqual(seen, ["one", "two", "three"]);
    });

    test("a cancelled call is cancelled for the handler", async () => {
      const call = client.makeBidiStreamRequest("/t.T/Chat", asIs, asIs);
      call.on("error", () => {});
      call.write(Buffer.from("one"));
      await until(() => fixture.log.streams.length === 1, "the call to arrive");
      call.cancel();
      await until(() => fixture.log.cancelled.length === 1, "the cancellation");
    });

    test("metadata arrives", async () => {
      const metadata = new Metadata();
      metadata.set("hasleader", "true");
      await new Promise<void>((resolve, reject) => {
        const done = (error: ServiceError | null): void => (error ? reject(error) : resolve());
        client.makeUnaryRequest("/t.T/Echo", asIs, asIs, Buffer.alloc(1), metadata, done);
      });
      assert.equal(fixture.log.contexts[0]?.metadata("hasleader"), "true");
    });

    test("an unknown method is unimplemented", async () => {
      await assert.rejects(unary("/t.T/Nope", Buffer.alloc(1)), (error: ServiceError) => {
        assert.equal(error.code, GrpcStatus.UNIMPLEMENTED);
        assert.equal(error.details, "unknown method Nope for service t.T");
        return true;
      });
    });
  });
}
