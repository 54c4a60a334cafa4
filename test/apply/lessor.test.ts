import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { DeadlineHeap } from "../../src/apply-worker/core/deadline-heap.js";
import { CHECKPOINTS_PER_ENTRY_MAX } from "../../src/apply-worker/core/lease-checkpoints.js";
import {
  EXPIRED_PER_SCAN_MAX,
  REVOKE_RETRY_MS,
  REVOKES_IN_FLIGHT_MAX,
} from "../../src/apply-worker/core/lease-expiry.js";
import {
  LEASE_EXPIRIES_PER_SECOND,
  LEASE_SCAN_MS,
  Lessor,
  leaseTtlSecondsMin,
} from "../../src/apply-worker/core/lessor.js";
import {
  RENEWAL_WAIT_MS,
  RENEWALS_WAITING_MAX,
} from "../../src/apply-worker/core/renewal-queue.js";
import { ErrorCode } from "../../src/shared/errors.js";
import { runs } from "./support/scale.js";

const ELECTION_MS = 1000;

function makeLessor(): Lessor {
  return new Lessor({ heartbeatMs: 100, electionMs: ELECTION_MS });
}

function primary(): Lessor {
  const lessor = makeLessor();
  lessor.promote(0);
  return lessor;
}

function request(id: bigint, requestId = 1) {
  return { frontend: 0, requestId, id };
}

/** Ticks every scan until `untilMs`, applying revokes at once; gives when each lease was revoked. */
function runUntil(lessor: Lessor, fromMs: number, untilMs: number): Map<bigint, number> {
  const revoked = new Map<bigint, number>();
  for (let now = fromMs; now <= untilMs; now += 10) {
    for (const id of lessor.tick(now).revokes) {
      lessor.remove(id);
      revoked.set(id, now);
    }
  }
  return revoked;
}

describe("Lessor grants", () => {
  it("L-02 raises a TTL below the minimum, zero and negative ones included", () => {
    const lessor = makeLessor();
    for (const [id, ttl, granted] of [
      [1n, 1n, 2],
      [2n, 0n, 2],
      [3n, -5n, 2],
      [4n, 3n, 3],
    ] as const) {
      const outcome = lessor.grant(id, ttl, 0);
      assert.ok(outcome.ok);
      assert.equal(outcome.value.ttlSeconds, granted);
    }
  });

  it("L-02 takes the minimum from the election timeout", () => {
    assert.equal(leaseTtlSecondsMin({ heartbeatMs: 100, electionMs: 1000 }), 2);
    assert.equal(leaseTtlSecondsMin({ heartbeatMs: 100, electionMs: 5000 }), 8);
    assert.equal(leaseTtlSecondsMin({ heartbeatMs: 10, electionMs: 50 }), 1);
  });

  it("L-03 refuses a TTL that is too large before it looks whether the id exists", () => {
    const lessor = makeLessor();
    assert.ok(lessor.grant(1n, 10n, 0).ok);
    assert.deepEqual(lessor.grant(1n, 9_000_000_001n, 0), {
      ok: false,
      code: ErrorCode.leaseTtlTooLarge,
    });
    assert.ok(lessor.grant(2n, 9_000_000_000n, 0).ok);
  });

  it("L-01 refuses an id in use, takes negative ones, and L-10 takes a revoked one again", () => {
    const lessor = makeLessor();
    assert.ok(lessor.grant(-7n, 10n, 0).ok);
    assert.deepEqual(lessor.grant(-7n, 10n, 0), { ok: false, code: ErrorCode.leaseExists });
    lessor.remove(-7n);
    assert.ok(lessor.grant(-7n, 10n, 0).ok);
  });
});

describe("Lessor renewals", () => {
  it("L-21 answers the full TTL and moves the deadline", () => {
    const lessor = primary();
    lessor.grant(1n, 10n, 0);
    assert.deepEqual(lessor.renew(request(1n), 9000), { ...request(1n), code: 0, ttlSeconds: 10 });
    assert.equal(runUntil(lessor, 9000, 18_900).size, 0);
    assert.equal(runUntil(lessor, 18_910, 20_000).size, 1);
  });

  it("L-22 answers TTL 0 for an unknown lease", () => {
    assert.equal(primary().renew(request(5n), 0)?.ttlSeconds, 0);
  });

  it("L-23 keeps the answer for an expired lease until its revoke is applied", () => {
    const lessor = primary();
    lessor.grant(1n, 2n, 0);
    assert.equal(lessor.renew(request(1n), 2000), undefined);
    assert.deepEqual(lessor.takeAnswers(), []);
    assert.deepEqual(lessor.tick(2500).revokes, [1n]);
    lessor.remove(1n);
    assert.deepEqual(lessor.takeAnswers(), [{ ...request(1n), code: 0, ttlSeconds: 0 }]);
  });

  it("answers waiting renewals with not primary when leadership is lost", () => {
    const lessor = primary();
    lessor.grant(1n, 2n, 0);
    lessor.renew(request(1n), 2000);
    lessor.demote();
    assert.equal(lessor.takeAnswers()[0]?.code, ErrorCode.notPrimaryLessor);
    assert.equal(lessor.renew(request(1n), 2000)?.code, ErrorCode.notPrimaryLessor);
  });

  it("answers a renewal whose entry never comes with a timeout", () => {
    const lessor = primary();
    lessor.grant(1n, 2n, 0);
    lessor.renew(request(1n, 1), 2000);
    lessor.renew(request(1n, 2), 5000);
    lessor.tick(2000 + RENEWAL_WAIT_MS);
    assert.deepEqual(
      lessor.takeAnswers().map(({ requestId, code }) => [requestId, code]),
      [[1, ErrorCode.timeout]],
    );
    lessor.tick(5000 + RENEWAL_WAIT_MS);
    assert.equal(lessor.takeAnswers()[0]?.requestId, 2);
  });

  it("refuses renewals beyond the bound of those that wait", () => {
    const lessor = primary();
    lessor.grant(1n, 2n, 0);
    for (let i = 0; i < RENEWALS_WAITING_MAX; i++) lessor.renew(request(1n, i), 3000);
    assert.equal(lessor.renew(request(1n), 3000)?.code, ErrorCode.tooManyRequests);
  });
});

describe("Lessor remaining time", () => {
  it("L-30 reads 9 just after a grant of 10, and L-31 reads -1 for an unknown lease", () => {
    const lessor = primary();
    lessor.grant(1n, 10n, 0);
    assert.deepEqual(lessor.timeToLive(1n, 0), {
      ok: true,
      value: { remainingSeconds: 9, grantedSeconds: 10 },
    });
    assert.deepEqual(lessor.timeToLive(2n, 0), {
      ok: true,
      value: { remainingSeconds: -1, grantedSeconds: 0 },
    });
  });

  it("L-32 reads 0 or less when the deadline passed and the revoke is not applied", () => {
    const lessor = primary();
    lessor.grant(1n, 10n, 0);
    const outcome = lessor.timeToLive(1n, 13_000);
    assert.ok(outcome.ok);
    assert.equal(outcome.value.remainingSeconds, -3);
    assert.equal(outcome.value.grantedSeconds, 10);
  });

  it("L-35 lists the nearest expiry first", () => {
    const lessor = primary();
    lessor.grant(1n, 30n, 0);
    lessor.grant(2n, 10n, 0);
    lessor.grant(3n, 20n, 0);
    assert.deepEqual(lessor.list(), [2n, 3n, 1n]);
  });
});

describe("Lessor expiry", () => {
  it("L-40 revokes within a second after the TTL and never before", () => {
    const ttls = fc.array(fc.record({ ttl: fc.integer({ min: 2, max: 20 }), at: fc.nat(5000) }), {
      maxLength: 40,
    });
    fc.assert(
      fc.property(ttls, (grants) => {
        const lessor = primary();
        const deadlines = new Map<bigint, number>();
        grants.forEach(({ ttl, at }, i) => {
          assert.ok(lessor.grant(BigInt(i + 1), BigInt(ttl), at).ok);
          deadlines.set(BigInt(i + 1), at + ttl * 1000);
        });
        const revoked = runUntil(lessor, 0, 27_000);
        assert.equal(revoked.size, grants.length);
        for (const [id, at] of revoked) {
          const deadline = deadlines.get(id) ?? Number.NaN;
          assert.ok(at >= deadline && at <= deadline + 2 * LEASE_SCAN_MS, `${id} at ${at}`);
        }
      }),
      { numRuns: runs(50) },
    );
  });

  it("L-40 takes at most 500 per scan and keeps a bounded number of revokes on their way", () => {
    const lessor = primary();
    for (let id = 1n; id <= 1200n; id++) lessor.grant(id, 2n, 0);
    const first = lessor.tick(2500).revokes;
    assert.equal(first.length, REVOKES_IN_FLIGHT_MAX);
    assert.deepEqual(lessor.tick(2501).revokes, []);
    const seen = [...first];
    for (const id of first) lessor.remove(id);
    while (lessor.nextTickMs(2502) <= 2502) {
      const more = lessor.tick(2502).revokes;
      seen.push(...more);
      for (const id of more) lessor.remove(id);
    }
    assert.equal(seen.length, EXPIRED_PER_SCAN_MAX);
  });

  it("L-41 expires nothing on a member that does not lead", () => {
    const lessor = makeLessor();
    lessor.grant(1n, 2n, 0);
    assert.equal(runUntil(lessor, 0, 60_000).size, 0);
  });

  it("proposes a revoke again that was not applied within the request timeout", () => {
    const lessor = primary();
    lessor.grant(1n, 2n, 0);
    assert.deepEqual(lessor.tick(2500).revokes, [1n]);
    assert.deepEqual(lessor.tick(2500 + REVOKE_RETRY_MS - 1).revokes, []);
    assert.deepEqual(lessor.tick(2500 + REVOKE_RETRY_MS + LEASE_SCAN_MS).revokes, [1n]);
  });

  it("does not revoke the new lease of an id whose old one was due", () => {
    const lessor = primary();
    lessor.grant(1n, 2n, 0);
    lessor.remove(1n);
    lessor.grant(1n, 100n, 0);
    assert.equal(runUntil(lessor, 0, 50_000).size, 0);
  });
});

describe("Lessor promotion", () => {
  it("L-42 gives the full TTL and an election timeout, or the recorded remaining TTL", () => {
    const lessor = makeLessor();
    lessor.restore(1n, 100, 0);
    lessor.restore(2n, 100, 7);
    lessor.promote(50_000);
    const [full, recorded] = [lessor.timeToLive(1n, 50_001), lessor.timeToLive(2n, 50_001)];
    assert.ok(full.ok && recorded.ok);
    assert.equal(full.value.remainingSeconds, 100);
    assert.equal(recorded.value.remainingSeconds, 7);
    assert.equal(recorded.value.grantedSeconds, 100);
  });

  it("L-42 spreads a pile without shortening any lease", () => {
    const lessor = makeLessor();
    const count = 5000;
    for (let i = 0; i < count; i++) lessor.restore(BigInt(i + 1), 10, 0);
    lessor.promote(0);
    const deadlines = [...lessor.all()].map(({ deadlineMs }) => deadlineMs).sort((a, b) => a - b);
    assert.ok((deadlines[0] ?? 0) >= 10_000 + ELECTION_MS);
    const span = (deadlines[count - 1] ?? 0) - (deadlines[0] ?? 0);
    assert.ok(Math.abs(span - (count / LEASE_EXPIRIES_PER_SECOND) * 1000) < 10, `${span}`);
  });
});

describe("Lessor checkpoints", () => {
  it("records the remaining TTL each time a twentieth of it has passed, 5 seconds at least", () => {
    const lessor = primary();
    lessor.grant(1n, 200n, 0);
    lessor.grant(2n, 20n, 0);
    const recorded: [bigint, number, number][] = [];
    for (let now = 0; now <= 31_000; now += 100) {
      const { revokes, checkpoints } = lessor.tick(now);
      for (const id of revokes) lessor.remove(id);
      for (const { id, remainingSeconds } of checkpoints.flat()) {
        lessor.checkpoint(id, remainingSeconds, now);
        recorded.push([id, remainingSeconds, now]);
      }
    }
    assert.deepEqual(
      recorded.filter(([id]) => id === 1n).map(([, remaining]) => remaining),
      [190, 180, 170],
    );
    assert.deepEqual(
      recorded.filter(([id]) => id === 2n).map(([, remaining]) => remaining),
      [15, 10, 5],
    );
    for (const [id, remaining, now] of recorded) {
      const ttl = id === 1n ? 200_000 : 20_000;
      assert.ok(remaining * 1000 >= ttl - now, "never less than what is left");
    }
  });

  it("does not record a lease whose holder renews it after each third of its TTL", () => {
    const lessor = primary();
    lessor.grant(1n, 60n, 0);
    lessor.renew(request(1n), 0);
    for (let now = 0; now <= 300_000; now += 500) {
      assert.deepEqual(lessor.tick(now).checkpoints, []);
      if (now % 20_000 === 0) assert.equal(lessor.renew(request(1n), now)?.ttlSeconds, 60);
    }
  });

  it("answers the renewal of a recorded lease only when the full TTL is recorded again", () => {
    const lessor = primary();
    lessor.grant(1n, 100n, 0);
    const [entry] = lessor.tick(5000).checkpoints;
    assert.deepEqual(entry, [{ id: 1n, remainingSeconds: 95 }]);
    assert.equal(lessor.renew(request(1n), 5001), undefined, "the record is still on its way");
    assert.deepEqual(lessor.tick(5001).checkpoints, [[{ id: 1n, remainingSeconds: 0 }]]);
    lessor.checkpoint(1n, 95, 5002);
    assert.deepEqual(lessor.takeAnswers(), []);
    lessor.checkpoint(1n, 0, 5003);
    assert.deepEqual(lessor.takeAnswers(), [{ ...request(1n), code: 0, ttlSeconds: 100 }]);
    assert.equal(lessor.get(1n)?.checkpointedSeconds, 0);
    assert.equal(lessor.renew(request(1n), 5004)?.ttlSeconds, 100, "at once again");
  });

  it("records no less than the full TTL while a reset is on its way", () => {
    const lessor = primary();
    lessor.grant(1n, 100n, 0);
    lessor.tick(5000);
    lessor.renew(request(1n), 5001);
    lessor.tick(5001);
    for (let now = 5500; now < 100_000; now += 500) {
      assert.deepEqual(lessor.tick(now).checkpoints, []);
    }
  });

  it("never lets a promise outlive what a new leader would give", () => {
    // The log is applied late, in order, and cut off at a random moment: what the next leader grants
    // from it must reach at least to the end of the last TTL that a holder was promised.
    const step = fc.record({
      waitMs: fc.nat(4000),
      act: fc.constantFrom("renew", "apply", "nothing"),
    });
    const input = fc.array(step, { maxLength: 60 });
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 60 }), input, (ttl, steps) => {
        const lessor = primary();
        lessor.grant(1n, BigInt(ttl), 0);
        const log: { id: bigint; remainingSeconds: number }[] = [];
        let now = 0;
        let promisedUntilMs = Math.max(ttl, 2) * 1000;
        const heed = (answer: { code: number; ttlSeconds: number } | undefined) => {
          if (answer?.ttlSeconds) promisedUntilMs = now + answer.ttlSeconds * 1000;
        };
        for (const { waitMs, act } of steps) {
          now += waitMs;
          log.push(...lessor.tick(now).checkpoints.flat());
          if (act === "renew") heed(lessor.renew(request(1n), now));
          const entry = act === "apply" ? log.shift() : undefined;
          if (entry) lessor.checkpoint(entry.id, entry.remainingSeconds, now);
          for (const answer of lessor.takeAnswers()) heed(answer);
          const lease = lessor.get(1n);
          assert.ok(lease);
          const given = lease.checkpointedSeconds || lease.ttlSeconds;
          const expired = lease.deadlineMs <= now;
          assert.ok(expired || now + given * 1000 >= promisedUntilMs, `at ${now}`);
        }
      }),
      { numRuns: runs(500) },
    );
  });

  it("splits records into entries of a thousand", () => {
    const lessor = primary();
    for (let id = 1n; id <= 2500n; id++) lessor.grant(id, 100n, 0);
    assert.deepEqual(
      lessor.tick(5000).checkpoints.map((entry) => entry.length),
      [CHECKPOINTS_PER_ENTRY_MAX, CHECKPOINTS_PER_ENTRY_MAX, 500],
    );
  });

  it("records what is left of every lease at an orderly stop", () => {
    const lessor = primary();
    lessor.grant(1n, 100n, 0);
    lessor.grant(2n, 4n, 0);
    lessor.grant(3n, 50n, 3900);
    assert.deepEqual(lessor.recordAll(4500).checkpoints, [[{ id: 1n, remainingSeconds: 96 }]]);
    assert.deepEqual(makeLessor().recordAll(0).checkpoints, []);
  });
});

describe("DeadlineHeap", () => {
  it("gives values in order of time", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(50)), (times) => {
        const heap = new DeadlineHeap<number>();
        for (const time of times) heap.push(time, time);
        const out: number[] = [];
        for (let now = 0; now <= 50; now++) {
          for (let v = heap.popDue(now); v !== undefined; v = heap.popDue(now)) {
            assert.ok(v <= now);
            out.push(v);
          }
        }
        assert.deepEqual(
          out,
          [...times].sort((a, b) => a - b),
        );
        assert.equal(heap.size, 0);
      }),
      { numRuns: runs(200) },
    );
  });
});
