/** Run count of a property test: CAPSTAN_TEST_SCALE times the usual one. */
export function runs(usual: number): number {
  const scale = Number(process.env.CAPSTAN_TEST_SCALE ?? 1);
  return Math.max(1, Math.round(usual * scale));
}
