/** Names of the gRPC status codes, by code (grpc/doc/statuscodes.md). */
const STATUS_NAMES = [
  "OK",
  "CANCELLED",
  "UNKNOWN",
  "INVALID_ARGUMENT",
  "DEADLINE_EXCEEDED",
  "NOT_FOUND",
  "ALREADY_EXISTS",
  "PERMISSION_DENIED",
  "RESOURCE_EXHAUSTED",
  "FAILED_PRECONDITION",
  "ABORTED",
  "OUT_OF_RANGE",
  "UNIMPLEMENTED",
  "INTERNAL",
  "UNAVAILABLE",
  "DATA_LOSS",
  "UNAUTHENTICATED",
] as const;

/** What a failed call is reported as; undefined is an answer without a status. */
export function statusText(status: number | undefined): string {
  if (status === undefined) return "an answer without grpc-status";
  return `grpc-status ${status} ${STATUS_NAMES[status] ?? "unknown code"}`;
}
