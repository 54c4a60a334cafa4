/*
 * How fast is a ring, and how long does a wake-up take?
 *
 * Prints messages per second of one ring between two threads for each pair of waits, and the round trip of
 * one message each way between two threads that sleep in between.
 * Run: node dist/bench/ring/ring-bench.js [messages] [message bytes] [round trips]
 */
import { once } from "node:events";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { RING_CAPACITY_BYTES } from "../../src/shared/limits.js";
import { Bell, type RingBells } from "../../src/shared/ring/bell.js";
import { createRing } from "../../src/shared/ring/layout.js";
import { RingReader } from "../../src/shared/ring/reader.js";
import { RingWriter } from "../../src/shared/ring/writer.js";

type WaitKind = "blocking" | "event-loop";
const WAIT_KINDS: readonly WaitKind[] = ["blocking", "event-loop"];
/** Messages of one turn of the producer, then a flush. */
const BURST = 64;

interface Job {
  readonly role: "produce" | "consume" | "ask" | "answer";
  readonly waitKind: WaitKind;
  readonly messages: number;
  readonly messageBytes: number;
  readonly out: SharedArrayBuffer;
  readonly back: SharedArrayBuffer;
  /** Bell buffers of the producing or asking thread, and of the other. */
  readonly near: SharedArrayBuffer;
  readonly far: SharedArrayBuffer;
}

async function rest(bell: Bell, kind: WaitKind, seen: number): Promise<void> {
  if (kind === "blocking") bell.waitBlocking(seen, Number.POSITIVE_INFINITY);
  else await bell.wait(seen);
}

async function produce(job: Job, bells: RingBells): Promise<number[]> {
  const writer = new RingWriter(job.out, bells);
  const payload = Buffer.alloc(job.messageBytes, 7);
  for (let sent = 0; sent < job.messages; ) {
    const seen = bells.producer.count();
    for (let i = 0; i < BURST && !writer.blocked && sent < job.messages; i += 1, sent += 1) {
      const offset = writer.begin(1, payload.length);
      writer.bytes.set(payload, offset);
      writer.end();
    }
    if (!writer.flush()) await rest(bells.producer, job.waitKind, seen);
  }
  writer.close();
  return [];
}

async function consume(job: Job, bells: RingBells): Promise<number[]> {
  const reader = new RingReader(job.out, bells);
  let handled = 0;
  let sum = 0;
  const take = (_type: number, bytes: Buffer, _view: DataView, offset: number): void => {
    sum += bytes[offset]!;
  };
  let start = 0;
  while (!reader.closed) {
    const seen = bells.consumer.count();
    const taken = reader.drain(take);
    handled += taken;
    if (taken === 0 && !reader.closed) await rest(bells.consumer, job.waitKind, seen);
    // The clock starts with the first message: both threads are up by then.
    if (start === 0) start = performance.now();
  }
  if (sum !== 7 * job.messages) throw new Error(`lost messages: ${handled} of ${job.messages}`);
  return [performance.now() - start];
}

async function ask(job: Job, bells: RingBells): Promise<number[]> {
  const writer = new RingWriter(job.out, bells);
  const reader = new RingReader(job.back, reversed(bells));
  const tripsUs: number[] = [];
  for (let trip = 0; trip < job.messages; trip += 1) {
    const start = performance.now();
    send(writer, job.messageBytes);
    await takeOne(reader, bells.producer, job.waitKind);
    tripsUs.push((performance.now() - start) * 1000);
  }
  return tripsUs;
}

async function answer(job: Job, bells: RingBells): Promise<number[]> {
  const reader = new RingReader(job.out, bells);
  const writer = new RingWriter(job.back, reversed(bells));
  for (let trip = 0; trip < job.messages; trip += 1) {
    await takeOne(reader, bells.consumer, job.waitKind);
    send(writer, job.messageBytes);
  }
  return [];
}

function reversed(bells: RingBells): RingBells {
  return { consumer: bells.producer, producer: bells.consumer };
}

function send(writer: RingWriter, bytes: number): void {
  writer.begin(1, bytes);
  writer.end();
  writer.flush();
}

async function takeOne(reader: RingReader, bell: Bell, kind: WaitKind): Promise<void> {
  for (;;) {
    const seen = bell.count();
    if (reader.drain(() => {}) > 0) return;
    await rest(bell, kind, seen);
  }
}

const ROLES = { produce, consume, ask, answer };

/** Runs both roles, each on a thread, and gives what the measuring one measured. */
async function run(
  roles: readonly [near: Job["role"], far: Job["role"]],
  waits: readonly [near: WaitKind, far: WaitKind],
  size: { readonly messages: number; readonly messageBytes: number },
): Promise<number[]> {
  const shared = {
    ...size,
    out: createRing(RING_CAPACITY_BYTES),
    back: createRing(RING_CAPACITY_BYTES),
    near: new Bell().buffer,
    far: new Bell().buffer,
  };
  const workers = roles.map((role, index) => {
    const job: Job = { ...shared, role, waitKind: waits[index]! };
    return new Worker(new URL(import.meta.url), { workerData: job });
  });
  const answers = await Promise.all(workers.map((worker) => once(worker, "message")));
  await Promise.all(workers.map((worker) => worker.terminate()));
  return answers.flatMap(([figures]) => figures as number[]);
}

function percentile(sorted: readonly number[], share: number): string {
  return (sorted[Math.floor((sorted.length - 1) * share)] ?? Number.NaN).toFixed(1);
}

async function main(): Promise<void> {
  const [messages = 3_000_000, messageBytes = 300, trips = 50_000] = process.argv
    .slice(2)
    .map(Number);
  console.log(`node ${process.version}, ${messages} messages of ${messageBytes} bytes`);
  for (const near of WAIT_KINDS) {
    for (const far of WAIT_KINDS) {
      const [ms = Number.NaN] = await run(["produce", "consume"], [near, far], {
        messages,
        messageBytes,
      });
      console.log(`${near} -> ${far}: ${Math.round((messages / ms) * 1000)} messages/s`);
    }
  }
  for (const [near, far] of [
    ["blocking", "blocking"],
    ["event-loop", "blocking"],
    ["event-loop", "event-loop"],
  ] as const) {
    const tripsUs = await run(["ask", "answer"], [near, far], { messages: trips, messageBytes });
    const sorted = tripsUs.slice(Math.floor(trips / 10)).sort((a, b) => a - b);
    const at = (share: number): string => `${percentile(sorted, share)} us`;
    console.log(`${near} <-> ${far} round trip: p50 ${at(0.5)}, p90 ${at(0.9)}, p99 ${at(0.99)}`);
  }
}

if (isMainThread) {
  await main();
} else {
  // A port with a listener keeps the thread alive while it waits on its event loop.
  parentPort?.on("message", () => {});
  const job = workerData as Job;
  const bells = { producer: new Bell(job.near), consumer: new Bell(job.far) };
  const figures = await ROLES[job.role](job, bells);
  if (job.role === "consume" || job.role === "ask") parentPort?.postMessage(figures);
  else parentPort?.postMessage([]);
}
