import { asView } from "../shared/mvcc/base/row-keys.js";

/** Whose store it is. */
export interface StoreIdentity {
  readonly clusterId: bigint;
  readonly memberId: bigint;
}

/** Name of the value in the store that holds it. */
export const IDENTITY_VALUE = "identity";

/** The store is another member's: its log would be applied to the wrong state. */
export class ForeignStoreError extends Error {
  override name = "ForeignStoreError";
}

/** Two ids, big endian: cluster, member. */
export function encodeIdentity({ clusterId, memberId }: StoreIdentity): Uint8Array {
  const bytes = new Uint8Array(16);
  const view = asView(bytes);
  view.setBigUint64(0, clusterId);
  view.setBigUint64(8, memberId);
  return bytes;
}

/**
 * Throws ForeignStoreError unless what the store holds (undefined: nothing yet) is this member's. Without a
 * log nobody knows what this member's is: a store that holds something is then refused.
 */
export function checkIdentity(
  directory: string,
  stored: Uint8Array | undefined,
  expected: StoreIdentity & { readonly hasLog: boolean },
): void {
  if (stored === undefined) return;
  const view = asView(stored);
  const found = { clusterId: view.getBigUint64(0), memberId: view.getBigUint64(8) };
  if (!expected.hasLog) {
    throw new ForeignStoreError(
      `the WAL of the store in ${directory} is missing: the store is that of ${describe(found)}`,
    );
  }
  if (found.clusterId === expected.clusterId && found.memberId === expected.memberId) return;
  throw new ForeignStoreError(
    `the store in ${directory} is another member's: expected ${describe(expected)}, ` +
      `found ${describe(found)}`,
  );
}

function describe({ memberId, clusterId }: StoreIdentity): string {
  return `member ${memberId.toString(16)} of cluster ${clusterId.toString(16)}`;
}
