import type { RaftSettings } from "../../../src/raft-worker/core/node.js";
import type { Random } from "../../support/random.js";
import type { SimDisk } from "../../wal/support/sim-disk.js";
import type { ClusterChecks } from "../checks/cluster-checks.js";
import type { SimNetwork } from "../world/network.js";
import type { World } from "../world/world.js";
import type { DurableStore, StoreRules } from "./sim-store.js";
import type { SnapshotShelf } from "./snapshot-shelf.js";

/** How fast a member's disk is. */
export interface DiskTiming {
  delayMsMin: number;
  delayMsMax: number;
  /** Nothing comes back from the disk before this time. */
  stalledUntilMs: number;
}

/** What a process finds where it starts, and whom it tells of itself. */
export interface MemberSite {
  readonly id: bigint;
  readonly world: World;
  readonly random: Random;
  readonly network: SimNetwork;
  readonly disk: SimDisk;
  readonly diskTiming: DiskTiming;
  readonly durable: DurableStore;
  readonly storeRules: StoreRules;
  readonly shelf: SnapshotShelf;
  readonly checks: ClusterChecks;
  /** First entries of a new cluster's log; none for a member that joins one. */
  readonly bootstrap: readonly Uint8Array[];
  readonly raftSettings: RaftSettings;
  /** The process has thrown. */
  readonly onFailure: (error: unknown) => void;
  /** It serves from now on. */
  readonly onUp: () => void;
  /** It was removed from the cluster. */
  readonly onRemoved: () => void;
}
