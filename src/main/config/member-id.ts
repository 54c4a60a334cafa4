import { createHash } from "node:crypto";

/**
 * The id of a member of the bootstrap roster: the first eight bytes, big-endian, of SHA-1 over its peer
 * URLs, sorted and joined without separator, then the cluster token. docs/facts/operations.md section 1.
 */
export function bootstrapMemberId(peerUrls: readonly string[], clusterToken: string): bigint {
  return firstEightBytes(Buffer.from([...peerUrls].sort().join("") + clusterToken));
}

/** The id of a member that is added later: the token's place is taken by the Unix time in seconds. */
export function addedMemberId(peerUrls: readonly string[], unixSeconds: number): bigint {
  return firstEightBytes(Buffer.from(`${[...peerUrls].sort().join("")}${unixSeconds}`));
}

/** The id of a cluster: SHA-1 over the sorted ids of its bootstrap roster, eight bytes each. */
export function clusterId(memberIds: readonly bigint[]): bigint {
  const sorted = [...memberIds].sort((a, b) => (a < b ? -1 : Number(a > b)));
  const bytes = Buffer.alloc(8 * sorted.length);
  sorted.forEach((id, i) => {
    bytes.writeBigUInt64BE(id, 8 * i);
  });
  return firstEightBytes(bytes);
}

/** An id as logs, metrics and tools show it: lower-case hex without padding. */
export function idText(id: bigint): string {
  return id.toString(16);
}

function firstEightBytes(input: Buffer): bigint {
  return createHash("sha1").update(input).digest().readBigUInt64BE(0);
}
