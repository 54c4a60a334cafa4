import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Random, seededRandom } from "../../src/shared/prng.js";
import { mutated, RandomClient, randomBytes } from "./support/random-client.js";
import { Script } from "./support/script.js";

/** Frames per kind of input; CAPSTAN_FUZZ_FRAMES asks for more. */
const FRAMES = Number(process.env.CAPSTAN_FUZZ_FRAMES ?? 20_000);
const SEED = Number(process.env.CAPSTAN_SEED ?? Date.now() % 1_000_000);
/** Frames of one connection: it should not die of the first mistake of many. */
const SESSION_FRAMES = 60;

/** A server that answers now and then, in its own time. */
function answerSome(script: Script, random: Random): void {
  for (const [id, stream] of script.streams) {
    if (stream.isClosed) script.streams.delete(id);
    else if (random.below(3) === 0) script.send(id, Buffer.alloc(random.below(40_000)));
    else if (random.below(4) === 0) {
      script.finish(id);
      script.streams.delete(id);
    }
  }
}

function feedInPieces(script: Script, bytes: Buffer, random: Random): void {
  for (let at = 0; at < bytes.length; ) {
    const end = at + 1 + random.below(random.below(2) === 0 ? 8 : 400);
    script.receive(bytes.subarray(at, end));
    at = end;
  }
}

/** Opened streams of which the log shows more than one reset. */
function resetTwice(log: readonly string[]): string[] {
  const seen = new Set<string>();
  return log.filter((line) => line.startsWith("reset") && (seen.has(line) || !seen.add(line)));
}

function runSession(random: Random, mutate: (bytes: Buffer) => Buffer): Script {
  const script = Script.greeted({ credit: { burstMax: 1e9, perSecond: 0 }, streamsMax: 20 });
  const client = new RandomClient(random);
  const lines: string[] = [];
  for (let count = 0; count < SESSION_FRAMES && !script.connection.isOver; count++) {
    feedInPieces(script, mutate(client.frame()), random);
    answerSome(script, random);
    // What is sent is whole frames that decode, whatever was received.
    if (random.below(2) === 0) lines.push(...script.sent());
  }
  if (script.connection.isOver) {
    lines.push(...script.sent());
    assert.match(lines.at(-1) ?? "", /^GOAWAY/);
  }
  script.connection.lost();
  assert.deepEqual(resetTwice(script.log), []);
  assert.equal(script.connection.streamCount, 0);
  assert.equal(script.connection.sender.queuedBytes, 0);
  assert.equal(script.connection.heldBytes, 0);
  return script;
}

describe(`random input, seed ${SEED}`, () => {
  test("honest frames in any order never break a connection that they should not", () => {
    const random = seededRandom(SEED);
    let survived = 0;
    const sessions = Math.ceil(FRAMES / SESSION_FRAMES);
    for (let session = 0; session < sessions; session++) {
      const { log } = runSession(random, (bytes) => bytes);
      if (log.filter((line) => line.startsWith("open")).length > 5) survived += 1;
    }
    assert.ok(survived > sessions / 10, `${survived} of ${sessions} got anywhere, seed ${SEED}`);
  });

  test("mutated frames are answered by the rules, and nothing is left behind", () => {
    const random = seededRandom(SEED + 1);
    for (let session = 0; session < FRAMES / SESSION_FRAMES; session++) {
      runSession(random, (bytes) => (random.below(8) === 0 ? mutated(bytes, random) : bytes));
    }
  });

  test("noise is answered with GOAWAY", () => {
    const random = seededRandom(SEED + 2);
    for (let session = 0; session < FRAMES / SESSION_FRAMES; session++) {
      const script = Script.greeted();
      for (let count = 0; count < SESSION_FRAMES; count++) {
        feedInPieces(script, randomBytes(random, 60), random);
      }
      script.sent();
      script.connection.lost();
      assert.equal(script.connection.streamCount, 0);
    }
  });
});
