import { setTimeout as delay } from "node:timers/promises";

const POLL_MS = 50;

/** Asks again and again until there is an answer; rejects after the deadline. */
export async function eventually<T>(
  deadlineMs: number,
  ask: () => Promise<T | undefined> | T | undefined,
): Promise<T> {
  const endMs = performance.now() + deadlineMs;
  while (performance.now() < endMs) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    await delay(POLL_MS);
  }
  throw new Error(`nothing happened in ${deadlineMs} ms`);
}
