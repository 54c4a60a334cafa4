import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Operation, runClosedLoop } from "../../bench/load/closed-loop.js";

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

describe("runClosedLoop()", () => {
  test("makes exactly the calls asked for, one at a time per client", async () => {
    const calls = new Calls();
    const clients = [calls.operation(), calls.operation(), calls.operation()];
    const outcome = await runClosedLoop(clients, { calls: 100, seconds: 60 });
    assert.deepEqual([calls.made, calls.most, outcome.calls, outcome.failures], [100, 3, 100, 0]);
    assert.equal(
      outcome.latencies.counts.reduce((sum, each) => sum + each, 0),
      100,
    );
  });

  test("makes no more calls than there are when there are more clients", async () => {
    const calls = new Calls();
    const clients = Array.from({ length: 10 }, () => calls.operation());
    const outcome = await runClosedLoop(clients, { calls: 4, seconds: 60 });
    assert.deepEqual([calls.made, outcome.calls], [4, 4]);
  });

  test("ends when its time is over, with the last calls counted", async () => {
    const calls = new Calls();
    const limits = { calls: Number.POSITIVE_INFINITY, seconds: 0.02 };
    const outcome = await runClosedLoop([calls.operation()], limits);
    assert.equal(outcome.calls, calls.made);
    assert.ok(outcome.endedUs - outcome.startedUs >= 20_000);
  });

  test("gives up after a hundred failures and names the first", async () => {
    const calls = new Calls();
    const clients = [calls.operation(new Error("refused", { cause: new Error("why") }))];
    const outcome = await runClosedLoop(clients, { calls: 1_000_000, seconds: 60 });
    assert.deepEqual([outcome.calls, outcome.failures], [0, 100]);
    assert.equal(outcome.firstFailure, "refused: why");
  });
});
