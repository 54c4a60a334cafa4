import {
  Compare,
  Compare_CompareResult,
  Compare_CompareTarget,
  TxnRequest,
  TxnResponse,
} from "../../src/shared/gen/etcdserverpb/rpc.js";

/** The compare field of a TxnRequest, "the key's revision is this"; the other fields may follow. */
export function modRevisionCompare(key: Buffer, modRevision: number): Uint8Array {
  const compare = Compare.fromPartial({
    key,
    target: Compare_CompareTarget.MOD,
    result: Compare_CompareResult.EQUAL,
    targetUnion: { $case: "modRevision", value: BigInt(modRevision) },
  });
  return TxnRequest.encode({ compare: [compare], success: [], failure: [] }).finish();
}

/** How a transaction on one key ended, and the key's revision now; 0 when it is not there. */
export interface RevisionAfter {
  readonly succeeded: boolean;
  readonly revision: number;
}

/**
 * The key's revision now: this transaction's, or, when another write was first, the one that the other
 * branch has read.
 */
export function revisionAfter(answer: Buffer): RevisionAfter {
  const { header, succeeded, responses } = TxnResponse.decode(answer);
  if (succeeded) return { succeeded, revision: Number(header?.revision ?? 0n) };
  const response = responses[0]?.response;
  const kv = response?.$case === "responseRange" ? response.value.kvs[0] : undefined;
  return { succeeded, revision: Number(kv?.modRevision ?? 0n) };
}
