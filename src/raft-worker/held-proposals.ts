import { assert } from "../shared/assert.js";
import { RAFT_HELD_PROPOSAL_BYTES_MAX, RAFT_HELD_PROPOSALS_MAX } from "../shared/limits.js";

/** Proposals taken in and not given to the core yet: for the rest of a turn, or until there is a leader. */
export class HeldProposals {
  #payloads: Uint8Array[] = [];
  /** When each was taken in. */
  #ticks: number[] = [];
  #bytes = 0;

  /** Payload bytes that are held. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Takes one in. */
  add(payload: Uint8Array, tick: number): void {
    this.#payloads.push(payload);
    this.#ticks.push(tick);
    this.#bytes += payload.length;
  }

  /** Gives all of them out, in order. */
  takeAll(): Uint8Array[] {
    const payloads = this.#payloads;
    this.#payloads = [];
    this.#ticks = [];
    this.#bytes = 0;
    return payloads;
  }

  /**
   * Gives out those that were taken in before this tick. Their clients have given up, or were told that they
   * failed: made late, they would write over what others have written since.
   */
  takeExpired(beforeTick: number): Uint8Array[] {
    const kept = this.#ticks.findIndex((tick) => tick >= beforeTick);
    const count = kept < 0 ? this.#ticks.length : kept;
    this.#ticks.splice(0, count);
    const expired = this.#payloads.splice(0, count);
    for (const payload of expired) this.#bytes -= payload.length;
    return expired;
  }

  /** Without a leader proposals wait, but not any number of them. Gives out the newest of those too many. */
  takeExcess(): Uint8Array | undefined {
    const isWithin =
      this.#payloads.length <= RAFT_HELD_PROPOSALS_MAX &&
      this.#bytes <= RAFT_HELD_PROPOSAL_BYTES_MAX;
    if (isWithin) return undefined;
    const payload = this.#payloads.pop();
    this.#ticks.pop();
    assert(payload !== undefined, "there are bytes without a proposal");
    this.#bytes -= payload.length;
    return payload;
  }
}
