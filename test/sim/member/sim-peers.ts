import type { Message } from "../../../src/raft-worker/core/messages.js";
import type { PeerOutbox } from "../../../src/raft-worker/driver.js";
import type { HashReport } from "../../../src/raft-worker/hash-check.js";
import type { PeerAnswer, PeerQuestion } from "../../../src/raft-worker/questions.js";
import type { SnapshotProgress } from "../../../src/raft-worker/snapshot-courier.js";
import type { Membership } from "../../../src/shared/messages/membership.js";
import type { Random } from "../../support/random.js";
import type { ClusterChecks } from "../checks/cluster-checks.js";
import type { SimNetwork } from "../world/network.js";
import type { World } from "../world/world.js";
import type { SnapshotShelf } from "./snapshot-shelf.js";
import type { StoreContent } from "./store-content.js";

/** What a member hears from the others. */
export interface PeerReceiver {
  message(from: bigint, message: Message): void;
  asked(from: bigint, question: PeerQuestion): void;
  answered(answer: PeerAnswer): void;
  hashReported(from: bigint, report: HashReport): void;
  snapshot(from: bigint, content: StoreContent): boolean;
  /** The others have removed this member. */
  removed(): void;
  /** Whether this member knows that one as removed. */
  hasRemoved(id: bigint): boolean;
}

/** What a process's side of the network is made of. */
export interface SimPeersOptions {
  readonly id: bigint;
  readonly world: World;
  readonly random: Random;
  readonly network: SimNetwork;
  readonly shelf: SnapshotShelf;
  readonly checks: ClusterChecks;
  readonly store: () => StoreContent;
  readonly gate: (run: () => void) => void;
}

/** The transport between members, as one process sees it. */
export class SimPeers implements PeerOutbox {
  readonly #options: SimPeersOptions;
  #removed: readonly bigint[] = [];

  constructor(options: SimPeersOptions) {
    this.#options = options;
  }

  /** Whether this member knows that one as removed: it is not listened to. */
  hasRemoved(id: bigint): boolean {
    return this.#removed.includes(id);
  }

  setMembership({ removed }: Membership): void {
    this.#removed = removed;
  }

  send(to: bigint, message: Message): void {
    const { id, network, checks } = this.#options;
    checks.raft.sent(id, to, message);
    network.send(id, to, message);
  }

  ask(to: bigint, question: PeerQuestion): boolean {
    const { id, network } = this.#options;
    network.carry(id, to, (receiver) => receiver.asked(id, question));
    return true;
  }

  answer(to: bigint, answer: PeerAnswer): boolean {
    const { id, network } = this.#options;
    network.carry(id, to, (receiver) => receiver.answered(answer));
    return true;
  }

  reportHash(to: bigint, report: HashReport): void {
    const { id, network } = this.#options;
    network.carry(id, to, (receiver) => receiver.hashReported(id, report));
  }

  discardSnapshot(path: string): void {
    this.#options.shelf.discard(path);
  }

  /** The store as it is on disk when the stream begins; it breaks when the way is cut at the end. */
  sendSnapshot(to: bigint, progress: SnapshotProgress): void {
    const { id, world, random, network, store, gate } = this.#options;
    world.events.after(random.next() * 20, () =>
      gate(() => {
        const content = store();
        progress.started(content.state.appliedIndex);
        world.events.after(20 + random.next() * 400, () => {
          let arrived = false;
          if (!network.isCut(id, to) && random.chance(0.9)) {
            arrived = network.receiver(to)?.snapshot(id, content) ?? false;
          }
          gate(() => progress.finished(arrived && !network.isCut(to, id)));
        });
      }),
    );
  }
}
