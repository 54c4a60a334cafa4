const UNIT_MS: { readonly [unit: string]: number } = {
  H: 3_600_000,
  M: 60_000,
  S: 1000,
  m: 1,
  u: 1e-3,
  n: 1e-6,
};

/** At most eight digits and a unit (gRPC over HTTP/2, Requests). */
const LENGTH_MAX = 9;
const DIGITS = /^\d+$/;

/** The value of `grpc-timeout` in milliseconds, or what grpc-go says when it is malformed. */
export function parseTimeout(text: string): number | string {
  const quoted = JSON.stringify(text);
  if (text.length < 2) return `transport: timeout string is too short: ${quoted}`;
  if (text.length > LENGTH_MAX) return `transport: timeout string is too long: ${quoted}`;
  const unitMs = UNIT_MS[text.slice(-1)];
  if (unitMs === undefined) return `transport: timeout unit is not recognized: ${quoted}`;
  const digits = text.slice(0, -1);
  if (DIGITS.test(digits)) return Number(digits) * unitMs;
  return `strconv.ParseUint: parsing ${JSON.stringify(digits)}: invalid syntax`;
}
