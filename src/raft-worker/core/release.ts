import type { Node } from "./node.js";
import type { Role } from "./role.js";

/**
 * Lets go of applied entries that nobody is expected to ask for. With other members, what the store
 * does not hold on disk stays: a snapshot for one of them begins there at the earliest.
 */
export function releaseLog(node: Node, role: Role): void {
  const { log, settings, flushedIndex } = node;
  if (isAlone(node)) {
    const all = { upTo: log.appliedIndex, pinnedIndex: undefined, pinnedBytesMax: 0 };
    log.release({ entriesMax: 0, bytesMax: 0 }, all);
    return;
  }
  log.release(settings.retention, {
    upTo: flushedIndex,
    pinnedIndex: pinnedIndex(role),
    pinnedBytesMax: settings.snapshotRetainBytesMax,
  });
}

/** A member of a new group is not: it seems so only until it has applied the first entries of its log. */
function isAlone(node: Node): boolean {
  if (node.peers.length > 0 || node.log.hasUnconfiguredChange) return false;
  return node.isVoter;
}

function pinnedIndex(role: Role): number | undefined {
  if (role.kind !== "leader") return undefined;
  let lowest: number | undefined;
  for (const { pinnedIndex } of role.progress.values()) {
    if (pinnedIndex !== undefined && pinnedIndex < (lowest ?? Number.POSITIVE_INFINITY)) {
      lowest = pinnedIndex;
    }
  }
  return lowest;
}
