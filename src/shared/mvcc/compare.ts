/** Evaluation of a transaction's compares (T-10 to T-14). */
import {
  type Compare,
  Compare_CompareResult as Result,
  Compare_CompareTarget as Target,
} from "../gen/etcdserverpb/rpc.js";
import { storedValue } from "./key-value.js";
import type { KeyVersion } from "./key-version.js";
import { keyBounds } from "./range-bounds.js";
import type { ReadView } from "./read-view.js";

const NO_VALUE = new Uint8Array(0);

/** Whether all compares hold in the view's latest state; none at all do (T-10). */
export function comparesHold(view: ReadView, compares: readonly Compare[]): boolean {
  return compares.every((compare) => compareHolds(view, compare));
}

/** Whether one compare holds: for every key of its range, or for the missing key (T-12, T-13). */
export function compareHolds(view: ReadView, compare: Compare): boolean {
  const bounds = keyBounds(compare.key, compare.rangeEnd);
  let found = false;
  let holds = true;
  view.visit(bounds, view.latestRevision, (version) => {
    found = true;
    holds = resultHolds(compare.result, orderOf(compare, version));
    return holds;
  });
  if (found) return holds;
  // No value is not an empty value: nothing can be said of it, not even that it differs.
  if (compare.target === Target.VALUE) return false;
  return resultHolds(compare.result, orderOf(compare, undefined));
}

/** Sign of stored minus given. A oneof of another kind than the target counts as 0 or empty (T-14). */
function orderOf(compare: Compare, version: KeyVersion | undefined): number {
  const given = compare.targetUnion;
  switch (compare.target) {
    case Target.VERSION:
      return compareInt64(version?.version, given?.$case === "version" ? given.value : 0n);
    case Target.CREATE:
      return compareInt64(
        version?.createRevision,
        given?.$case === "createRevision" ? given.value : 0n,
      );
    case Target.MOD:
      return compareInt64(version?.modRevision, given?.$case === "modRevision" ? given.value : 0n);
    case Target.LEASE:
      return compareInt64(version?.lease, given?.$case === "lease" ? given.value : 0n);
    case Target.VALUE: {
      const stored = version === undefined ? NO_VALUE : storedValue(version.keyValue);
      return Buffer.compare(stored, given?.$case === "value" ? given.value : NO_VALUE);
    }
    default:
      return 0;
  }
}

function compareInt64(stored: number | bigint | undefined, given: bigint): number {
  const value = BigInt(stored ?? 0);
  return value === given ? 0 : value < given ? -1 : 1;
}

function resultHolds(result: Result, order: number): boolean {
  switch (result) {
    case Result.EQUAL:
      return order === 0;
    case Result.NOT_EQUAL:
      return order !== 0;
    case Result.GREATER:
      return order > 0;
    case Result.LESS:
      return order < 0;
    default:
      return true;
  }
}
