import { RangeRequest_SortTarget as Target } from "../gen/etcdserverpb/rpc.js";
import { storedValue } from "./key-value.js";
import type { KeyVersion } from "./key-version.js";

/**
 * Sorts the versions of a range, which come in key order, by a target. Ties stay in key order, or against it
 * when descending (any order is allowed: R-23).
 */
export function sortVersions(versions: KeyVersion[], target: Target, descending: boolean): void {
  const sorted = sortKeys(versions, target);
  sorted.sort((a, b) => compareSortKeys(a.sortKey, b.sortKey));
  if (descending) sorted.reverse();
  for (let i = 0; i < sorted.length; i += 1) versions[i] = sorted[i]!.version;
}

interface Sortable {
  readonly version: KeyVersion;
  readonly sortKey: number | Uint8Array;
}

function sortKeys(versions: readonly KeyVersion[], target: Target): Sortable[] {
  return versions.map((version, place) => ({ version, sortKey: sortKey(version, target, place) }));
}

function sortKey(version: KeyVersion, target: Target, place: number): number | Uint8Array {
  switch (target) {
    case Target.VERSION:
      return version.version;
    case Target.CREATE:
      return version.createRevision;
    case Target.MOD:
      return version.modRevision;
    case Target.VALUE:
      return storedValue(version.keyValue);
    default:
      // Visited in key order: the place is the order.
      return place;
  }
}

function compareSortKeys(a: number | Uint8Array, b: number | Uint8Array): number {
  if (typeof a === "number") return typeof b === "number" ? a - b : -1;
  return typeof b === "number" ? 1 : Buffer.compare(a, b);
}
