/** A promise was broken: what the simulator is there to find. */
export class SimFailure extends Error {
  override name = "SimFailure";
  /** Names the promise. */
  readonly check: string;

  constructor(check: string, message: string, options?: ErrorOptions) {
    super(`${check}: ${message}`, options);
    this.check = check;
  }
}

/** Throws a `SimFailure` when a promise does not hold. */
export function promise(condition: unknown, check: string, words: () => string): asserts condition {
  if (!condition) throw new SimFailure(check, words());
}
