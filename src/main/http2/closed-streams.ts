/** How many ended streams a connection remembers. More than are on their way between honest peers at once. */
const REMEMBERED = 256;

/** How a stream that is not open came to be so. */
export type ClosedStream =
  /** Both sides ended it. */
  | "ended"
  /** This side reset it: the peer may not know yet, and what still comes is ignored. */
  | "reset"
  /** Never opened, or too long ago to tell. */
  | "unknown";

/** Remembers how the newest of the closed streams ended (RFC 9113 section 5.1, closed). */
export class ClosedStreams {
  /** Ids of clients' streams are odd; one that was reset is noted as the even number above. 0 is nothing. */
  readonly #ring = new Uint32Array(REMEMBERED);
  #next = 0;

  /** Takes note of a stream that is closed from now on. */
  add(streamId: number, reset: boolean): void {
    this.#ring[this.#next] = reset ? streamId + 1 : streamId;
    this.#next = (this.#next + 1) % REMEMBERED;
  }

  /** How a stream ended. */
  find(streamId: number): ClosedStream {
    for (const note of this.#ring) {
      if (note === streamId) return "ended";
      if (note === streamId + 1) return "reset";
    }
    return "unknown";
  }
}
