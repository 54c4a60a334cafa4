import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { withMemberChecks } from "../../src/main/cluster/member-checks.js";
import { Standing } from "../../src/main/cluster/standing.js";
import type { RpcMethod, StreamReceiver } from "../../src/main/transport/method.js";
import { ErrorCode, errorFacts } from "../../src/shared/errors.js";
import { RangeRequest } from "../../src/shared/gen/etcdserverpb/rpc.js";
import { BoardSlot, StatusBoard } from "../../src/shared/status-board.js";
import { FakeCall } from "../transport/fake-call.js";
import { member } from "./support/frontend-rig.js";

const PATHS: Readonly<Record<RpcMethod["kind"], readonly string[]>> = {
  unary: [
    "/etcdserverpb.KV/Range",
    "/etcdserverpb.KV/Put",
    "/etcdserverpb.Lease/LeaseGrant",
    "/etcdserverpb.Maintenance/Status",
    "/etcdserverpb.Maintenance/HashKV",
    "/etcdserverpb.Cluster/MemberList",
    "/grpc.health.v1.Health/Check",
  ],
  "server-stream": ["/etcdserverpb.KV/RangeStream", "/etcdserverpb.Maintenance/Snapshot"],
  bidi: ["/etcdserverpb.Watch/Watch", "/etcdserverpb.Lease/LeaseKeepAlive"],
};

/** Methods of every kind, behind the checks of member 1. */
function setUp() {
  const board = new StatusBoard();
  let members = [member(1n), member(2n)];
  const standing = new Standing({ memberId: 1n, board, members: () => members });
  const handled: string[] = [];
  const receiver = (path: string): StreamReceiver => ({
    onMessage: () => handled.push(path),
    onHalfClose: () => handled.push(`end of ${path}`),
  });
  const table: RpcMethod[] = [
    ...PATHS.unary.map((path) => ({
      kind: "unary" as const,
      path,
      handle: () => handled.push(path),
    })),
    ...PATHS["server-stream"].map((path) => ({
      kind: "server-stream" as const,
      path,
      handle: () => handled.push(path),
    })),
    ...PATHS.bidi.map((path) => ({
      kind: "bidi" as const,
      path,
      handle: () => receiver(path),
    })),
  ];
  const methods = withMemberChecks(table, standing);
  const open = (path: string, request: Uint8Array = Buffer.alloc(0)) => {
    const call = new FakeCall();
    const method = methods.find((one) => one.path === path);
    assert.ok(method !== undefined);
    const stream = method.kind === "bidi" ? method.handle(call) : method.handle(call, request);
    return { call, stream: stream as StreamReceiver };
  };
  const becomeLearner = (): void => {
    members = [member(1n, { isLearner: true }), member(2n)];
  };
  return { board, handled, standing, open, becomeLearner };
}

const ALL = Object.values(PATHS).flat();
const learnerFacts = errorFacts(ErrorCode.notSupportedForLearner);
const corruptFacts = errorFacts(ErrorCode.corrupt);

describe("what a member may serve", () => {
  test("is everything, as a voter", () => {
    const { open, handled } = setUp();
    for (const path of ALL) {
      const { call, stream } = open(path);
      stream?.onMessage?.(Buffer.alloc(0));
      assert.equal(call.failure, undefined);
    }
    assert.deepEqual(handled, ALL);
  });

  test("CL-10 is Status, Snapshot and serializable ranges, as a learner", () => {
    const { open, handled, becomeLearner } = setUp();
    becomeLearner();
    const served = ["/etcdserverpb.Maintenance/Status", "/etcdserverpb.Maintenance/Snapshot"];
    for (const path of ALL) {
      const expected = served.includes(path) ? undefined : learnerFacts;
      assert.deepEqual(open(path).call.failure, expected, path);
    }
    assert.deepEqual(handled, served);
    const range = RangeRequest.fromPartial({ key: Buffer.from("a"), serializable: true });
    const request = RangeRequest.encode(range).finish();
    assert.equal(open("/etcdserverpb.KV/Range", request).call.failure, undefined);
    assert.deepEqual(open("/etcdserverpb.KV/RangeStream", request).call.failure, learnerFacts);
  });

  test("is nothing that tells of the store, while an alarm calls this member corrupt", () => {
    const { open, board, standing } = setUp();
    board.set(BoardSlot.corruptEverywhere, 1);
    assert.equal(open("/etcdserverpb.KV/Put").call.failure, undefined, "another alarm");
    board.set(BoardSlot.corruptHere, 1);
    assert.equal(standing.refusal, ErrorCode.corrupt);
    for (const path of ALL) {
      const refused = /KV|Watch|Lease/.test(path.split("/")[1] ?? "");
      assert.deepEqual(open(path).call.failure, refused ? corruptFacts : undefined, path);
    }
  });

  test("a stream that was opened before ends with its next request", () => {
    const { open, board, handled } = setUp();
    const { call, stream } = open("/etcdserverpb.Lease/LeaseKeepAlive");
    stream.onMessage(Buffer.alloc(0));
    board.set(BoardSlot.corruptHere, 1);
    stream.onMessage(Buffer.alloc(0));
    stream.onMessage(Buffer.alloc(0));
    assert.deepEqual(call.failure, corruptFacts);
    assert.equal(handled.length, 1);
  });
});

test("Standing knows whether this member is the only one that can lead", () => {
  const board = new StatusBoard();
  const standing = (...members: Parameters<typeof member>[]): Standing => {
    const list = members.map((one) => member(...one));
    return new Standing({ memberId: 1n, board, members: () => list });
  };
  assert.equal(standing([1n]).isSoleVoter, true);
  assert.equal(standing([1n], [2n, { isLearner: true }]).isSoleVoter, true);
  assert.equal(standing([1n], [2n]).isSoleVoter, false);
  assert.equal(standing([1n, { isLearner: true }], [2n]).isSoleVoter, false);
  assert.equal(standing([2n]).isSoleVoter, false);
  assert.equal(standing().isSoleVoter, false);
});
