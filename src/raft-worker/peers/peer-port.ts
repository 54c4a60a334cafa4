import { rm } from "node:fs";
import type { Membership } from "../../shared/messages/membership.js";
import type { MemberId } from "../core/entry.js";
import type { Message } from "../core/messages.js";
import type { PeerOutbox } from "../driver.js";
import type { HashReport } from "../hash-check.js";
import type { PeerAnswer, PeerQuestion } from "../questions.js";
import type { SnapshotProgress } from "../snapshot-courier.js";
import type { PeerNetwork } from "./peer-network.js";

/** What a driver talks to the other members through: the network, with a turn after what it reports. */
export class PeerPort implements PeerOutbox {
  readonly #network: PeerNetwork;
  readonly #wake: () => void;

  /** `wake` takes a turn of the driver. */
  constructor(network: PeerNetwork, wake: () => void) {
    this.#network = network;
    this.#wake = wake;
  }

  send(to: MemberId, message: Message): void {
    this.#network.send(to, message);
  }

  ask(to: MemberId, question: PeerQuestion): boolean {
    return this.#network.ask(to, question);
  }

  answer(to: MemberId, answer: PeerAnswer): boolean {
    return this.#network.answer(to, answer);
  }

  reportHash(to: MemberId, report: HashReport): void {
    this.#network.reportHash(to, report);
  }

  setMembership(membership: Membership): void {
    this.#network.setMembership(membership);
  }

  sendSnapshot(to: MemberId, progress: SnapshotProgress): void {
    this.#network.sendSnapshot(to, {
      started: (index) => {
        progress.started(index);
        this.#wake();
      },
      finished: (ok) => {
        progress.finished(ok);
        this.#wake();
      },
    });
  }

  /** A file that stays is found at the next start, is no newer than the store, and goes then. */
  discardSnapshot(path: string): void {
    rm(path, { force: true }, () => {});
  }
}
