import { Random } from "../../support/random.js";
import { EventQueue } from "./event-queue.js";
import { SimFailure } from "./failure.js";
import { Trace } from "./trace.js";

/**
 * Time, chance and trace of one run. Everything that happens is an event of its queue; after each event
 * all promises that it settled have run to their next wait, so that nothing depends on the real clock.
 */
export class World {
  readonly events = new EventQueue();
  readonly trace: Trace;
  readonly #seed: number;
  #failure: unknown;

  constructor(
    seed: number,
    trace: { readonly keep: boolean; readonly print?: (line: string) => void },
  ) {
    this.#seed = seed;
    this.trace = new Trace({ ...trace, nowMs: () => this.events.nowMs });
  }

  get nowMs(): number {
    return this.events.nowMs;
  }

  /** A generator of its own for a part of the world, so that parts do not disturb each other's luck. */
  random(part: string): Random {
    let state = Math.imul(this.#seed + 1, 0x9e3779b1);
    for (let at = 0; at < part.length; at += 1) {
      state = Math.imul(state ^ part.charCodeAt(at), 0x01000193);
      state ^= state >>> 15;
    }
    return new Random(state >>> 0);
  }

  /** Ends the run with this failure, from a place where nobody catches it. */
  fail(error: unknown): void {
    this.#failure ??= error;
  }

  /** Lets the world go on until a time, or until a condition holds; whether it does. */
  async runUntil(untilMs: number, isDone: () => boolean = () => false): Promise<boolean> {
    while (!isDone()) {
      if (!this.events.next(untilMs)) return isDone();
      await settled();
      if (this.#failure !== undefined) throw asFailure(this.#failure);
    }
    return true;
  }
}

/** Resolves when every promise that can go on has gone on. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function asFailure(error: unknown): SimFailure {
  if (error instanceof SimFailure) return error;
  return new SimFailure("no broken invariant", String(error), { cause: error });
}
