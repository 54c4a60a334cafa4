import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { GrpcStatus } from "../../src/shared/errors.js";
import { STREAM_HIGH_WATER_BYTES } from "../../src/shared/limits.js";
import { until } from "../support/until.js";
import { HELLO, useFixture } from "./conformance-fixture.js";
import { FLOOD_BYTES, ODD_FAILURE } from "./conformance-methods.js";
import type { TransportFactory, TransportTraits } from "./harness.js";
import { frame, resultOf } from "./raw-client.js";

/** Streams: order, half-close, cancellation, back-pressure. */
export function describeStreams(
  name: string,
  make: TransportFactory,
  { cancelsAtOnce }: TransportTraits,
): void {
  describe(`${name}: streams`, () => {
    const fixture = useFixture(make);

    test("a deadline ends a stream", async () => {
      const stream = fixture.client.open("/t.T/Chat", { "grpc-timeout": "100m" });
      stream.write(frame(HELLO));
      const result = await resultOf(stream);
      assert.equal(result.status, GrpcStatus.DEADLINE_EXCEEDED);
      assert.equal(result.message, "context deadline exceeded");
      assert.deepEqual(fixture.log.cancelled, ["bidi"]);
    });

    test("a reset by the client cancels the call, once", async () => {
      const stream = fixture.client.open("/t.T/Hang");
      stream.end(frame(HELLO));
      await until(() => fixture.log.unaries.length === 1, "the call to arrive");
      stream.close(8);
      await until(() => fixture.log.cancelled.length > 0, "the cancellation");
      assert.deepEqual(fixture.log.cancelled, ["unary"]);
      assert.equal(fixture.log.unaries[0]?.cancelled, true);
    });

    test("a lost connection cancels every call on it", async () => {
      for (let index = 0; index < 5; index++) fixture.client.open("/t.T/Chat").write(frame(HELLO));
      fixture.client.open("/t.T/Hang").end(frame(HELLO));
      await until(
        () => fixture.log.streams.length + fixture.log.unaries.length === 6,
        "the calls to arrive",
      );
      fixture.client.close();
      await until(() => fixture.log.cancelled.length === 6, "the cancellations");
    });

    test("a server stream sends its messages in order and ends with OK", async () => {
      const result = await fixture.client.call("/t.T/Count", frame(Buffer.alloc(100)));
      assert.equal(result.status, GrpcStatus.OK);
      assert.deepEqual(
        result.replies.map((reply) => reply[0]),
        Array.from({ length: 100 }, (_, index) => index),
      );
    });

    test("a stream without a single answer ends with its status alone", async () => {
      const result = await fixture.client.call("/t.T/Count", frame(Buffer.alloc(0)));
      assert.equal(result.status, GrpcStatus.OK);
      assert.deepEqual(result.replies, []);
    });

    test("a bidi stream goes on after the client half-closes, until the handler ends it", async () => {
      const stream = fixture.client.open("/t.T/Chat");
      const result = resultOf(stream);
      stream.end(frame(Buffer.from("one")));
      await until(() => fixture.log.halfClosed.length === 1, "the half-close");
      assert.equal(fixture.log.streams[0]?.ended, false);
      fixture.log.streams[0]?.write(Buffer.from("two"));
      fixture.log.streams[0]?.write([Buffer.from("thr"), Buffer.from("ee")]);
      fixture.log.streams[0]?.end();
      assert.deepEqual((await result).replies.map(String), ["one", "two", "three"]);
      assert.equal((await result).status, GrpcStatus.OK);
      assert.deepEqual(fixture.log.cancelled, []);
    });

    test("a stream that fails after messages delivers them first", async () => {
      const body = Buffer.concat([frame(HELLO), frame(Buffer.from("fail"))]);
      const result = await fixture.client.call("/t.T/Chat", body);
      assert.deepEqual(result.replies, [HELLO]);
      assert.equal(result.status, ODD_FAILURE.status);
      assert.equal(result.message, ODD_FAILURE.message);
    });

    test("an abort sends the failure to the client and a cancellation to the handler", async () => {
      const stream = fixture.client.open("/t.T/Chat");
      const result = resultOf(stream);
      stream.write(frame(HELLO));
      await until(() => fixture.log.streams.length === 1, "the call to arrive");
      fixture.log.streams[0]?.abort(ODD_FAILURE);
      assert.deepEqual(fixture.log.cancelled, ["bidi"]);
      assert.equal(fixture.log.streams[0]?.write(HELLO), true);
      assert.equal((await result).status, ODD_FAILURE.status);
    });

    test("thousands of tiny messages in one write all arrive, in order", async () => {
      const count = 20_000;
      const messages = Array.from({ length: count }, (_, index) => frame(Buffer.from([index])));
      const body = Buffer.concat([...messages, frame(Buffer.from("end"))]);
      const result = await fixture.client.call("/t.T/Chat", body);
      assert.equal(result.status, GrpcStatus.OK);
      assert.equal(result.replies.length, count);
      assert.ok(result.replies.every((reply, index) => reply[0] === index % 256));
    });

    test("a paused stream takes no message, and all of them after it resumes", async () => {
      const stream = fixture.client.open("/t.T/Meek");
      const result = resultOf(stream);
      // More than one stream's window: the call below shows that it holds up no other stream.
      const sends = Array.from({ length: 20_000 }, () => frame(HELLO));
      stream.end(Buffer.concat(sends));
      await until(() => fixture.log.streams.length === 1, "the call to arrive");
      assert.equal((await fixture.client.call("/t.T/Echo", frame(HELLO))).status, GrpcStatus.OK);
      assert.equal(fixture.log.writes, 0);
      fixture.log.streams[0]?.resume();
      assert.equal((await result).status, GrpcStatus.OK);
      assert.equal(fixture.log.writes, 20_000);
    });

    test("a reader that stops makes write() say so and bounds what is held, then gets all", async () => {
      const stream = fixture.client.open("/t.T/Flood");
      stream.pause();
      stream.end(frame(HELLO));
      await until(() => fixture.log.writes > 0, "the flood to begin");
      // Another call on the same connection is not held up, and shows that the flood has come to rest.
      assert.equal((await fixture.client.call("/t.T/Echo", frame(HELLO))).status, GrpcStatus.OK);
      const writesAtRest = fixture.log.writes;
      assert.equal((await fixture.client.call("/t.T/Echo", frame(HELLO))).status, GrpcStatus.OK);
      assert.equal(fixture.log.writes, writesAtRest);
      assert.ok(
        fixture.log.writes * 16_384 < 1024 * 1024,
        `${fixture.log.writes} messages were taken`,
      );
      const end = resultOf(stream);
      stream.resume();
      const result = await end;
      const received = result.replies.reduce((sum, reply) => sum + reply.length, 0);
      assert.equal(received, FLOOD_BYTES);
      assert.ok(fixture.log.peakBufferedBytes <= STREAM_HIGH_WATER_BYTES + 16_384);
    });

    test("a thousand streams at once on one connection are all served", async () => {
      const results = Array.from({ length: 1000 }, async (_, index) => {
        const stream = fixture.client.open("/t.T/Chat");
        const result = resultOf(stream);
        stream.write(frame(Buffer.from(`${index}`)));
        return result;
      });
      await until(() => fixture.log.streams.length === 1000, "the streams to open");
      for (const stream of fixture.log.streams) stream.end();
      const texts = (await Promise.all(results)).map(({ replies }) => String(replies[0]));
      assert.deepEqual(
        texts,
        Array.from({ length: 1000 }, (_, index) => `${index}`),
      );
    });

    test(`${cancelsAtOnce} streams cancelled at once leave the connection alone`, async () => {
      const streams = Array.from({ length: cancelsAtOnce }, () => fixture.client.open("/t.T/Chat"));
      for (const stream of streams) stream.write(frame(HELLO));
      await until(() => fixture.log.streams.length === cancelsAtOnce, "the streams to open");
      for (const stream of streams) stream.close(8);
      await until(() => fixture.log.cancelled.length === cancelsAtOnce, "the cancellations");
      const result = await fixture.client.call("/t.T/Echo", frame(HELLO));
      assert.equal(result.status, GrpcStatus.OK);
    });

    test("an answer after the client went away is dropped", async () => {
      const stream = fixture.client.open("/t.T/Chat");
      stream.write(frame(HELLO));
      await until(() => fixture.log.streams.length === 1, "the call to arrive");
      stream.close(8);
      await until(() => fixture.log.cancelled.length === 1, "the cancellation");
      assert.equal(fixture.log.streams[0]?.write(HELLO), true);
      fixture.log.streams[0]?.end();
      assert.equal((await fixture.client.call("/t.T/Echo", frame(HELLO))).status, GrpcStatus.OK);
    });
  });
}
