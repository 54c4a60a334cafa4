const POLL_MS = 2;
/** Generous: a shared, slow machine must not fail a test. */
const DEADLINE_MS = 60_000;

/**
 * Waits until a condition holds that nothing announces, looking again after a moment; rejects with `what`
 * when it never does.
 */
export async function until(
  condition: () => boolean,
  what: string,
  deadlineMs = DEADLINE_MS,
): Promise<void> {
  const deadline = performance.now() + deadlineMs;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`not within ${deadlineMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}
