/** Runs of a property; CAPSTAN_TEST_SCALE multiplies them. */
export function scaled(runs: number): number {
  return Math.max(1, Math.round(runs * Number(process.env.CAPSTAN_TEST_SCALE ?? "1")));
}
