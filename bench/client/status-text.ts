import { GrpcStatus } from "../../src/shared/errors.js";

/** Names of the gRPC status codes, by code. */
const STATUS_NAMES = new Map<number, string>(
  Object.entries(GrpcStatus).map(([name, code]) => [code, name]),
);

/** What a failed call is reported as; undefined is an answer without a status. */
export function statusText(status: number | undefined): string {
  if (status === undefined) return "an answer without grpc-status";
  return `grpc-status ${status} ${STATUS_NAMES.get(status) ?? "unknown code"}`;
}
