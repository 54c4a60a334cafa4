import { WatchResponse } from "../../src/shared/gen/etcdserverpb/rpc.js";
import { type Connection, type OpenStream, RPC } from "../client/connection.js";
import { nowUs } from "../load/clock.js";
import { LatencyHistogram } from "../load/latency-histogram.js";
import { scanWatchResponse } from "../wire/watch-scan.js";
import type { Deliveries } from "./workload.js";

/** A value begins with the time at which its put was sent, a double in microseconds. */
export const SENT_AT_BYTES = 8;
const SETTLE_TIMEOUT_MS = 60_000;
const CREATED_TIMEOUT_MS = 30_000;

/** Writes the time into a message, where its value begins. */
export function stampSentAt(message: Buffer, valueOffset: number): void {
  message.writeDoubleLE(nowUs(), valueOffset);
}

/** Which streams there are, and what will come on them. */
export interface WatchedEventsOptions {
  /** The create requests of each stream. */
  readonly streams: readonly (readonly Buffer[])[];
  /** Events that calls of all threads, by series, cause on these streams. */
  readonly expected: (calls: readonly number[]) => number;
  /** Whether values say when they were sent, or the events are only counted. */
  readonly stamped: boolean;
}

/** The events that come in on watch streams. */
export class WatchedEvents implements Deliveries {
  readonly name = "events";
  readonly #options: WatchedEventsOptions;
  readonly #streams: OpenStream[] = [];
  #latencies = new LatencyHistogram();
  #count = 0;
  #countTotal = 0;
  #failure: Error | undefined;
  /** Who waits for the count to reach a number. */
  #awaited = { count: Number.POSITIVE_INFINITY, settle: (): void => {} };

  constructor(options: WatchedEventsOptions) {
    this.#options = options;
  }

  async open(connections: readonly Connection[]): Promise<void> {
    const opened = this.#options.streams.map((creates, i) =>
      this.#openStream(i, connections[i % connections.length]!, creates),
    );
    await Promise.all(opened);
  }

  /** Sends something on a stream, by its number among those of this thread. */
  send(stream: number, message: Buffer): void {
    this.#streams[stream]?.send(message);
  }

  settle(calls: readonly number[]): Promise<void> {
    return this.reach(this.#options.expected(calls));
  }

  /** Waits until so many events have come since the start. */
  reach(expected: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        reject(new Error(`${this.#countTotal} of ${expected} events came`));
      }, SETTLE_TIMEOUT_MS);
      const settle = (): void => {
        clearTimeout(timer);
        this.#awaited.count = Number.POSITIVE_INFINITY;
        if (this.#failure === undefined) resolve();
        else reject(this.#failure);
      };
      this.#awaited = { count: expected, settle };
      if (this.#countTotal >= expected || this.#failure !== undefined) settle();
    });
  }

  take(): { count: number; latencies: LatencyHistogram } {
    const taken = { count: this.#count, latencies: this.#latencies };
    this.#count = 0;
    this.#latencies = new LatencyHistogram();
    return taken;
  }

  #openStream(index: number, connection: Connection, creates: readonly Buffer[]): Promise<void> {
    let createdLeft = creates.length;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error(`${createdLeft} watchers were not created`)),
        CREATED_TIMEOUT_MS,
      );
      const stream = connection.bidi(RPC.watch, {
        onMessage: (message) => {
          // Events of a watcher that starts in the past may come before others are created.
          if (createdLeft > 0 && WatchResponse.decode(message).created) {
            createdLeft -= 1;
            if (createdLeft > 0) return;
            clearTimeout(timer);
            return resolve();
          }
          this.#receive(message);
        },
        onEnd: (failure) => {
          clearTimeout(timer);
          const error = failure ?? new Error("a watch stream ended");
          this.#fail(error);
          reject(error);
        },
      });
      this.#streams[index] = stream;
      for (const create of creates) stream.send(create);
    });
  }

  #receive(message: Buffer): void {
    const now = nowUs();
    const { events, canceled } = scanWatchResponse(message, (offset) => {
      if (this.#options.stamped) this.#latencies.record(now - message.readDoubleLE(offset));
    });
    this.#count += events;
    this.#countTotal += events;
    if (canceled) this.#fail(new Error("a watcher was cancelled"));
    if (this.#countTotal >= this.#awaited.count) this.#awaited.settle();
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    this.#awaited.settle();
  }
}
