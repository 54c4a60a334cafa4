/**
 * Runs simulations: `npm run sim -- --seed N` one seed, `--seeds COUNT` so many from there on, `--trace` with
 * every event. Ends with 1 and a short trace at the first broken promise.
 */
import { parseArgs } from "node:util";
import { explainFailure, runSeed } from "./run-seed.js";

const { values } = parseArgs({
  options: {
    seed: { type: "string", default: "1" },
    seeds: { type: "string", default: "1" },
    trace: { type: "boolean", default: false },
  },
});
const first = Number(values.seed);
const count = Number(values.seeds);
if (!Number.isSafeInteger(first) || !Number.isSafeInteger(count)) {
  say("usage: npm run sim -- [--seed N] [--seeds COUNT] [--trace]");
  process.exit(2);
}
const startedMs = performance.now();
for (let seed = first; seed < first + count; seed += 1) {
  const print = values.trace ? (line: string): void => say(line) : undefined;
  try {
    const outcome = await runSeed(seed, print);
    if (count === 1) say(`seed ${seed}: ${JSON.stringify(outcome)}`);
  } catch (error) {
    process.stderr.write(`${await explainFailure(seed, error)}\n`);
    process.exit(1);
  }
}
const seconds = (performance.now() - startedMs) / 1000;
say(`${count} seeds from ${first}: every promise kept (${seconds.toFixed(1)} s)`);

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
