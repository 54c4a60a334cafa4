import type {
  CompactionRequest,
  DeleteRangeRequest,
  PutRequest,
  RangeRequest,
  TxnRequest,
  WatchCreateRequest,
} from "../../src/shared/gen/etcdserverpb/rpc.js";

/**
 * One call of a differential run. Watchers are named by a slot that both servers share; each has a
 * stream of its own.
 */
export type Operation =
  | { readonly kind: "range"; readonly request: RangeRequest }
  | { readonly kind: "put"; readonly request: PutRequest }
  | { readonly kind: "deleteRange"; readonly request: DeleteRangeRequest }
  | { readonly kind: "txn"; readonly request: TxnRequest }
  | { readonly kind: "compact"; readonly request: CompactionRequest }
  | { readonly kind: "leaseGrant"; readonly id: bigint; readonly ttl: bigint }
  | { readonly kind: "leaseRevoke"; readonly id: bigint }
  | { readonly kind: "leaseKeepAlive"; readonly id: bigint }
  | { readonly kind: "leaseTimeToLive"; readonly id: bigint; readonly keys: boolean }
  | { readonly kind: "leaseLeases" }
  | { readonly kind: "hashKv"; readonly revision: bigint }
  | { readonly kind: "watch"; readonly slot: number; readonly request: WatchCreateRequest }
  | { readonly kind: "watchCancel"; readonly slot: number };

/** One line that names an operation, for reports: bytes as text, empty and zero fields left out. */
export function describeOperation(operation: Operation): string {
  return JSON.stringify(readable(operation));
}

function readable(value: unknown): unknown {
  if (typeof value === "bigint") return `${value}n`;
  if (value instanceof Uint8Array) return Buffer.from(value).toString("latin1");
  if (Array.isArray(value)) return value.map(readable);
  if (value === null || typeof value !== "object") return value;
  const fields = Object.entries(value)
    .map(([name, field]) => [name, readable(field)] as const)
    .filter(([, field]) => field !== "" && field !== "0n" && field !== false && field !== 0);
  return Object.fromEntries(fields);
}
