import { WatchRequest, WatchResponse } from "../../src/shared/gen/etcdserverpb/rpc.js";
import { type Connection, RPC } from "../client/connection.js";
import { nowUs } from "../load/clock.js";
import { LatencyHistogram } from "../load/latency-histogram.js";
import type { LoadPlan } from "../load/plan.js";
import { prefixEnd } from "../wire/bench-key.js";
import { randomValue } from "../wire/value.js";
import { scanWatchResponse } from "../wire/watch-scan.js";
import { keyNumbers } from "./key-numbers.js";
import { putTemplate } from "./put.js";
import type { Deliveries, Share, Workload } from "./workload.js";

const WATCH_PREFIX = "bwtch/";
/** A value begins with the time at which its put was sent, a double in microseconds. */
const SENT_AT_BYTES = 8;
const SETTLE_TIMEOUT_MS = 60_000;
const CREATED_TIMEOUT_MS = 30_000;

/** Puts on a prefix that many watchers watch; what counts is the events that reach them. */
export function watchWorkload(plan: LoadPlan, share: Share): Workload {
  const value = randomValue(Math.max(plan.valSize, SENT_AT_BYTES), plan.seed);
  const template = putTemplate(plan, WATCH_PREFIX, value);
  const valueOffset = template.offsetOf(value);
  const next = keyNumbers(plan, share);
  return {
    unit: "events",
    unitsPerCall: 1,
    deliveries: new WatchedEvents(plan, share),
    open: (connection) =>
      Promise.resolve((done) => {
        const message = template.fill(next());
        message.writeDoubleLE(nowUs(), valueOffset);
        connection.unary(RPC.put, message, done);
      }),
  };
}

class WatchedEvents implements Deliveries {
  readonly #streams: number;
  readonly #watchPerStream: number;
  #latencies = new LatencyHistogram();
  #count = 0;
  #countTotal = 0;
  #failure: Error | undefined;
  /** Resolves the promise that waits for the count to reach a number. */
  #awaited = { count: Number.POSITIVE_INFINITY, settle: (): void => {} };

  constructor(plan: LoadPlan, share: Share) {
    // Streams of this thread: those whose number it is the turn of.
    this.#streams = Math.floor((plan.streams + share.threads - 1 - share.thread) / share.threads);
    this.#watchPerStream = plan.watchPerStream;
  }

  async open(connections: readonly Connection[]): Promise<void> {
    const opened = Array.from({ length: this.#streams }, (_, i) =>
      this.#openStream(connections[i % connections.length]!),
    );
    await Promise.all(opened);
  }

  settle(calls: number): Promise<void> {
    const expected = calls * this.#streams * this.#watchPerStream;
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

  #openStream(connection: Connection): Promise<void> {
    let createdLeft = this.#watchPerStream;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error(`${createdLeft} watchers were not created`)),
        CREATED_TIMEOUT_MS,
      );
      const stream = connection.bidi(RPC.watch, {
        onMessage: (message) => {
          if (createdLeft === 0) return this.#receive(message);
          if (WatchResponse.decode(message).created) createdLeft -= 1;
          if (createdLeft > 0) return;
          clearTimeout(timer);
          resolve();
        },
        onEnd: (failure) => {
          clearTimeout(timer);
          const error = failure ?? new Error("a watch stream ended");
          this.#fail(error);
          reject(error);
        },
      });
      for (let i = 0; i < this.#watchPerStream; i += 1) stream.send(createRequest());
    });
  }

  #receive(message: Buffer): void {
    const now = nowUs();
    const { events, canceled } = scanWatchResponse(message, (offset) =>
      this.#latencies.record(now - message.readDoubleLE(offset)),
    );
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

function createRequest(): Buffer {
  const key = Buffer.from(WATCH_PREFIX);
  const value = { key, rangeEnd: prefixEnd(WATCH_PREFIX) };
  const request = WatchRequest.fromPartial({ requestUnion: { $case: "createRequest", value } });
  return Buffer.from(WatchRequest.encode(request).finish());
}
