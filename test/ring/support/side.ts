import { workerData } from "node:worker_threads";
import { Bell } from "../../../src/shared/ring/bell.js";
import type { StreamSizes } from "./message-stream.js";

/** How a thread waits for its bell. */
export type WaitKind = "blocking" | "event-loop";

/** What a test's worker is told. Both sides of one ring get the same but for `waitKind`. */
export interface SideOptions {
  readonly ring: SharedArrayBuffer;
  readonly consumerBell: SharedArrayBuffer;
  readonly producerBell: SharedArrayBuffer;
  readonly waitKind: WaitKind;
  readonly seed: number;
  readonly sizes: StreamSizes;
  /** Messages in all; the producer closes after them. */
  readonly count: number;
  /** Int32 words that the test watches and steers, see `Gauge`. */
  readonly gauges: SharedArrayBuffer;
  /** Most messages that one turn of the consumer takes. */
  readonly drainMax: number;
}

/** Words in `gauges`. */
export const Gauge = {
  handled: 0,
  written: 1,
  /** Largest backlog of the producer after one message, in bytes. */
  backlogBytesMax: 2,
  /** How often a flush left the producer blocked. */
  blockedTurns: 3,
  /** Set by the test: the consumer takes nothing while it is 1. */
  consumerHeld: 4,
  /** 1 when the producer met RingPeerGoneError. */
  peerGone: 5,
  count: 8,
} as const;

/** This worker's options and its threads' bells. */
export function readSideOptions(): {
  options: SideOptions;
  bells: { consumer: Bell; producer: Bell };
} {
  const options = workerData as SideOptions;
  const bells = {
    consumer: new Bell(options.consumerBell),
    producer: new Bell(options.producerBell),
  };
  return { options, bells };
}

/** Waits the way the test wants. No wait here has a deadline: a lost wake-up hangs the test, as it must. */
export async function waitFor(bell: Bell, kind: WaitKind, seen: number): Promise<void> {
  if (kind === "blocking") bell.waitBlocking(seen, Number.POSITIVE_INFINITY);
  else await bell.wait(seen);
}
