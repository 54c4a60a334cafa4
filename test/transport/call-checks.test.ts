import assert from "node:assert/strict";
import { test } from "node:test";
import { withCallChecks } from "../../src/main/transport/call-checks.js";
import { LeaderWatch } from "../../src/main/transport/leader-watch.js";
import type { MethodTable, RpcMethod } from "../../src/main/transport/method.js";
import { ErrorCode, errorFacts, GrpcStatus } from "../../src/shared/errors.js";
import { FakeCall } from "./fake-call.js";

interface Setup {
  leader: boolean;
  readonly watch: LeaderWatch;
  readonly clients: string[];
  readonly handled: string[];
  /** Runs a call of a kind through the checks. */
  run(kind: RpcMethod["kind"], headers?: Record<string, string>): FakeCall;
}

function setUp(): Setup {
  const handled: string[] = [];
  const clients: string[] = [];
  const table: MethodTable = [
    { kind: "unary", path: "/t.T/U", handle: () => handled.push("unary") },
    { kind: "server-stream", path: "/t.T/S", handle: () => handled.push("server-stream") },
    {
      kind: "bidi",
      path: "/t.T/B",
      handle: () => {
        handled.push("bidi");
        return { onMessage: () => {}, onHalfClose: () => {} };
      },
    },
  ];
  const setup: Setup = {
    leader: true,
    watch: new LeaderWatch({ hasLeader: () => setup.leader, electionTimeoutMs: 1000 }),
    clients,
    handled,
    run: (kind, headers) => {
      const call = new FakeCall(headers);
      for (const method of methods) if (method.kind === kind) start(method, call);
      return call;
    },
  };
  const methods = withCallChecks(table, {
    leaderWatch: setup.watch,
    countClient: (type, version) => clients.push(`${type} ${version}`),
  });
  return setup;
}

function start(method: RpcMethod, call: FakeCall): void {
  if (method.kind === "bidi") method.handle(call);
  else method.handle(call, Buffer.alloc(0));
}

const KINDS = ["unary", "server-stream", "bidi"] as const;

test("withCallChecks() lets calls through and counts them by kind and version", () => {
  const setup = setUp();
  for (const kind of KINDS) assert.equal(setup.run(kind).failure, undefined);
  setup.run("unary", { "client-api-version": "3.6" });
  assert.deepEqual(setup.handled, ["unary", "server-stream", "bidi", "unary"]);
  assert.deepEqual(setup.clients, [
    "unary unknown",
    "stream unknown",
    "stream unknown",
    "unary 3.6",
  ]);
});

test("withCallChecks() refuses a client-api-version that is not UTF-8", () => {
  const setup = setUp();
  for (const kind of KINDS) {
    const call = setup.run(kind, { "client-api-version": "\xff\xfe" });
    assert.deepEqual(call.failure, errorFacts(ErrorCode.invalidClientApiVersion));
  }
  const utf8 = Buffer.from("versión").toString("latin1");
  assert.equal(setup.run("unary", { "client-api-version": utf8 }).failure, undefined);
  assert.deepEqual(setup.handled, ["unary"]);
});

test("withCallChecks() refuses hasleader calls without a leader, and only the value true", () => {
  const setup = setUp();
  setup.leader = false;
  for (const kind of KINDS) {
    const call = setup.run(kind, { hasleader: "true" });
    assert.deepEqual(call.failure, errorFacts(ErrorCode.noLeader));
    assert.equal(setup.run(kind, { hasleader: "yes" }).failure, undefined);
    assert.equal(setup.run(kind).failure, undefined);
  }
  assert.equal(setup.handled.length, 6);
});

test("withCallChecks() checks the version before the leader", () => {
  const setup = setUp();
  setup.leader = false;
  const call = setup.run("unary", { hasleader: "true", "client-api-version": "\xff" });
  assert.equal(call.failure?.status, GrpcStatus.INVALID_ARGUMENT);
});

test("LeaderWatch ends hasleader streams at the third check in a row without a leader", () => {
  const setup = setUp();
  const asked = setup.run("bidi", { hasleader: "true" });
  const other = setup.run("bidi");
  setup.leader = false;
  setup.watch.check();
  setup.watch.check();
  setup.leader = true;
  setup.watch.check();
  setup.leader = false;
  setup.watch.check();
  setup.watch.check();
  assert.equal(asked.ended, false);
  setup.watch.check();
  assert.deepEqual(asked.failure, errorFacts(ErrorCode.noLeader));
  assert.equal(asked.cancelled, true);
  assert.equal(other.ended, false);
  assert.equal(setup.watch.size, 0);
});

test("LeaderWatch forgets streams that ended", () => {
  const setup = setUp();
  const call = setup.run("server-stream", { hasleader: "true" });
  assert.equal(setup.watch.size, 1);
  call.end();
  setup.watch.check();
  assert.equal(setup.watch.size, 0);
});
