/** A broken invariant: a bug of ours, never a condition that a client or the world can cause. */
export class InvariantError extends Error {
  readonly fields: Readonly<Record<string, unknown>>;

  constructor(message: string, fields: Readonly<Record<string, unknown>> = {}) {
    super(`invariant broken: ${message} ${JSON.stringify(fields, jsonSafe)}`);
    this.name = "InvariantError";
    this.fields = fields;
  }
}

/**
 * Stops the process (through the thread's error handler) when an invariant does not hold.
 * Always on. `fields` are logged with the failure.
 */
export function assert(
  condition: unknown,
  message: string,
  fields?: Readonly<Record<string, unknown>>,
): asserts condition {
  if (!condition) throw new InvariantError(message, fields);
}

/** Closes a switch over a discriminated union: does not compile while a case is missing. */
export function unreachable(value: never, what = "value"): never {
  throw new InvariantError(`unexpected ${what}`, { value });
}

/** Narrows a bigint or number that must be a non-negative safe integer (a revision, an index, a size). */
export function safeInteger(value: bigint | number, what: string): number {
  const number = Number(value);
  assert(Number.isSafeInteger(number), `${what} is not a safe integer`, { value: String(value) });
  return number;
}

function jsonSafe(_key: string, value: unknown): unknown {
  return typeof value === "bigint" ? value.toString() : value;
}
