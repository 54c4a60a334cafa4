import { parentPort } from "node:worker_threads";
import { RingPeerGoneError } from "../../../src/shared/ring/death.js";
import { RingWriter } from "../../../src/shared/ring/writer.js";
import { MessageStream } from "./message-stream.js";
import { Gauge, readSideOptions, waitFor } from "./side.js";

const { options, bells } = readSideOptions();
const gauges = new Int32Array(options.gauges);
const writer = new RingWriter(options.ring, bells);
const stream = new MessageStream(options.seed, options.sizes);

/** Writes a burst of messages of a length that varies, stopping when blocked as an actor must. */
function writeBurst(): void {
  const burst = 1 + ((stream.index * 7919) & 63);
  for (let i = 0; i < burst && !writer.blocked && stream.index + 1 < options.count; i += 1) {
    stream.next();
    const offset = writer.begin(stream.type, stream.size);
    stream.fill(writer.view, offset);
    writer.end();
    Atomics.store(gauges, Gauge.written, stream.index + 1);
    if (writer.backlogBytes > gauges[Gauge.backlogBytesMax]!) {
      Atomics.store(gauges, Gauge.backlogBytesMax, writer.backlogBytes);
    }
  }
}

async function run(): Promise<void> {
  while (stream.index + 1 < options.count || writer.blocked) {
    const seen = bells.producer.count();
    writeBurst();
    if (!writer.flush()) {
      Atomics.add(gauges, Gauge.blockedTurns, 1);
      await waitFor(bells.producer, options.waitKind, seen);
    }
  }
  writer.close();
}

// A port with a listener keeps the worker alive while it waits on its event loop.
parentPort?.on("message", () => {});
try {
  await run();
} catch (error) {
  if (!(error instanceof RingPeerGoneError)) throw error;
  Atomics.store(gauges, Gauge.peerGone, 1);
}
parentPort?.close();
