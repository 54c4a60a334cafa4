const NS_PER_MS = 1_000_000n;
const UNITS: readonly (readonly [unit: string, ns: bigint])[] = [
  ["ns", 1n],
  ["us", 1_000n],
  ["\u00b5s", 1_000n],
  ["\u03bcs", 1_000n],
  ["ms", NS_PER_MS],
  ["s", 1_000_000_000n],
  ["m", 60_000_000_000n],
  ["h", 3_600_000_000_000n],
];
const DURATION_MAX = 2n ** 63n - 1n;

/** A duration in nanoseconds, or why the text is none, in the words that operators know from etcd. */
export type DurationOutcome =
  | { readonly ok: true; readonly ns: bigint }
  | { readonly ok: false; readonly error: string };

/**
 * Reads "300ms", "-1.5h" or "2h45m": a sign, then numbers with a unit each (ns us ms s m h); a lone 0
 * needs none. The range is that of a signed 64-bit count of nanoseconds.
 * docs/facts/flags.md section 1.
 */
export function parseDuration(text: string): DurationOutcome {
  const negative = text.startsWith("-");
  let rest = negative || text.startsWith("+") ? text.slice(1) : text;
  if (rest === "0") return { ok: true, ns: 0n };
  if (rest === "") return invalid(text);
  let total = 0n;
  while (rest !== "") {
    const match = /^(\d*)(?:\.(\d*))?([^\d.]*)/.exec(rest);
    const [whole = "", integer = "", fraction = "", unit = ""] = match ?? [];
    if (integer === "" && fraction === "") return invalid(text);
    if (unit === "") return failure(`time: missing unit in duration ${quote(text)}`);
    const unitNs = UNITS.find(([name]) => name === unit)?.[1];
    if (unitNs === undefined) {
      return failure(`time: unknown unit ${quote(unit)} in duration ${quote(text)}`);
    }
    const scale = 10n ** BigInt(fraction.length);
    total += BigInt(integer || "0") * unitNs + (BigInt(fraction || "0") * unitNs) / scale;
    rest = rest.slice(whole.length);
  }
  if (total > DURATION_MAX + (negative ? 1n : 0n)) return invalid(text);
  return { ok: true, ns: negative ? -total : total };
}

/** Nanoseconds in the shortest text of that kind, as log lines carry them: "1h0m0s", "3.2ms", "0s". */
export function formatDuration(ns: bigint): string {
  if (ns === 0n) return "0s";
  const sign = ns < 0n ? "-" : "";
  const size = ns < 0n ? -ns : ns;
  if (size < 1_000n) return `${sign}${size}ns`;
  if (size < NS_PER_MS) return `${sign}${decimal(size, 3)}\u00b5s`;
  if (size < 1_000n * NS_PER_MS) return `${sign}${decimal(size, 6)}ms`;
  const minuteNs = 60_000n * NS_PER_MS;
  const seconds = `${decimal(size % minuteNs, 9)}s`;
  const minutes = size / minuteNs;
  if (minutes === 0n) return sign + seconds;
  if (minutes < 60n) return `${sign}${minutes}m${seconds}`;
  return `${sign}${minutes / 60n}h${minutes % 60n}m${seconds}`;
}

/** formatDuration for (fractions of) milliseconds, to the nanosecond. */
export function formatMs(ms: number): string {
  return formatDuration(BigInt(Math.round(ms * 1_000_000)));
}

/** `value` divided by 10^digits, without trailing zeros. */
function decimal(value: bigint, digits: number): string {
  const scale = 10n ** BigInt(digits);
  const fraction = (value % scale).toString().padStart(digits, "0").replace(/0+$/, "");
  return fraction === "" ? `${value / scale}` : `${value / scale}.${fraction}`;
}

function quote(text: string): string {
  return JSON.stringify(text);
}

function invalid(text: string): DurationOutcome {
  return failure(`time: invalid duration ${quote(text)}`);
}

function failure(error: string): DurationOutcome {
  return { ok: false, error };
}
