import type { Membership } from "../../shared/messages/membership.js";
import type { MemberId } from "../core/entry.js";
import type { Doorkeeper } from "./handshake.js";

/** Who is who, as far as the store says. */
export class Roster implements Doorkeeper {
  readonly clusterId: bigint;
  readonly memberId: MemberId;
  readonly #urls = new Map<MemberId, readonly string[]>();
  #removed: ReadonlySet<MemberId> = new Set();

  constructor(clusterId: bigint, memberId: MemberId) {
    this.clusterId = clusterId;
    this.memberId = memberId;
  }

  /** The membership as it is from now on. */
  set({ members, removed }: Membership): void {
    this.#urls.clear();
    for (const { ID, peerURLs } of members) this.#urls.set(ID, peerURLs);
    this.#removed = new Set(removed);
  }

  isRemoved(id: MemberId): boolean {
    return this.#removed.has(id);
  }

  /** Peer URLs of a member; undefined for somebody who is none. */
  urlsOf(id: MemberId): readonly string[] | undefined {
    return this.#urls.get(id);
  }

  /** All members but this one, with their peer URLs. */
  get others(): readonly (readonly [id: MemberId, urls: readonly string[]])[] {
    return [...this.#urls].filter(([id]) => id !== this.memberId);
  }
}
