import type { RingBells } from "./bell.js";
import { RingWord, SideState } from "./layout.js";

/** The reader of a ring abandoned it or its thread died: what is written can reach nobody. */
export class RingPeerGoneError extends Error {
  constructor() {
    super("the reader of this ring is gone");
    this.name = "RingPeerGoneError";
  }
}

/**
 * Says that the thread on one side of a ring is dead, and wakes both sides. For the supervisor, after the
 * thread's `exit` event and not before: the words that the dead thread wrote must be final.
 * The reader of a dead writer drains what is complete, then is `closed`; the writer of a dead reader gets
 * RingPeerGoneError. A side that had closed in order keeps that state.
 */
export function markDead(
  ring: SharedArrayBuffer,
  side: "writer" | "reader",
  bells: RingBells,
): void {
  const word = side === "writer" ? RingWord.writerState : RingWord.readerState;
  Atomics.compareExchange(new Int32Array(ring), word, SideState.open, SideState.dead);
  bells.consumer.ring();
  bells.producer.ring();
}
