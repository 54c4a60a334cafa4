/** How far the fine clock may stray from the coarse one before it is set again. */
const DRIFT_US_MAX = 2_000;

/**
 * A clock for log lines: microseconds since the Unix epoch. It follows changes of the system's clock
 * (unlike performance.now) and tells lines of one millisecond apart (unlike Date.now).
 */
export function createWallClock(): () => number {
  let offsetUs = Date.now() * 1000 - performance.now() * 1000;
  return () => {
    const coarseUs = Date.now() * 1000;
    const fineUs = performance.now() * 1000;
    const drift = Math.abs(coarseUs - (offsetUs + fineUs));
    if (drift > DRIFT_US_MAX) offsetUs = coarseUs - fineUs;
    return Math.floor(offsetUs + fineUs);
  };
}
