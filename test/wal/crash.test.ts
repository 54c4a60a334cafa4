import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { createWal, hasWal, openWal } from "../../src/wal/open-wal.js";
import type { LogEntry, WalBatch } from "../../src/wal/types.js";
import type { Wal } from "../../src/wal/wal.js";
import type { Random } from "../support/random.js";
import { DIRECTORY, METADATA, randomOf, scaled, simOptions } from "./support/log-fixture.js";
import {
  applyToTwin,
  EMPTY_TWIN,
  plainLog,
  plainTwin,
  type TwinState,
} from "./support/log-twin.js";
import { SimDisk } from "./support/sim-disk.js";

const ROUNDS = 6;
const BATCHES_PER_ROUND = 25;

describe("Wal", () => {
  it("holds every synced batch, and nothing invented, after power cuts at any operation", async () => {
    const property = fc.asyncProperty(fc.nat(0x7fff_ffff), (seed) => runSeed(seed, "power"));
    await fc.assert(property, { numRuns: scaled(800), includeErrorInReport: true });
  });

  it("holds every batch that an append resolved for after kill -9 at any operation", async () => {
    const property = fc.asyncProperty(fc.nat(0x7fff_ffff), (seed) => runSeed(seed, "kill"));
    await fc.assert(property, { numRuns: scaled(400), includeErrorInReport: true });
  });

  it("holds what it recovered after kill -9 when the power goes next", async () => {
    const property = fc.asyncProperty(fc.nat(0x7fff_ffff), (seed) => runSeed(seed, "either"));
    await fc.assert(property, { numRuns: scaled(800), includeErrorInReport: true });
  });
});

/** States from the newest that must be there to the newest that was asked for. */
interface Run {
  readonly random: Random;
  readonly disk: SimDisk;
  readonly fault: "power" | "kill" | "either";
  states: TwinState[];
}

async function runSeed(seed: number, fault: Run["fault"]): Promise<void> {
  const random = randomOf(seed);
  const run: Run = { random, disk: new SimDisk(), fault, states: [EMPTY_TWIN] };
  run.disk.rules.schedule = random.chance(0.5) ? queueMicrotask : setImmediate;
  for (let round = 0; round < ROUNDS; round++) {
    run.disk.rules.stopAt = run.disk.operationCount + random.integer(1, 60);
    await Promise.race([useLog(run), run.disk.whenStopped()]);
    const cutsPower = fault === "power" || (fault === "either" && random.chance(0.5));
    if (cutsPower) run.disk.crash(random, { tearSectors: random.chance(0.5) });
    else run.disk.kill();
  }
  await openAndCheck(run);
}

async function useLog(run: Run): Promise<void> {
  const wal = await openAndCheck(run);
  for (let i = 0; i < BATCHES_PER_ROUND; i++) {
    const newest = run.states[run.states.length - 1] ?? EMPTY_TWIN;
    const truncation = truncate(run, wal, newest);
    const batch = nextBatch(run.random, newest);
    const state = applyToTwin(newest, { ...truncation, ...batch });
    run.states.push(state);
    await wal.append(batch);
    const counts = batch.sync || run.fault === "kill";
    if (counts) run.states = [state];
  }
  if (run.random.chance(0.5)) await wal.close();
}

async function openAndCheck(run: Run): Promise<Wal> {
  const options = simOptions(run.disk, { allocationBytes: run.random.pick([64, 512, 2048]) });
  if (!(await hasWal(options.disk, DIRECTORY))) {
    assert.equal(run.states[0], EMPTY_TWIN, "a log with synced batches is gone");
    run.states = [EMPTY_TWIN];
    return createWal(options, METADATA);
  }
  const { wal, recovered } = await openWal(options);
  assert.deepEqual(recovered.metadata, METADATA);
  const found = JSON.stringify(plainLog(recovered));
  const state = run.states.find((known) => JSON.stringify(plainTwin(known)) === found);
  assert.ok(state !== undefined, `recovered a state that never was: ${found}`);
  // It was read, so it counts from here on: opening synced it.
  run.states = [state];
  return wal;
}

function nextBatch(random: Random, state: TwinState): WalBatch {
  const hard = state.hardState;
  const term = hard.term + (random.chance(0.15) ? 1 : 0);
  const floor = Math.max(hard.commit, state.snapshot.index) + 1;
  if (random.chance(0.04)) return install(random, state, term);
  const replaces = random.chance(0.15) && floor <= state.last.index;
  const first = replaces ? random.integer(floor, state.last.index) : state.last.index + 1;
  const entries: LogEntry[] = [];
  const entryTerm = Math.max(term, state.last.term, 1);
  const count = random.integer(0, 5);
  for (let i = 0; i < count; i++) {
    const bytes = random.chance(0.03) ? random.integer(2000, 6000) : random.integer(0, 300);
    const payload = Buffer.alloc(bytes, random.integer(0, 255));
    entries.push({ index: first + i, term: entryTerm, payload });
  }
  const last = entries[entries.length - 1]?.index ?? state.last.index;
  const commit = random.integer(Math.min(hard.commit, last), last);
  const vote = BigInt(random.integer(0, 3));
  const changes = random.chance(0.5);
  const hardTerm = Math.max(entryTerm, term);
  return {
    entries,
    sync: random.chance(0.75),
    ...(changes ? { hardState: { term: hardTerm, vote, commit: Math.max(commit, 0) } } : {}),
  };
}

/** A snapshot from a leader, beyond the log or against it. */
function install(random: Random, state: TwinState, term: number): WalBatch {
  const index = state.last.index + random.integer(1, 10);
  const snapshot = { index, term: Math.max(term, state.last.term, 1) };
  const hardState = { term: snapshot.term + 1, vote: 0n, commit: index };
  return { entries: [], snapshot, hardState, sync: true };
}

/** Truncates as the Raft worker would, below the commit; returns what the next batch will hold. */
function truncate(run: Run, wal: Wal, state: TwinState): Pick<WalBatch, "snapshot"> {
  const commit = Math.min(state.hardState.commit, state.last.index);
  if (!run.random.chance(0.3) || commit <= state.snapshot.index) return {};
  const index = run.random.integer(state.snapshot.index + 1, commit);
  const term = state.entries.get(index)?.term;
  assert.ok(term !== undefined, "the twin lost an entry");
  wal.truncateBefore(index + 1);
  return { snapshot: { index, term } };
}
