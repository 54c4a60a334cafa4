import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { Worker } from "node:worker_threads";
import { Bell } from "../../src/shared/ring/bell.js";
import { scaled, within } from "./support/pair.js";

test("Bell.wait resolves at once when it rang since the count was read", async () => {
  const bell = new Bell();
  const seen = bell.count();
  new Bell(bell.buffer).ring();
  await within(bell.wait(seen), "a bell that rang");
  bell.waitBlocking(seen, Number.POSITIVE_INFINITY);
  assert.equal(bell.count(), seen + 1);
});

test("Bell.wait lets timers and I/O run when the bell never stops ringing", async () => {
  const bell = new Bell();
  let timerFired = false;
  setTimeout(() => {
    timerFired = true;
  }, 1);
  let turns = 0;
  while (!timerFired && turns < 1_000_000) {
    const seen = bell.count();
    bell.ring();
    await bell.wait(seen);
    turns += 1;
  }
  assert.equal(timerFired, true);
});

test("Bell.wait and waitBlocking end after their timeout when nobody rings", async () => {
  const bell = new Bell();
  const start = performance.now();
  await bell.wait(bell.count(), 20);
  const middle = performance.now();
  bell.waitBlocking(bell.count(), 20);
  assert.ok(middle - start >= 18);
  assert.ok(performance.now() - middle >= 18);
  await bell.wait(bell.count(), 0);
});

test("Bell.wait leaves no timer behind when it is woken long before its timeout", async () => {
  const bell = new Bell();
  const timers = (): number =>
    process.getActiveResourcesInfo().filter((resource) => resource === "Timeout").length;
  const before = timers();
  for (let i = 0; i < 1000; i += 1) {
    const wait = bell.wait(bell.count(), 3_600_000);
    bell.ring();
    await wait;
  }
  assert.equal(timers(), before);
});

test("Bell.wait asserts when a second wait begins before the first is over", async () => {
  const bell = new Bell();
  const first = bell.wait(bell.count());
  assert.throws(() => bell.wait(bell.count()), /one waiter/);
  bell.ring();
  await first;
});

for (let step = 1; step <= 4; step += 1) {
  test(`a ringer held up before step ${step} of its ring leaves the next sleep wakeable`, async (t) => {
    const bell = new Bell();
    const gate = new Int32Array(new SharedArrayBuffer(8));
    const first = bell.wait(bell.count());
    const worker = new Worker(new URL("./support/slow-ringer-worker.js", import.meta.url), {
      workerData: { bell: bell.buffer, gate: gate.buffer, step },
    });
    t.after(() => worker.terminate());
    await within(once(worker, "message"), "the ringer at its gate");
    bell.ring();
    await within(first, "the first sleep");
    // The count is seen, and the ringer goes on between the sleeper's flag and its sleep.
    const { waitAsync } = Atomics;
    Atomics.waitAsync = ((...args: Parameters<typeof waitAsync>) => {
      Atomics.waitAsync = waitAsync;
      Atomics.store(gate, 0, 1);
      Atomics.notify(gate, 0);
      Atomics.wait(gate, 1, 0, 10_000);
      return waitAsync(...args);
    }) as typeof waitAsync;
    const second = bell.wait(bell.count());
    assert.equal(Atomics.load(gate, 1), 1, "the ringer has rung");
    bell.ring();
    await within(second, "the second sleep");
  });
}

for (const waitKind of ["blocking", "event-loop"] as const) {
  test(`no wake-up is lost when a ${waitKind} worker and the main thread ring in turn`, async (t) => {
    const rounds = scaled(50_000);
    const mine = new Bell();
    const theirs = new Bell();
    const ball = new Int32Array(new SharedArrayBuffer(4));
    const worker = new Worker(new URL("./support/ping-pong-worker.js", import.meta.url), {
      workerData: { mine: theirs.buffer, other: mine.buffer, ball: ball.buffer, rounds, waitKind },
    });
    t.after(() => worker.terminate());
    const exit = once(worker, "exit");
    const play = async (): Promise<void> => {
      for (let round = 0; round < rounds; round += 1) {
        Atomics.store(ball, 0, 2 * round + 1);
        theirs.ring();
        for (;;) {
          const seen = mine.count();
          if (Atomics.load(ball, 0) === 2 * round + 2) break;
          await mine.wait(seen);
        }
      }
    };
    await within(play(), "the last round");
    assert.deepEqual(await within(exit, "the worker's exit"), [0]);
  });
}

test("no wake-up is lost when many threads ring one sleeper", async (t) => {
  const rings = scaled(60_000);
  const bell = new Bell();
  const counters = new Int32Array(new SharedArrayBuffer(3 * 4));
  const workers = [0, 1, 2].map(
    (slot) =>
      new Worker(new URL("./support/ringer-worker.js", import.meta.url), {
        workerData: { bell: bell.buffer, counters: counters.buffer, slot, rings },
      }),
  );
  t.after(() => Promise.all(workers.map((worker) => worker.terminate())));
  const exits = workers.map((worker) => once(worker, "exit"));
  const listen = async (): Promise<void> => {
    for (;;) {
      const seen = bell.count();
      const sum = [0, 1, 2].reduce((total, slot) => total + Atomics.load(counters, slot), 0);
      if (sum === 3 * rings) return;
      await bell.wait(seen);
    }
  };
  // Up to 180,000 wake-ups: minutes where threads share a busy core, and for ever when one is lost.
  await within(listen(), "every ring", 120_000);
  assert.deepEqual(await within(Promise.all(exits), "the exits"), [[0], [0], [0]]);
});
