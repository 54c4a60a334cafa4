import { type Outcome, Simulation } from "./simulation.js";

/** Runs one seed. Throws `SimFailure` when a promise is broken. */
export function runSeed(seed: number, print?: (line: string) => void): Promise<Outcome> {
  const trace = print === undefined ? { keep: false } : { keep: true, print };
  return new Simulation(seed, trace).run();
}

/** What a failure was, with the last events before it: the seed is run once more, with a trace. */
export async function explainFailure(seed: number, error: unknown): Promise<string> {
  const simulation = new Simulation(seed, { keep: true });
  const lines = [`seed ${seed}: ${error instanceof Error ? error.message : String(error)}`];
  try {
    await simulation.run();
    lines.push("the same seed ran without a failure: the simulation is not deterministic");
  } catch (again) {
    if (String(again) !== String(error)) lines.push(`the same seed failed otherwise: ${again}`);
  }
  const { profile, world } = simulation;
  lines.push(`profile: ${JSON.stringify(profile)}`, ...world.trace.tail());
  lines.push(`again: npm run sim -- --seed ${seed} --trace`);
  return lines.join("\n");
}
