import { Metadata, status } from "@grpc/grpc-js";

/** Why a member does not take another one's call. */
export const Refusal = {
  clusterIdMismatch: "cluster-id-mismatch",
  notAddressed: "not-addressed",
  removed: "removed",
  selfConnection: "self-connection",
  versionMismatch: "version-mismatch",
  malformed: "malformed",
  replaced: "replaced",
  busy: "busy",
  snapshotFailed: "snapshot-failed",
} as const;
export type Refusal = (typeof Refusal)[keyof typeof Refusal];

const REFUSALS: ReadonlySet<string> = new Set(Object.values(Refusal));
const REFUSAL_KEY = "capstan-refusal";

/** A call of another member that is not taken, with the text for both logs. */
export class RefusedError extends Error {
  readonly refusal: Refusal;

  constructor(refusal: Refusal, message: string) {
    super(message);
    this.name = "RefusedError";
    this.refusal = refusal;
  }
}

/** The status that a call ends with when it is refused. */
export interface RefusalStatus {
  readonly code: status;
  readonly details: string;
  readonly metadata: Metadata;
}

/** The status that tells the other side of a refusal. */
export function refusalStatus({ refusal, message }: RefusedError): RefusalStatus {
  const metadata = new Metadata();
  metadata.set(REFUSAL_KEY, refusal);
  return { code: status.FAILED_PRECONDITION, details: message, metadata };
}

/** What the other side refused with; undefined when the call failed in another way. */
export function refusalOf(metadata: Metadata | undefined): Refusal | undefined {
  const value = metadata?.get(REFUSAL_KEY)[0];
  return typeof value === "string" && REFUSALS.has(value) ? (value as Refusal) : undefined;
}
