import type { PeerStatus } from "../../shared/control/raft-control.js";

/** What the services ask of the Raft group beside the rings; the Raft worker's control plane fits. */
export interface GroupControl {
  /** The other members, as far as this one knows them. */
  peers(): Promise<readonly PeerStatus[]>;
  /** Begins to hand leadership over, if this member leads; the roles tell how it ended. */
  transferLeader(to: bigint): Promise<void>;
}

/** Now, on the clock of `PeerStatus.activeSinceMs`. */
export function peerClockMs(): number {
  return performance.timeOrigin + performance.now();
}
