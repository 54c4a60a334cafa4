/** Microseconds of a clock that all threads of this process share and that never goes back. */
export function nowUs(): number {
  return Number(process.hrtime.bigint()) / 1000;
}

/** Time as the loops see it, so that a test can drive them. */
export interface LoopClock {
  /** Microseconds since some moment; never goes back. */
  nowUs(): number;
  /** Runs `act` once, `delayMs` from now at the earliest; gives a way to call it off. */
  after(delayMs: number, act: () => void): () => void;
}

/** The time of this process. */
export const SYSTEM_CLOCK: LoopClock = {
  nowUs,
  after: (delayMs, act) => {
    const timer = setTimeout(act, delayMs);
    return () => clearTimeout(timer);
  },
};
