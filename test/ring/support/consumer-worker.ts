import { parentPort } from "node:worker_threads";
import { RingReader } from "../../../src/shared/ring/reader.js";
import { MessageStream } from "./message-stream.js";
import { Gauge, readSideOptions, waitFor } from "./side.js";

const { options, bells } = readSideOptions();
const gauges = new Int32Array(options.gauges);
const reader = new RingReader(options.ring, bells);
const stream = new MessageStream(options.seed, options.sizes);

function take(type: number, _bytes: Buffer, view: DataView, offset: number, length: number): void {
  stream.next();
  stream.check(type, view, offset, length);
}

async function run(): Promise<void> {
  while (!reader.closed) {
    const seen = bells.consumer.count();
    const held = Atomics.load(gauges, Gauge.consumerHeld) === 1;
    const handled = held ? 0 : reader.drain(take, options.drainMax);
    Atomics.store(gauges, Gauge.handled, stream.index + 1);
    // Fewer than asked for: nothing is left that was there when the drain began.
    if (handled < options.drainMax && !reader.closed) {
      await waitFor(bells.consumer, options.waitKind, seen);
    }
  }
}

parentPort?.on("message", () => {});
await run();
parentPort?.close();
