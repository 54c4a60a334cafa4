import { assert } from "../shared/assert.js";
import { RAFT_HELD_PROPOSAL_BYTES_MAX, RAFT_HELD_PROPOSALS_MAX } from "../shared/limits.js";

/** Proposals taken in and not given to the core yet: for the rest of a turn, or until there is a leader. */
export class HeldProposals {
  #payloads: Uint8Array[] = [];
  #bytes = 0;

  /** Payload bytes that are held. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Takes one in. */
  add(payload: Uint8Array): void {
    this.#payloads.push(payload);
    this.#bytes += payload.length;
  }

  /** Gives all of them out, in order. */
  takeAll(): Uint8Array[] {
    const payloads = this.#payloads;
    this.#payloads = [];
    this.#bytes = 0;
    return payloads;
  }

  /**
   * Without a leader proposals wait, until their clients give up (G-14); but not any number of them. Gives
   * out the newest of those that are too many.
   */
  takeExcess(): Uint8Array | undefined {
    const isWithin =
      this.#payloads.length <= RAFT_HELD_PROPOSALS_MAX &&
      this.#bytes <= RAFT_HELD_PROPOSAL_BYTES_MAX;
    if (isWithin) return undefined;
    const payload = this.#payloads.pop();
    assert(payload !== undefined, "there are bytes without a proposal");
    this.#bytes -= payload.length;
    return payload;
  }
}
