import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { MessageChannel, Worker } from "node:worker_threads";
import { connectControl } from "../../src/shared/control/endpoint.js";
import type {
  RaftControl,
  RaftStartOptions,
  RaftWorkerData,
} from "../../src/shared/control/raft-control.js";
import { D14_SECONDS, SharedHistogram } from "../../src/shared/histogram.js";
import { sendFlushed } from "../../src/shared/messages/apply-to-raft.js";
import { encodeMembership } from "../../src/shared/messages/membership.js";
import { BoardSlot, StatusBoard } from "../../src/shared/status-board.js";
import { ApplyEnd, FrontendEnd, makeRigBuffers, RIG_ORIGIN } from "./support/worker-rig.js";

const WORKER = new URL("../../src/raft-worker/worker.js", import.meta.url);
const DEADLINE_MS = 60_000;

const NOBODY = { index: 0, members: [], removed: [] };
const OWN = { ID: 1n, name: "", peerURLs: [], clientURLs: [], isLearner: false };

/** A store that stands there, and knows this member only. */
function startAt(appliedIndex: number, appliedTerm: number): RaftStartOptions {
  const membership = encodeMembership({ index: appliedIndex, members: [OWN], removed: [] });
  return { appliedIndex, appliedTerm, membership, installedSnapshot: undefined };
}

/** A real Raft worker on a real directory, with the test at the other ends of its rings. */
class WorkerRig {
  readonly board = new StatusBoard();
  readonly syncSeconds = new SharedHistogram(D14_SECONDS);
  readonly frontend: FrontendEnd;
  readonly apply: ApplyEnd;
  readonly worker: Worker;
  readonly control;
  readonly exited: Promise<unknown>;
  failure: unknown;

  constructor(directory: string, overrides: Partial<RaftWorkerData> = {}) {
    const buffers = makeRigBuffers(1, 1 << 20);
    const logs = new MessageChannel();
    logs.port2.unref();
    const data: RaftWorkerData = {
      directory,
      clusterId: 7n,
      memberId: 1n,
      origin: RIG_ORIGIN,
      storeDirectory: directory,
      snapshotDirectory: join(directory, "snap"),
      bootstrap: [],
      seeds: encodeMembership(NOBODY),
      forceNewCluster: false,
      peers: { listen: ["127.0.0.1:0"], advertise: [], tls: undefined },
      preVote: true,
      catchUpEntriesMax: undefined,
      advanceFirstElection: false,
      heartbeatMs: 20,
      electionMs: 200,
      board: this.board.buffer,
      walSyncSeconds: this.syncSeconds.buffer,
      ...buffers,
      logPort: logs.port1,
      logLevel: "info",
      ...overrides,
    };
    this.frontend = new FrontendEnd(buffers, 0);
    this.apply = new ApplyEnd(buffers);
    this.worker = new Worker(WORKER, { workerData: data, transferList: [logs.port1] });
    this.control = connectControl<RaftControl>(this.worker);
    this.exited = new Promise((resolve) => this.worker.once("exit", resolve));
    this.worker.once("error", (error) => {
      this.failure = error;
    });
  }

  /** Waits until the condition holds, taking in whatever arrives for either end. */
  async until(condition: () => boolean): Promise<void> {
    const deadline = performance.now() + DEADLINE_MS;
    for (;;) {
      const seen = this.apply.bell.count();
      this.apply.drain();
      this.frontend.drain();
      if (condition()) return;
      assert.ok(performance.now() < deadline, "the worker does not get there in time");
      await this.apply.bell.wait(seen, 10);
    }
  }

  async end(): Promise<void> {
    await this.control.stop();
    await this.worker.terminate();
  }
}

describe("the Raft worker", () => {
  let root = "";
  before(() => {
    root = mkdtempSync(join(tmpdir(), "capstan-raft-worker-"));
  });
  after(() => rmSync(root, { recursive: true, force: true }));

  test("commits proposals through a real WAL, and gives them out again after a restart", async () => {
    const directory = join(root, "restart");
    const texts = Array.from({ length: 500 }, (_, id) => `value ${id}`);
    const first = new WorkerRig(directory);
    await first.control.start(startAt(0, 0));
    for (const [id, text] of texts.entries()) first.frontend.propose(id + 1, text);
    await first.until(() => first.apply.texts.length > texts.length);
    assert.deepEqual(first.apply.texts.slice(1), texts);
    first.frontend.read(1);
    await first.until(() => first.frontend.received.includes("read 1 at 501"));
    assert.ok(first.syncSeconds.snapshot().count > 0);
    assert.equal(first.board.get(BoardSlot.commitIndex), 501);
    assert.ok(first.board.get(BoardSlot.walSyncs) > 0);
    await first.end();

    // The store kept entries up to 101; all that follow are given out again.
    const second = new WorkerRig(directory);
    await second.control.start(startAt(101, 1));
    await second.until(() => second.apply.texts.length === 401);
    assert.deepEqual(second.apply.texts.slice(0, 400), texts.slice(100));
    assert.equal((await second.control.status()).role, "leader");
    assert.equal((await second.control.status()).term, 2);
    await second.end();
  });

  test("keeps every acknowledged entry when it is terminated at any moment", async () => {
    const directory = join(root, "terminated");
    let known: readonly string[] = [];
    for (let life = 0; life < 8; life += 1) {
      const rig = new WorkerRig(directory);
      await rig.control.start(startAt(0, 0));
      const wanted = known.length + 20 + life * 10;
      for (let id = 1; id <= 400; id += 1) rig.frontend.propose(id, `life ${life} ${id}`);
      await rig.until(() => rig.apply.texts.length >= wanted);
      const texts = [...rig.apply.texts];
      await rig.worker.terminate();
      assert.deepEqual(texts.slice(0, known.length), known);
      known = texts;
    }
  });

  test("lets go of the WAL below what the store has flushed", async () => {
    const directory = join(root, "truncated");
    const rig = new WorkerRig(directory);
    await rig.control.start(startAt(0, 0));
    for (let id = 1; id <= 50; id += 1) rig.frontend.propose(id, "early");
    await rig.until(() => rig.apply.texts.length === 51);
    sendFlushed(rig.apply.output, 40);
    rig.apply.output.flush();
    rig.frontend.propose(51, "late");
    await rig.until(() => rig.apply.texts.includes("late"));
    await rig.end();
    const stale = new WorkerRig(directory);
    const start = stale.control.start(startAt(39, 1));
    await assert.rejects(async () => start, /begins after entry 40/);
    await stale.worker.terminate();
    const right = new WorkerRig(directory);
    await right.control.start(startAt(40, 1));
    await right.until(() => right.apply.texts.includes("late"));
    await right.end();
  });

  test("refuses a log that does not fit the store or the member", async () => {
    const directory = join(root, "mismatch");
    const rig = new WorkerRig(directory);
    await rig.control.start(startAt(0, 0));
    await rig.until(() => rig.apply.texts.length === 1);
    await rig.end();
    const cases = [
      { applied: startAt(9, 1), overrides: {}, message: /has lost entries/ },
      {
        applied: startAt(1, 9),
        overrides: {},
        message: /different histories/,
      },
      {
        applied: startAt(1, 1),
        overrides: { memberId: 2n, voters: [2n] },
        message: /another member's/,
      },
      {
        applied: startAt(1, 1),
        overrides: { directory: join(root, "nowhere") },
        message: /is missing/,
      },
    ];
    for (const { applied, overrides, message } of cases) {
      const wrong = new WorkerRig(directory, overrides);
      await assert.rejects(async () => wrong.control.start(applied), message);
      await wrong.worker.terminate();
    }
    assert.equal(existsSync(join(root, "nowhere")), false, "nothing was made");
  });

  test("stays alive while it has nothing to do", async () => {
    const rig = new WorkerRig(join(root, "idle"));
    await rig.control.start(startAt(0, 0));
    await rig.until(() => rig.apply.texts.length === 1);
    const start = performance.now();
    await rig.until(() => performance.now() - start > 500);
    rig.frontend.propose(1, "still here");
    await rig.until(() => rig.apply.texts.includes("still here"));
    assert.equal(rig.failure, undefined);
    await rig.end();
  });
});
