import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { gzipSync } from "node:zlib";
import { GrpcStatus } from "../../src/shared/errors.js";
import { HELLO, useFixture } from "./conformance-fixture.js";
import { ODD_FAILURE } from "./conformance-methods.js";
import type { TransportFactory } from "./harness.js";
import { frame, resultOf } from "./raw-client.js";

/** Unary calls, and what all calls share: sizes, compression, metadata, deadlines. */
export function describeUnaryCalls(name: string, make: TransportFactory): void {
  describe(`${name}: unary calls`, () => {
    const fixture = useFixture(make);

    test("a unary call is answered with the message, then status OK in the trailers", async () => {
      const result = await fixture.client.call("/t.T/Echo", frame(HELLO));
      assert.equal(result.httpStatus, 200);
      assert.equal(result.status, GrpcStatus.OK);
      assert.deepEqual(result.replies, [HELLO]);
    });

    test("an answer in pieces arrives as one message", async () => {
      const result = await fixture.client.call("/t.T/Pieces", frame(HELLO));
      assert.deepEqual(result.replies.map(String), ["hello-hello"]);
    });

    test("an empty message is a message", async () => {
      const result = await fixture.client.call("/t.T/Echo", frame(Buffer.alloc(0)));
      assert.equal(result.status, GrpcStatus.OK);
      assert.deepEqual(result.replies, [Buffer.alloc(0)]);
    });

    test("a failure carries its status and its exact text", async () => {
      const result = await fixture.client.call("/t.T/Fail", frame(HELLO));
      assert.equal(result.status, ODD_FAILURE.status);
      assert.equal(result.message, ODD_FAILURE.message);
      assert.deepEqual(result.replies, []);
    });

    test("an answer that comes in a later turn arrives", async () => {
      const result = await fixture.client.call("/t.T/Later", frame(HELLO));
      assert.deepEqual(result.replies, [HELLO]);
    });

    test("a unary call is answered before the client half-closes", async () => {
      const stream = fixture.client.open("/t.T/Echo");
      const result = resultOf(stream);
      stream.write(frame(HELLO));
      const trailers = await new Promise<{ readonly "grpc-status"?: unknown }>((resolve) => {
        stream.once("trailers", resolve);
      });
      assert.equal(trailers["grpc-status"], "0");
      stream.end();
      assert.deepEqual((await result).replies, [HELLO]);
    });

    test("a second message of a unary call is ignored", async () => {
      const body = Buffer.concat([frame(HELLO), frame(Buffer.from("again"))]);
      const result = await fixture.client.call("/t.T/Echo", body);
      assert.equal(result.status, GrpcStatus.OK);
      assert.deepEqual(result.replies, [HELLO]);
    });

    test("a unary call without a message fails with Unknown EOF", async () => {
      const result = await fixture.client.call("/t.T/Echo", Buffer.alloc(0));
      assert.equal(result.status, GrpcStatus.UNKNOWN);
      assert.equal(result.message, "EOF");
    });

    test("a message in many small frames arrives whole", async () => {
      const stream = fixture.client.open("/t.T/Echo");
      const result = resultOf(stream);
      for (const byte of frame(HELLO)) {
        await new Promise<void>((done) => {
          stream.write(Buffer.from([byte]), () => done());
        });
      }
      stream.end();
      assert.deepEqual((await result).replies, [HELLO]);
    });

    test("a message of exactly the limit is taken, one byte more is refused by size", async () => {
      const limit = 1024 * 1024;
      const taken = await fixture.client.call("/t.T/Echo", frame(Buffer.alloc(limit, 1)));
      assert.equal(taken.status, GrpcStatus.OK);
      assert.equal(taken.replies[0]?.length, limit);
      const refused = await fixture.client.call("/t.T/Echo", frame(Buffer.alloc(limit + 1)));
      assert.equal(refused.status, GrpcStatus.RESOURCE_EXHAUSTED);
      assert.equal(refused.message, "grpc: received message larger than max (1048577 vs. 1048576)");
    });

    test("an oversized message is refused by its announced size, not after reading it", async () => {
      const prefix = Buffer.from([0, 0xff, 0xff, 0xff, 0xff]);
      const stream = fixture.client.open("/t.T/Echo");
      stream.write(prefix);
      stream.once("response", () => stream.end());
      const result = await resultOf(stream);
      assert.equal(result.status, GrpcStatus.RESOURCE_EXHAUSTED);
      assert.equal(
        result.message,
        "grpc: received message larger than max (4294967295 vs. 1048576)",
      );
    });

    test("a gzip-compressed request is taken, an unknown compression is refused", async () => {
      const body = frame(gzipSync(HELLO), 1);
      const taken = await fixture.client.call("/t.T/Echo", body, { "grpc-encoding": "gzip" });
      assert.deepEqual(taken.replies, [HELLO]);
      const refused = await fixture.client.call("/t.T/Echo", body, { "grpc-encoding": "snappy" });
      assert.equal(refused.status, GrpcStatus.UNIMPLEMENTED);
      assert.equal(
        refused.message,
        'grpc: Decompressor is not installed for grpc-encoding "snappy"',
      );
    });

    test("a compressed request that swells over the limit is refused", async () => {
      const body = frame(gzipSync(Buffer.alloc(4 * 1024 * 1024)), 1);
      const result = await fixture.client.call("/t.T/Echo", body, { "grpc-encoding": "gzip" });
      assert.equal(result.status, GrpcStatus.RESOURCE_EXHAUSTED);
      assert.match(result.message, /^grpc: received message after decompression larger than max/);
    });

    test("unknown paths are refused as unimplemented with gRPC's usual texts", async () => {
      const texts: readonly [path: string, text: string][] = [
        ["/t.T/Nope", "unknown method Nope for service t.T"],
        ["/nope.T/Echo", "unknown service nope.T"],
        ["/a/b/c", "unknown service a/b"],
        ["/nope", 'malformed method name: "/nope"'],
      ];
      for (const [path, text] of texts) {
        const result = await fixture.client.call(path, frame(HELLO));
        assert.equal(result.status, GrpcStatus.UNIMPLEMENTED, path);
        assert.equal(result.message, text);
      }
    });

    test("a request that is not gRPC is answered 415", async () => {
      const stream = fixture.client.open("/t.T/Echo", { "content-type": "text/plain" });
      stream.end();
      assert.equal((await resultOf(stream)).httpStatus, 415);
    });

    test("metadata is read by lower-case key, binary values decoded, absent ones undefined", async () => {
      const raw = Buffer.from([0, 1, 0xfe, 0xff]);
      await fixture.client.call("/t.T/Echo", frame(HELLO), {
        hasleader: "true",
        "trace-bin": raw.toString("base64"),
        "client-api-version": "3.7",
      });
      const call = fixture.log.contexts[0];
      assert.equal(call?.metadata("hasleader"), "true");
      assert.equal(call?.metadata("trace-bin"), raw.toString("latin1"));
      assert.equal(call?.metadata("client-api-version"), "3.7");
      assert.equal(call?.metadata("token"), undefined);
      assert.equal(call?.path, "/t.T/Echo");
      assert.match(call?.peer ?? "", /^127\.0\.0\.1:\d+$/);
      assert.equal(call?.deadlineMs, undefined);
    });

    test("bytes outside ASCII in client-api-version reach the checks", async () => {
      await fixture.client.call("/t.T/Echo", frame(HELLO), {
        "client-api-version": "\xc3\xa9\xff",
      });
      assert.equal(fixture.log.contexts[0]?.metadata("client-api-version"), "\xc3\xa9\xff");
    });

    test("a deadline is known to the handler and ends the call when it passes", async () => {
      const startedMs = Date.now();
      const result = await fixture.client.call("/t.T/Hang", frame(HELLO), {
        "grpc-timeout": "150m",
      });
      assert.equal(result.status, GrpcStatus.DEADLINE_EXCEEDED);
      assert.equal(result.message, "context deadline exceeded");
      assert.ok(Date.now() - startedMs >= 140);
      const call = fixture.log.unaries[0];
      assert.ok(Math.abs((call?.deadlineMs ?? 0) - startedMs - 150) < 1000);
      assert.equal(call?.cancelled, true);
      assert.equal(call?.ended, true);
      assert.deepEqual(fixture.log.cancelled, ["unary"]);
    });

    test("a deadline years away does not end the call", async () => {
      for (const timeout of ["99999999H", "2592000S", "50000M"]) {
        const result = await fixture.client.call("/t.T/Later", frame(HELLO), {
          "grpc-timeout": timeout,
        });
        assert.equal(result.status, GrpcStatus.OK, timeout);
      }
    });

    test("a thousand unary calls at once are answered, each with its own message", async () => {
      const results = await Promise.all(
        Array.from({ length: 1000 }, (_, index) =>
          fixture.client.call("/t.T/Later", frame(Buffer.from(`${index}`))),
        ),
      );
      assert.ok(results.every(({ replies }, index) => String(replies[0]) === `${index}`));
    });

    test("a handler that throws fails the call with Internal and is reported", async () => {
      const result = await fixture.client.call("/t.T/Throw", frame(HELLO));
      assert.equal(result.status, GrpcStatus.INTERNAL);
      assert.match(String(fixture.harness.bugs.pop()), /thrown on purpose/);
    });
  });
}
