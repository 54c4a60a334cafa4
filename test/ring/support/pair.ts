import { once } from "node:events";
import type { TestContext } from "node:test";
import { Worker } from "node:worker_threads";
import { Bell, type RingBells } from "../../../src/shared/ring/bell.js";
import { createRing } from "../../../src/shared/ring/layout.js";
import type { StreamSizes } from "./message-stream.js";
import { Gauge, type SideOptions, type WaitKind } from "./side.js";

/** What a test says of its two threads; the rest has defaults. */
export interface PairOptions {
  readonly capacityBytes: number;
  readonly count: number;
  readonly sizes: StreamSizes;
  readonly producerWait: WaitKind;
  readonly consumerWait: WaitKind;
  readonly seed?: number;
  readonly drainMax?: number;
}

/** A ring with a real thread on one or both sides, seen from the test's own thread. */
export class Pair {
  readonly ring: SharedArrayBuffer;
  readonly bells: RingBells = { consumer: new Bell(), producer: new Bell() };
  readonly #options: PairOptions;
  readonly #sides: Side[] = [];
  readonly #gauges = new Int32Array(new SharedArrayBuffer(Gauge.count * 4));

  /** The test's end terminates what still runs: a thread that nobody wakes would hang the test run. */
  constructor(t: TestContext, options: PairOptions) {
    this.#options = options;
    t.after(() => Promise.all(this.#sides.map((side) => side.terminate())));
    this.ring = createRing(options.capacityBytes);
  }

  /** Starts the writing thread. */
  startProducer(): Side {
    return this.#start("producer-worker.js", this.#options.producerWait);
  }

  /** Starts the reading and checking thread. */
  startConsumer(): Side {
    return this.#start("consumer-worker.js", this.#options.consumerWait);
  }

  /** The value of a gauge now. */
  gauge(word: number): number {
    return Atomics.load(this.#gauges, word);
  }

  /** Lets the consumer take messages, or not. */
  hold(held: boolean): void {
    Atomics.store(this.#gauges, Gauge.consumerHeld, held ? 1 : 0);
    this.bells.consumer.ring();
  }

  #start(file: string, waitKind: WaitKind): Side {
    const { count, sizes, seed = 1, drainMax = Number.POSITIVE_INFINITY } = this.#options;
    const workerData: SideOptions = {
      ring: this.ring,
      consumerBell: this.bells.consumer.buffer,
      producerBell: this.bells.producer.buffer,
      waitKind,
      seed,
      sizes,
      count,
      gauges: this.#gauges.buffer,
      drainMax,
    };
    const side = new Side(new Worker(new URL(file, import.meta.url), { workerData }));
    this.#sides.push(side);
    return side;
  }
}

/** One thread of a pair. */
export class Side {
  readonly #worker: Worker;
  /** Exit code; rejects with the error that the thread died of. */
  readonly ended: Promise<number>;

  constructor(worker: Worker) {
    this.#worker = worker;
    this.ended = once(worker, "exit").then(([code]) => code as number);
    // `once` rejects on an error event; a test that terminates the thread may never look.
    this.ended.catch(() => {});
  }

  /** Kills the thread wherever it is. */
  async terminate(): Promise<void> {
    await this.#worker.terminate();
  }
}

/** Rejects when the promise takes longer than `deadlineMs`: a lost wake-up hangs for ever. */
export async function within<T>(
  promise: Promise<T>,
  what: string,
  deadlineMs = 20_000,
): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not within ${deadlineMs} ms: ${what}`)), deadlineMs);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Scales run counts by CAPSTAN_TEST_SCALE. */
export function scaled(runs: number): number {
  return Math.max(1, Math.round(runs * Number(process.env.CAPSTAN_TEST_SCALE ?? "1")));
}
