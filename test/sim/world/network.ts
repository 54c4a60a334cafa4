import type { Message } from "../../../src/raft-worker/core/messages.js";
import type { Random } from "../../support/random.js";
import type { PeerReceiver } from "../member/sim-peers.js";
import type { World } from "./world.js";

/** How the network behaves now. Chances are of 1. */
export interface NetworkRules {
  delayMsMin: number;
  delayMsMax: number;
  loss: number;
  duplication: number;
  /** Of a message that overtakes, or is overtaken: it takes up to this many times as long. */
  reordering: number;
  reorderFactor: number;
}

/** A network that does nothing wrong. */
export const CALM_NETWORK: NetworkRules = {
  delayMsMin: 0.2,
  delayMsMax: 2,
  loss: 0,
  duplication: 0,
  reordering: 0,
  reorderFactor: 1,
};

/** Carries messages between members: late, twice, out of order, or not at all. */
export class SimNetwork {
  rules: NetworkRules = CALM_NETWORK;
  readonly #world: World;
  readonly #random: Random;
  readonly #receivers = new Map<bigint, PeerReceiver>();
  /** Directions that carry nothing: "from>to". */
  readonly #cut = new Set<string>();
  /** When the newest message of a direction arrives: without reordering, the next is not earlier. */
  readonly #lastArrival = new Map<string, number>();

  constructor(world: World) {
    this.#world = world;
    this.#random = world.random("network");
  }

  /** Names who gets a member's messages. */
  attach(id: bigint, receiver: PeerReceiver): void {
    this.#receivers.set(id, receiver);
  }

  /** Cuts one direction. */
  cut(from: bigint, to: bigint): void {
    this.#cut.add(`${from}>${to}`);
  }

  /** Mends all directions. */
  mend(): void {
    this.#cut.clear();
  }

  /** Whether a direction is cut. */
  isCut(from: bigint, to: bigint): boolean {
    return this.#cut.has(`${from}>${to}`);
  }

  /** Who gets a member's messages. */
  receiver(id: bigint): PeerReceiver | undefined {
    return this.#receivers.get(id);
  }

  /** Sends a Raft message. A transport never delivers proposals twice: the log would hold them twice. */
  send(from: bigint, to: bigint, message: Message): void {
    const { rules } = this;
    const deliver = (receiver: PeerReceiver): void => receiver.message(from, message);
    this.carry(from, to, deliver);
    const isOnce = message.kind === "proposeRequest" || message.kind === "proposeRefused";
    if (!isOnce && this.#random.chance(rules.duplication)) this.carry(from, to, deliver);
  }

  /** Carries anything, once, if at all. */
  carry(from: bigint, to: bigint, deliver: (receiver: PeerReceiver) => void): void {
    if (this.#random.chance(this.rules.loss)) return;
    this.#carry(from, to, () => this.#deliver(from, to, deliver));
  }

  /** Nobody listens to a member that was removed; it is told so. */
  #deliver(from: bigint, to: bigint, deliver: (receiver: PeerReceiver) => void): void {
    const receiver = this.#receivers.get(to);
    if (receiver === undefined) return;
    if (receiver.hasRemoved(from)) this.#receivers.get(from)?.removed();
    else deliver(receiver);
  }

  #carry(from: bigint, to: bigint, deliver: () => void): void {
    const { rules } = this;
    const direction = `${from}>${to}`;
    if (this.#cut.has(direction)) return;
    const spread = rules.delayMsMax - rules.delayMsMin;
    let delayMs = rules.delayMsMin + spread * this.#random.next();
    const isLoose = this.#random.chance(rules.reordering);
    if (isLoose) delayMs *= 1 + this.#random.next() * rules.reorderFactor;
    let arrivalMs = this.#world.nowMs + delayMs;
    if (!isLoose) {
      arrivalMs = Math.max(arrivalMs, this.#lastArrival.get(direction) ?? 0);
      this.#lastArrival.set(direction, arrivalMs);
    }
    this.#world.events.at(arrivalMs, () => {
      if (!this.#cut.has(direction)) deliver();
    });
  }
}
