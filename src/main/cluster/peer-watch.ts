import type { PeerStatus } from "../../shared/control/raft-control.js";
import { BoardSlot, type StatusBoard } from "../../shared/status-board.js";
import type { Frontend } from "../frontend/frontend.js";
import type { GroupControl } from "./group-control.js";

/** What the connections to other members are looked at through. */
export interface PeerWatchSources {
  readonly cluster: GroupControl;
  readonly frontend: Frontend;
  readonly board: StatusBoard;
  readonly memberId: bigint;
}

const LOOK_MS = 1000;

/** Keeps an eye on the connections to the other members. Call `stop` at the end. */
export class PeerWatch {
  readonly #sources: PeerWatchSources;
  readonly #timer: NodeJS.Timeout;
  #peers: readonly PeerStatus[] = [];
  #isLooking = false;

  constructor(sources: PeerWatchSources) {
    this.#sources = sources;
    this.#timer = setInterval(() => void this.look(), LOOK_MS).unref();
  }

  /** Ends it. */
  stop(): void {
    clearInterval(this.#timer);
  }

  /** Looks once, unless a look is under way. A member that is alone has nobody to look for. */
  async look(): Promise<void> {
    if (this.#isLooking || this.#sources.frontend.members().length < 2) return;
    this.#isLooking = true;
    try {
      this.#peers = await this.#sources.cluster.peers();
    } finally {
      this.#isLooking = false;
    }
  }

  /**
   * Whether this member has not been connected to its leader, or as the leader to a quorum, ever since a time of
   * `performance.now` (errors.md section 1.7).
   */
  isCutOff(sinceMs: number): boolean {
    const { board, frontend, memberId } = this.#sources;
    const leaderId = board.getId(BoardSlot.leaderId);
    if (leaderId !== memberId) return !this.#isConnected(leaderId, sinceMs);
    const members = frontend.members();
    const connected = members.filter(({ ID }) => ID === memberId || this.#isConnected(ID, sinceMs));
    return connected.length < Math.floor(members.length / 2) + 1;
  }

  #isConnected(id: bigint, sinceMs: number): boolean {
    const activeSinceMs = this.#peers.find((peer) => peer.id === id)?.activeSinceMs;
    return activeSinceMs !== undefined && activeSinceMs < performance.timeOrigin + sinceMs;
  }
}
