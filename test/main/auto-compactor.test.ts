import assert from "node:assert/strict";
import { mock, type TestContext, test } from "node:test";
import { AutoCompactor } from "../../src/main/compaction/auto-compactor.js";
import type { Frontend } from "../../src/main/frontend/frontend.js";
import { CompactionRequest } from "../../src/shared/gen/etcdserverpb/rpc.js";
import type { Logger } from "../../src/shared/logger.js";
import { BoardSlot, StatusBoard } from "../../src/shared/status-board.js";

/** A compactor whose plan always wants half of the revisions gone, and what it proposed. */
function setUp(t: TestContext) {
  mock.timers.enable({ apis: ["setInterval"] });
  t.after(() => mock.timers.reset());
  const board = new StatusBoard();
  const proposed: bigint[] = [];
  const sampled: number[] = [];
  const view = { compactRevision: -1 };
  const frontend = {
    revision: 100,
    view,
    propose: (_kind: number, payload: Uint8Array) => {
      proposed.push(CompactionRequest.decode(payload).revision);
    },
  } as unknown as Frontend;
  const compactor = new AutoCompactor({
    plan: {
      sampleEveryMs: 10,
      sample: (revision) => {
        sampled.push(revision);
        return revision / 2;
      },
    },
    frontend,
    board,
    memberId: 1n,
    logger: {} as Logger,
  });
  t.after(() => compactor.stop());
  return { board, proposed, sampled, view };
}

test("C-14 a follower samples and does not compact; as the leader it does", (t) => {
  const { board, proposed, sampled } = setUp(t);
  board.setId(BoardSlot.leaderId, 2n);
  mock.timers.tick(20);
  assert.deepEqual([sampled, proposed], [[100, 100], []]);
  board.setId(BoardSlot.leaderId, 1n);
  mock.timers.tick(10);
  assert.deepEqual(proposed, [50n]);
});

test("what another leader has compacted is not compacted again", (t) => {
  const { board, proposed, view } = setUp(t);
  board.setId(BoardSlot.leaderId, 1n);
  view.compactRevision = 50;
  mock.timers.tick(10);
  assert.deepEqual(proposed, []);
});
