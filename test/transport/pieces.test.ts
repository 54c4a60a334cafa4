import assert from "node:assert/strict";
import type { IncomingHttpHeaders } from "node:http2";
import { describe, test } from "node:test";
import fc from "fast-check";
import { rewordGrpcJs, unimplemented } from "../../src/main/transport/failure-text.js";
import { adaptHeaders, UNKNOWN_METHOD_PATH } from "../../src/main/transport/grpc-js-http2.js";
import { HealthService } from "../../src/main/transport/health-service.js";
import type { RpcMethod } from "../../src/main/transport/method.js";
import { PingPolicy } from "../../src/main/transport/ping-policy.js";
import { sniffProtocol } from "../../src/main/transport/sniff.js";
import { GrpcStatus } from "../../src/shared/errors.js";
import {
  HealthCheckRequest,
  HealthCheckResponse,
  HealthListResponse,
} from "../../src/shared/gen/grpc/health/v1/health.js";
import { FakeCall } from "./fake-call.js";

describe("sniffProtocol()", () => {
  test("says http2 for the preface and http1 for every method", () => {
    assert.equal(sniffProtocol(Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")), "http2");
    for (const method of ["GET", "POST", "PUT", "PATCH", "PROPFIND", "OPTIONS", "DELETE", "HEAD"]) {
      assert.equal(sniffProtocol(Buffer.from(`${method} / HTTP/1.1\r\n`)), "http1", method);
    }
  });

  test("is undecided only while the bytes could still be the preface", () => {
    assert.equal(sniffProtocol(Buffer.alloc(0)), "undecided");
    for (const start of ["P", "PR", "PRI"]) {
      assert.equal(sniffProtocol(Buffer.from(start)), "undecided", start);
    }
    assert.equal(sniffProtocol(Buffer.from("PO")), "http1");
  });

  test("more bytes never change a decision", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 8 }), fc.uint8Array({ maxLength: 8 }), (a, b) => {
        const first = sniffProtocol(a);
        fc.pre(first !== "undecided");
        assert.equal(sniffProtocol(Buffer.concat([a, b])), first);
      }),
    );
  });
});

describe("PingPolicy", () => {
  const ping = (policy: PingPolicy, nowMs: number, openCalls = 1, sentSinceLastPing = false) =>
    policy.isTooMuch({ nowMs, openCalls, sentSinceLastPing });

  test("forgives two early pings and not the third", () => {
    const policy = new PingPolicy(5000);
    const answers = [0, 100, 200, 300].map((nowMs) => ping(policy, nowMs));
    assert.deepEqual(answers, [false, false, false, true]);
  });

  test("never objects to pings at the agreed interval", () => {
    const policy = new PingPolicy(5000);
    for (let nowMs = 0; nowMs < 500_000; nowMs += 5000) assert.equal(ping(policy, nowMs), false);
  });

  test("objects to pings without an open call even at that interval", () => {
    const policy = new PingPolicy(5000);
    const answers = [0, 10_000, 20_000, 30_000].map((nowMs) => ping(policy, nowMs, 0));
    assert.deepEqual(answers, [false, false, false, true]);
  });

  test("forgets strikes when something was sent to the client", () => {
    const policy = new PingPolicy(5000);
    for (let nowMs = 0; nowMs < 1000; nowMs += 10) {
      assert.equal(ping(policy, nowMs, 1, nowMs % 30 === 0), false);
    }
  });
});

describe("failure texts", () => {
  test("unimplemented() tells an unknown method from an unknown service", () => {
    const services = new Set(["a.B"]);
    assert.equal(unimplemented("/a.B/C", services).message, "unknown method C for service a.B");
    assert.equal(unimplemented("/a.X/C", services).message, "unknown service a.X");
    assert.equal(unimplemented("/x", services).message, 'malformed method name: "/x"');
    assert.equal(unimplemented("", services).message, 'malformed method name: ""');
  });

  test("rewordGrpcJs() leaves alone what it does not know", () => {
    const details = "something new";
    for (const status of [
      GrpcStatus.RESOURCE_EXHAUSTED,
      GrpcStatus.UNIMPLEMENTED,
      GrpcStatus.INTERNAL,
    ]) {
      assert.deepEqual(rewordGrpcJs(status, details, 1), { status, message: details });
    }
  });
});

describe("adaptHeaders()", () => {
  const adapt = (headers: IncomingHttpHeaders): IncomingHttpHeaders => {
    adaptHeaders(headers, new Set(["/a.B/C"]));
    return headers;
  };

  test("leaves the headers of an ordinary call alone", () => {
    const headers = { ":path": "/a.B/C", "grpc-timeout": "99999999m", "client-api-version": "3.7" };
    assert.deepEqual(adapt({ ...headers }), headers);
  });

  test("sends unknown paths elsewhere and keeps the path", () => {
    const headers = adapt({ ":path": "/x/Y" });
    assert.equal(headers[":path"], UNKNOWN_METHOD_PATH);
    const kept = String(headers["capstan-asked-path-bin"]);
    assert.equal(Buffer.from(kept, "base64").toString(), "/x/Y");
  });

  test("drops exactly the deadlines that no timer can hold", () => {
    const timeouts: readonly [text: string, kept: boolean][] = [
      ["2147483S", true],
      ["2147484S", false],
      ["35791M", true],
      ["35792M", false],
      ["596H", true],
      ["597H", false],
      ["99999999u", true],
      ["garbage", true],
    ];
    for (const [text, kept] of timeouts) {
      const headers = adapt({ ":path": "/a.B/C", "grpc-timeout": text });
      assert.equal("grpc-timeout" in headers, kept, text);
    }
  });
});

describe("HealthService", () => {
  const service = new HealthService();
  const run = (name: string, call: FakeCall, request = Buffer.alloc(0)): void => {
    const method = service.methods.find(({ path }) => path.endsWith(`/${name}`));
    start(method, call, request);
  };
  const start = (method: RpcMethod | undefined, call: FakeCall, request: Buffer): void => {
    assert.ok(method !== undefined && method.kind !== "bidi");
    method.handle(call, request);
  };
  const statuses = (call: FakeCall) =>
    call.sent.map((message) => HealthCheckResponse.decode(message).status);
  const other = Buffer.from(HealthCheckRequest.encode({ service: "kv" }).finish());

  test("Check answers SERVING for the empty name and NotFound for others", () => {
    const good = new FakeCall();
    run("Check", good);
    assert.deepEqual(statuses(good), [1]);
    const bad = new FakeCall();
    run("Check", bad, other);
    assert.deepEqual(bad.failure, { status: GrpcStatus.NOT_FOUND, message: "unknown service" });
  });

  test("List names the empty service", () => {
    const call = new FakeCall();
    run("List", call);
    const listed = HealthListResponse.decode(call.sent[0] ?? Buffer.alloc(0)).statuses;
    assert.deepEqual(listed, { "": { status: 1 } });
  });

  test("Watch tells changes, keeps unknown names open, and ends with the server", () => {
    const known = new FakeCall();
    const unknown = new FakeCall();
    const gone = new FakeCall();
    run("Watch", known);
    run("Watch", unknown, other);
    run("Watch", gone);
    gone.cancel();
    service.setServing(false);
    service.setServing(false);
    service.setServing(true);
    assert.deepEqual(statuses(known), [1, 2, 1]);
    assert.deepEqual(statuses(unknown), [3]);
    assert.deepEqual(statuses(gone), [1]);
    service.close();
    assert.deepEqual(known.failure, {
      status: GrpcStatus.CANCELLED,
      message: "Stream has ended.",
    });
    assert.equal(unknown.ended, true);
  });

  test("a request that does not decode is refused, not thrown", () => {
    for (const name of ["Check", "Watch"]) {
      const call = new FakeCall();
      run(name, call, Buffer.from([0x0a, 0x7f]));
      assert.equal(call.failure?.status, GrpcStatus.INTERNAL);
    }
  });
});
