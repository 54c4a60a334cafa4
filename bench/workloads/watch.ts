import { WatchRequest } from "../../src/shared/gen/etcdserverpb/rpc.js";
import { RPC } from "../client/connection.js";
import type { WatchLoad } from "../load/loads.js";
import { benchKey, prefixEnd } from "../wire/bench-key.js";
import { randomValue } from "../wire/value.js";
import { type NextNumber, numbersInOrder, randomNumbers } from "./key-numbers.js";
import { putTemplate } from "./put.js";
import { SENT_AT_BYTES, stampSentAt, WatchedEvents } from "./watched-events.js";
import type { Workload, WorkloadContext } from "./workload.js";

const WATCH_PREFIX = "bwtch/";

/** Puts on keys that many watchers watch; what counts is the events that reach them. */
export function watchWorkload(load: WatchLoad, context: WorkloadContext): Workload {
  const value = randomValue(Math.max(load.valSize, SENT_AT_BYTES), context.seed);
  const template = putTemplate(WATCH_PREFIX, load.keySize, value);
  const valueOffset = template.offsetOf(value);
  const next = nextPut(load, context);
  return {
    unit: "events",
    series: ["puts"],
    deliveries: watchers(load, context),
    countsDeliveries: true,
    open: (connection) =>
      Promise.resolve((done) => {
        const message = template.fill(next());
        stampSentAt(message, valueOffset);
        connection.unary(RPC.put, message, (failure) => done(failure));
      }),
  };
}

/** The number of the i-th watched key: spread over the key space. */
function watchedKey(load: WatchLoad, i: number): number {
  return load.sequentialKeys || load.watchedKeyTotal === load.keySpaceSize
    ? i % load.keySpaceSize
    : Math.floor((i * load.keySpaceSize) / load.watchedKeyTotal) % load.keySpaceSize;
}

function nextPut(load: WatchLoad, context: WorkloadContext): NextNumber {
  if (load.watchedKeyTotal > 0) {
    const next = numbersInOrder(load.watchedKeyTotal, context);
    return () => watchedKey(load, next());
  }
  const numbers = load.sequentialKeys ? numbersInOrder : randomNumbers;
  return numbers(load.keySpaceSize, context);
}

function watchers(load: WatchLoad, { share }: WorkloadContext): WatchedEvents {
  /** Watchers of each watched key, on the streams of this thread. */
  const perKey = new Float64Array(Math.max(1, load.watchedKeyTotal));
  const streams: Buffer[][] = [];
  for (let stream = share.thread; stream < load.streams; stream += share.threads) {
    streams.push(
      Array.from({ length: load.watchPerStream }, (_, i) => {
        const watcher = stream * load.watchPerStream + i;
        const watched = load.watchedKeyTotal === 0 ? 0 : watcher % load.watchedKeyTotal;
        perKey[watched] = (perKey[watched] ?? 0) + 1;
        return createRequest(load, watched);
      }),
    );
  }
  return new WatchedEvents({
    streams,
    stamped: true,
    expected: ([puts = 0]) => eventsOf(puts, perKey),
  });
}

/** Events that `puts` puts on the keys in turn cause. */
function eventsOf(puts: number, perKey: Float64Array): number {
  const perRound = perKey.reduce((sum, each) => sum + each, 0);
  const rest = perKey.subarray(0, puts % perKey.length);
  return Math.floor(puts / perKey.length) * perRound + rest.reduce((sum, each) => sum + each, 0);
}

function createRequest(load: WatchLoad, watched: number): Buffer {
  const { prevKv } = load;
  const number = watchedKey(load, watched);
  const range =
    load.watchedKeyTotal === 0
      ? { key: Buffer.from(WATCH_PREFIX), rangeEnd: prefixEnd(WATCH_PREFIX) }
      : { key: benchKey(WATCH_PREFIX, number, load.keySize) };
  const value = { ...range, prevKv };
  const request = WatchRequest.fromPartial({ requestUnion: { $case: "createRequest", value } });
  return Buffer.from(WatchRequest.encode(request).finish());
}
