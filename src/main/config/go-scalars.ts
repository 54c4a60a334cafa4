/**
 * Numbers and booleans as etcd's command line reads them: prefixes 0x, 0o, 0b and 0, digits grouped by
 * underscores; booleans in the twelve spellings of docs/facts/flags.md section 1.
 */
export type IntegerOutcome =
  | { readonly ok: true; readonly value: bigint }
  | { readonly ok: false; readonly fault: "syntax" | "range" };

const INTEGER =
  /^(?:0[xX](?:_?[0-9a-fA-F])+|0[bB](?:_?[01])+|0[oO](?:_?[0-7])+|0(?:_?[0-7])+|0|[1-9](?:_?[0-9])*)$/;

/** Reads an unsigned integer of so many bits. A sign is a syntax fault. */
export function parseUnsigned(text: string, bits: 32 | 64): IntegerOutcome {
  const value = magnitude(text);
  if (value === undefined) return { ok: false, fault: "syntax" };
  return value < 2n ** BigInt(bits) ? { ok: true, value } : { ok: false, fault: "range" };
}

/** Reads a signed 64-bit integer. */
export function parseSigned(text: string): IntegerOutcome {
  const negative = text.startsWith("-");
  const size = magnitude(negative || text.startsWith("+") ? text.slice(1) : text);
  if (size === undefined) return { ok: false, fault: "syntax" };
  const value = negative ? -size : size;
  const fits = value >= -(2n ** 63n) && value < 2n ** 63n;
  return fits ? { ok: true, value } : { ok: false, fault: "range" };
}

/** Reads a boolean; undefined when the text is none. */
export function parseBoolean(text: string): boolean | undefined {
  if (["1", "t", "T", "true", "TRUE", "True"].includes(text)) return true;
  if (["0", "f", "F", "false", "FALSE", "False"].includes(text)) return false;
  return undefined;
}

function magnitude(text: string): bigint | undefined {
  if (!INTEGER.test(text)) return undefined;
  const digits = text.replaceAll("_", "");
  return BigInt(/^0[0-7]/.test(digits) ? `0o${digits.slice(1)}` : digits);
}
