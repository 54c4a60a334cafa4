/** Runs of a property: the given number times CAPSTAN_TEST_SCALE. */
export function runs(count: number): number {
  return Math.ceil(count * Number(process.env.CAPSTAN_TEST_SCALE ?? "1"));
}
