import assert from "node:assert/strict";
import { readFileSync, rmSync, statSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, type TestContext, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { RpcClient } from "../../src/main/client/rpc-client.js";
import { Random } from "../support/random.js";
import { Calls } from "./support/calls.js";
import {
  flipBit,
  readSample,
  SAMPLE_KEYS,
  SAMPLE_VALUE_BYTES,
  Samples,
  sampleKey,
  sampleLines,
  tryStart,
} from "./support/damage.js";
import { scaled, TEST_SEED } from "./support/scale.js";
import { describeValue, markedValue } from "./support/value.js";

const FLIPS_IN_VALUES = scaled(6);
const FLIPS_ANYWHERE = scaled(16);
const PAGE_BYTES = 4096;
/** How long a server that found damage may take to end. */
const STOP_MS = 2000;

/**
 * What reading a damaged store came to: all of it right; refused at the start; ended by a clear line, or
 * by a crash of native code; keys that are said not to exist; a wrong value.
 */
type Outcome = "right" | "refused" | "stopped" | "crashed" | "hidden" | "wrong" | "hangs";

function storeFile(dataDir: string): string {
  return join(dataDir, "member", "store", "data.mdb");
}

/** A clear last line; without one, native code crashed. */
function namesDamage(output: string): boolean {
  return /"level":"fatal".*store/.test(output);
}

/** Starts on a damaged store and reads everything, once by range and then key by key. */
async function readDamaged(t: TestContext, dataDir: string): Promise<Outcome> {
  const start = await tryStart(t, dataDir);
  if ("refusal" in start) return namesDamage(start.refusal) ? "refused" : "crashed";
  const { server } = start;
  const client = new RpcClient(server.target);
  try {
    return await judge(new Calls(client));
  } catch {
    const code = await Promise.race([server.exited, delay(STOP_MS, "alive")]);
    if (code === "alive") return "hangs";
    return namesDamage(server.output()) ? "stopped" : "crashed";
  } finally {
    client.close();
    await server.end("SIGKILL");
  }
}

async function judge(calls: Calls): Promise<Outcome> {
  const expected = sampleLines();
  const told = await readSample(calls);
  for (let i = 0; i < SAMPLE_KEYS; i += 7) {
    const { kvs } = await calls.range({ key: Buffer.from(sampleKey(i)) });
    told.push(...kvs.map(({ value }) => `${sampleKey(i)} = ${describeValue(value)}`));
  }
  if (told.some((line) => !expected.includes(line))) return "wrong";
  const asked = SAMPLE_KEYS + Math.ceil(SAMPLE_KEYS / 7);
  return told.length === asked ? "right" : "hidden";
}

function count(outcomes: readonly Outcome[]): string {
  const counts: Partial<Record<Outcome, number>> = {};
  for (const outcome of outcomes) counts[outcome] = (counts[outcome] ?? 0) + 1;
  return JSON.stringify(counts);
}

describe(`a store that was damaged (seed ${TEST_SEED}, CAPSTAN_TEST_SEED replays it)`, () => {
  const random = new Random(TEST_SEED);
  const samples = new Samples();
  before(() => samples.make());
  after(() => samples.remove());

  /** Flips a bit of a fresh copy's store at each offset that is chosen, and reads it. */
  async function flip(
    t: TestContext,
    flips: number,
    choose: (bytes: Buffer) => number,
  ): Promise<Outcome[]> {
    const outcomes: Outcome[] = [];
    for (let i = 0; i < flips; i += 1) {
      const dataDir = samples.copyOf(samples.stopped);
      const file = storeFile(dataDir);
      const offset = choose(readFileSync(file));
      flipBit(file, offset, random.integer(0, 7));
      outcomes.push(await readDamaged(t, dataDir));
      assert.notEqual(outcomes.at(-1), "wrong", `bit flipped in byte ${offset}`);
      rmSync(dataDir, { recursive: true });
    }
    t.diagnostic(`${flips} flipped bits: ${count(outcomes)}`);
    return outcomes;
  }

  test("ends the server by name when a bit in a value flipped", async (t) => {
    const outcomes = await flip(t, FLIPS_IN_VALUES, (bytes) => {
      const value = markedValue(random.integer(0, SAMPLE_KEYS - 1), SAMPLE_VALUE_BYTES);
      // The last copy in the file may be one that a later transaction has left behind: read "right" then.
      return bytes.lastIndexOf(value) + random.integer(0, SAMPLE_VALUE_BYTES - 1);
    });
    const unnamed = outcomes.filter((outcome) => outcome !== "stopped" && outcome !== "right");
    assert.deepEqual(unnamed, []);
    assert.ok(outcomes.includes("stopped"), "no flip was noticed");
  });

  test("never gives a wrong value when a bit anywhere flipped", async (t) => {
    const outcomes = await flip(t, FLIPS_ANYWHERE, (bytes) => {
      // Pages that are empty tell nothing.
      const used = Array.from(
        { length: bytes.length / PAGE_BYTES },
        (_, i) => i * PAGE_BYTES,
      ).filter((start) => bytes.subarray(start, start + PAGE_BYTES).some((byte) => byte !== 0));
      return random.pick(used) + random.integer(0, PAGE_BYTES - 1);
    });
    assert.ok(!outcomes.includes("hangs"), "a server neither answered nor ended");
  });

  test("is refused, or ends the server, when its second half is lost", async (t) => {
    const dataDir = samples.copyOf(samples.stopped);
    const file = storeFile(dataDir);
    truncateSync(file, Math.floor(statSync(file).size / 2 / PAGE_BYTES) * PAGE_BYTES);
    const outcome = await readDamaged(t, dataDir);
    t.diagnostic(`half a store: ${outcome}`);
    assert.ok(["refused", "stopped", "crashed"].includes(outcome), outcome);
  });
});
