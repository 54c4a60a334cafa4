import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { runOpenLoop } from "../../bench/load/open-loop.js";
import type { LoadLimits } from "../../bench/load/plan.js";
import { type Done, type Operation, Tally } from "../../bench/load/tally.js";
import { FakeClock } from "./support/fake-clock.js";

const MS = 1000;

/** A server that answers when it is told to, or so long after each call. */
class Server {
  readonly clock = new FakeClock();
  readonly tally = new Tally({ series: 1 });
  readonly startedUs: number[] = [];
  readonly waiting: Done[] = [];
  answerMs: number | undefined;

  readonly operation: Operation = (done) => {
    this.startedUs.push(this.clock.nowUs());
    if (this.answerMs === undefined) this.waiting.push(done);
    else this.clock.after(this.answerMs, () => done());
  };

  /** A run with so many clients at 100 calls per second: one every 10 ms. */
  run(clients: number, limits: Partial<LoadLimits>): Promise<unknown> {
    const operations = Array.from({ length: clients }, () => this.operation);
    const all = { calls: Number.POSITIVE_INFINITY, seconds: 60, ...limits };
    return runOpenLoop(operations, 100, { limits: all, tally: this.tally, clock: this.clock });
  }
}

describe("runOpenLoop()", () => {
  test("starts calls on schedule, answered or not", () => {
    const server = new Server();
    void server.run(10, {});
    server.clock.advance(45 * MS);
    assert.deepEqual(
      server.startedUs,
      [0, 10, 20, 30, 40].map((ms) => ms * MS),
    );
    assert.equal(server.tally.ended, 0);
  });

  test("makes exactly the calls asked for and ends with the last answer", async () => {
    const server = new Server();
    server.answerMs = 3;
    const run = server.run(10, { calls: 5 });
    server.clock.advance(1000 * MS);
    assert.deepEqual(await run, { startedUs: 0, endedUs: 43 * MS });
    assert.equal(server.startedUs.length, 5);
    const { count, minUs, maxUs } = server.tally.latencies[0]!.summary();
    assert.deepEqual([count, minUs, maxUs], [5, 3 * MS, 3 * MS]);
    assert.deepEqual([server.tally.waited, server.tally.missed], [0, 0]);
  });

  test("counts a call that waited for a client from its scheduled start", async () => {
    const server = new Server();
    const run = server.run(1, { calls: 4 });
    // The first call hangs for 100 ms: those of 10, 20 and 30 ms wait for it.
    server.clock.advance(100 * MS);
    assert.equal(server.startedUs.length, 1);
    server.answerMs = 1;
    server.waiting[0]?.();
    server.clock.advance(10 * MS);
    await run;
    assert.deepEqual(
      server.startedUs,
      [0, 100, 101, 102].map((ms) => ms * MS),
    );
    const summary = server.tally.latencies[0]!.summary();
    // 100, then 101 - 10, 102 - 20 and 103 - 30; a closed loop would have seen 100, 1, 1, 1.
    assert.deepEqual([summary.maxUs, summary.minUs], [100 * MS, 73 * MS]);
    assert.equal(summary.meanUs, (100 + 91 + 82 + 73) * (MS / 4));
    assert.deepEqual([server.tally.waited, server.tally.missed], [3, 0]);
  });

  test("gives up the calls that wait when time is up, and counts them", async () => {
    const server = new Server();
    const run = server.run(2, { seconds: 0.1 });
    server.clock.advance(200 * MS);
    for (const done of server.waiting) done();
    await run;
    // Ten were scheduled, from 0 to 90 ms.
    assert.deepEqual([server.startedUs.length, server.tally.missed], [2, 8]);
    assert.equal(server.tally.ended, 2);
  });

  test("counts from the schedule when the generator itself was late", async () => {
    const server = new Server();
    server.answerMs = 1;
    const run = server.run(10, { calls: 3 });
    server.clock.advance(5 * MS);
    server.clock.stall(20 * MS);
    server.clock.advance(10 * MS);
    await run;
    assert.deepEqual(
      server.startedUs,
      [0, 25, 25].map((ms) => ms * MS),
    );
    const { minUs, maxUs, meanUs } = server.tally.latencies[0]!.summary();
    // The call of 10 ms ended at 26 ms; that of 20 ms, too.
    assert.deepEqual([minUs, maxUs, meanUs], [1 * MS, 16 * MS, ((1 + 16 + 6) * MS) / 3]);
  });

  test("does not charge the server for the step of its own timer", async () => {
    const server = new Server();
    server.answerMs = 1;
    const operations = Array.from({ length: 100 }, () => server.operation);
    const { tally, clock } = server;
    const limits = { calls: 100, seconds: 60 };
    // Twenty calls per millisecond, and the timer knows no less than one.
    const run = runOpenLoop(operations, 20_000, { limits, tally, clock });
    clock.advance(20 * MS);
    await run;
    assert.equal(tally.latencies[0]!.summary().maxUs, MS);
  });

  test("ends when calls do not, and names them", async () => {
    const server = new Server();
    const run = server.run(1, { calls: 2, seconds: 1 });
    const failing = assert.rejects(run, /1 calls did not end; 0 did/);
    server.clock.advance(62_000 * MS);
    await failing;
  });

  test("gives up after a hundred failures", async () => {
    const server = new Server();
    const { tally, clock } = server;
    const refused: Operation = (done) => clock.after(1, () => done(new Error("refused")));
    const limits = { calls: 1_000_000, seconds: 3600 };
    const run = runOpenLoop([refused, refused], 100, { limits, tally, clock });
    clock.advance(3_600_000 * MS);
    await run;
    assert.deepEqual([...tally.failures], [["refused", 100]]);
  });
});
