import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { runClosedLoop } from "../../bench/load/closed-loop.js";
import { type Operation, Tally } from "../../bench/load/tally.js";

/** Counts calls, and how many are under way at once. */
class Calls {
  made = 0;
  underWay = 0;
  most = 0;

  operation(outcome?: Error): Operation {
    return (done) => {
      this.made += 1;
      this.underWay += 1;
      this.most = Math.max(this.most, this.underWay);
      setImmediate(() => {
        this.underWay -= 1;
        done(outcome);
      });
    };
  }
}

function recorded(tally: Tally): number {
  return tally.latencies.reduce((sum, each) => sum + each.summary().count, 0);
}

describe("runClosedLoop()", () => {
  test("makes exactly the calls asked for, one at a time per client", async () => {
    const calls = new Calls();
    const tally = new Tally({ series: 1 });
    const clients = [calls.operation(), calls.operation(), calls.operation()];
    await runClosedLoop(clients, { limits: { calls: 100, seconds: 60 }, tally });
    assert.deepEqual([calls.made, calls.most, tally.ended, recorded(tally)], [100, 3, 100, 100]);
    assert.equal(tally.failures.size, 0);
  });

  test("makes no more calls than there are when there are more clients", async () => {
    const calls = new Calls();
    const tally = new Tally({ series: 1 });
    const clients = Array.from({ length: 10 }, () => calls.operation());
    await runClosedLoop(clients, { limits: { calls: 4, seconds: 60 }, tally });
    assert.deepEqual([calls.made, tally.ended], [4, 4]);
  });

  test("ends when its time is over, with the last calls counted", async () => {
    const calls = new Calls();
    const tally = new Tally({ series: 1 });
    const limits = { calls: Number.POSITIVE_INFINITY, seconds: 0.02 };
    const run = await runClosedLoop([calls.operation()], { limits, tally });
    assert.equal(tally.ended, calls.made);
    assert.ok(run.endedUs - run.startedUs >= 20_000);
  });

  test("ends when what it runs beside does, and fails when that does", async () => {
    const limits = { calls: Number.POSITIVE_INFINITY, seconds: 60 };
    let end = (): void => {};
    const beside = new Promise<void>((resolve) => {
      end = resolve;
    });
    const calls = new Calls();
    const tally = new Tally({ series: 1 });
    const run = runClosedLoop([calls.operation()], { limits, tally, until: beside });
    end();
    await run;
    assert.equal(tally.ended, calls.made);
    const until = Promise.reject(new Error("the watchers are gone"));
    const failing = runClosedLoop([calls.operation()], { limits, tally, until });
    await assert.rejects(failing, /the watchers are gone/);
  });

  test("gives up after a hundred failures and names the first", async () => {
    const calls = new Calls();
    const tally = new Tally({ series: 1 });
    const clients = [calls.operation(new Error("refused", { cause: new Error("why") }))];
    await runClosedLoop(clients, { limits: { calls: 1_000_000, seconds: 60 }, tally });
    assert.deepEqual([recorded(tally), tally.ended], [0, 100]);
    assert.deepEqual([...tally.failures], [["refused: why", 100]]);
  });
});
