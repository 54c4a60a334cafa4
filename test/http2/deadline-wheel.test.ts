import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { DeadlineWheel, Expiring } from "../../src/main/transport/deadline-wheel.js";
import { seededRandom } from "../../src/shared/prng.js";

class Entry extends Expiring {
  readonly #expired: (entry: Entry) => void;

  constructor(expired: (entry: Entry) => void) {
    super();
    this.#expired = expired;
  }

  expire(): void {
    this.#expired(this);
  }
}

describe("DeadlineWheel", () => {
  test("expires each entry once, never early and at most two slots late, whatever is taken out", () => {
    const seed = Number(process.env.CAPSTAN_SEED ?? 7);
    const prng = seededRandom(seed);
    let nowMs = 12_345;
    const wheel = new DeadlineWheel(nowMs);
    const waiting = new Set<Entry>();
    for (let step = 0; step < 20_000; step++) {
      const entry = new Entry((expired) => {
        assert.ok(waiting.delete(expired), `an entry that is not in, seed ${seed}`);
        assert.ok(expired.expiryMs <= nowMs, `early, seed ${seed}`);
      });
      if (prng.below(10) < 6) {
        // Up to several turns of the wheel away.
        wheel.add(entry, nowMs + prng.below(20_000));
        waiting.add(entry);
      }
      const [first] = waiting;
      if (first !== undefined && prng.below(3) === 0) {
        wheel.remove(first);
        waiting.delete(first);
      }
      nowMs += prng.below(20);
      wheel.advance(nowMs);
      for (const { expiryMs } of prng.below(100) === 0 ? waiting : []) {
        assert.ok(expiryMs > nowMs - 16, `late, seed ${seed}`);
      }
      assert.equal(wheel.count, waiting.size);
    }
  });

  test("catches up after a long stop, and knows when it is needed", () => {
    const wheel = new DeadlineWheel(0);
    assert.equal(wheel.nextMs(), undefined);
    let expired = 0;
    for (const ms of [100, 5000, 60_000]) wheel.add(new Entry(() => expired++), ms);
    const next = wheel.nextMs();
    assert.ok(next !== undefined && next >= 100 && next <= 116, `${next}`);
    wheel.advance(60_100);
    assert.equal(expired, 3);
    assert.equal(wheel.nextMs(), undefined);
  });

  test("an entry that expires may take others of its slot out", () => {
    const wheel = new DeadlineWheel(0);
    const seen: Entry[] = [];
    const entries: Entry[] = [];
    for (let index = 0; index < 5; index++) {
      const entry = new Entry((expired) => {
        seen.push(expired);
        for (const other of entries) wheel.remove(other);
      });
      entries.push(entry);
      wheel.add(entry, 20);
    }
    wheel.advance(100);
    assert.equal(seen.length, 1);
    assert.equal(wheel.count, 0);
  });
});
