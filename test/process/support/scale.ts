/** What CAPSTAN_TEST_SCALE says: run counts and durations of the process tests are multiplied by it. */
export const TEST_SCALE = Number(process.env.CAPSTAN_TEST_SCALE ?? "1");

/** The seed of this run: CAPSTAN_TEST_SEED to replay one, else drawn from the clock. */
export const TEST_SEED = Number(process.env.CAPSTAN_TEST_SEED ?? Date.now() % 1_000_000_000);

/** A count, scaled, and at least one. */
export function scaled(count: number): number {
  return Math.max(1, Math.round(count * TEST_SCALE));
}
