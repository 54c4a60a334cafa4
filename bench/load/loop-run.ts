/** How long the last calls may take once no new ones are made. */
export const LAST_CALLS_TIMEOUT_MS = 60_000;

/** When a loop began and when its last call ended, in microseconds of its clock. */
export interface LoopRun {
  readonly startedUs: number;
  readonly endedUs: number;
}
