/**
 * Whole connections to the transport, honest and spoiled at random. Whatever comes, nothing is thrown, every call that
 * began ends, nothing is kept, and a connection either serves the next call or says GOAWAY.
 */
import assert from "node:assert/strict";
import { type Duplex, duplexPair } from "node:stream";
import { describe, test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { ByteSink } from "../../src/main/http2/byte-sink.js";
import { Http2Code } from "../../src/main/http2/error-code.js";
import { Flag, FrameType, PREFACE } from "../../src/main/http2/frame-format.js";
import { HpackEncoder } from "../../src/main/http2/hpack/encoder.js";
import { Http2Transport } from "../../src/main/transport/http2-transport.js";
import { GrpcStatus } from "../../src/shared/errors.js";
import { Random } from "../support/random.js";
import { until } from "../support/until.js";
import { conformanceMethods, MethodLog } from "../transport/conformance-methods.js";
import { CountingObserver } from "../transport/harness.js";
import {
  CALL_FIELDS,
  ClientFrames,
  FrameTeller,
  frame,
  message,
  uint32,
} from "./support/frames.js";
import { FuzzSession } from "./support/fuzz-session.js";

/** Frames of each kind of session; CAPSTAN_FUZZ_FRAMES asks for more. */
const FRAMES = Number(process.env.CAPSTAN_FUZZ_FRAMES ?? 10_000);
const SEED = Number(process.env.CAPSTAN_SEED ?? Date.now() % 1_000_000);
const SESSION_FRAMES_MAX = 60;
/** Sessions after which memory is looked at. */
const SESSIONS_PER_LOOK = 100;
/** What the heap may grow by between the first look and any later one. */
const GROWTH_BYTES_MAX = 24 * 1024 * 1024;
/** Calls of one long connection, and less than what one of them would keep if it did: a stream alone is more. */
const LONG_CALLS = 40_000;
const CALL_LEAK_BYTES = 80;
/** The highest id, above any that a session takes on purpose. */
const PROBE_ID = 2 ** 31 - 1;
const PROBE_PING = Buffer.from("is alive");
/** Ends any frame that is not complete; the rest is DATA on stream 0, which nobody may send. */
const ZEROS = Buffer.alloc(2 * 16_384);

/** A transport, and one connection after the other to it, in memory. */
class Rig {
  readonly observer = new CountingObserver();
  readonly log = new MethodLog();
  /** What was thrown and not on purpose. */
  readonly bugs: string[] = [];
  readonly #transport = new Http2Transport({
    methods: conformanceMethods(this.log),
    observer: this.observer,
    receiveBytesMax: 2000,
    concurrentStreamsMax: 1000,
    keepaliveMinTimeMs: 0,
    keepaliveIntervalMs: 0,
    keepaliveTimeoutMs: 0,
    onBug: (error) => {
      if (!String(error).includes("thrown on purpose")) this.bugs.push(String(error));
    },
  });

  connect(): Wire {
    const [near, far] = duplexPair();
    this.#transport.accept(far);
    return new Wire(near);
  }
}

/** The client's end of a connection. */
class Wire {
  readonly lines: string[] = [];
  isEnded = false;
  readonly #side: Duplex;
  readonly #teller = new FrameTeller();

  constructor(side: Duplex) {
    this.#side = side;
    side.on("data", (chunk) => this.lines.push(...this.#teller.tell(chunk)));
    side.on("end", () => {
      this.isEnded = true;
    });
    side.on("error", () => {});
  }

  send(bytes: Uint8Array): void {
    if (!this.#side.destroyed) this.#side.write(bytes);
  }

  close(): void {
    this.#side.destroy();
  }

  /** Whether the ping came back and the call was answered. */
  get isServed(): boolean {
    const hasPing = this.lines.includes(`PING ack ${PROBE_PING.toString("hex")}`);
    return hasPing && this.lines.some((line) => line.startsWith(`HEADERS ${PROBE_ID} end`));
  }
}

/** A ping, and a call whose answer needs no window and no entry of a table: of a method that is not there. */
function probe(): Buffer {
  const encoder = new HpackEncoder();
  const block = new ByteSink();
  for (const [key, value] of CALL_FIELDS) {
    encoder.encode(block, key, key === ":path" ? "/t.T/Missing" : value, "plain");
  }
  const flags = Flag.END_HEADERS | Flag.END_STREAM;
  return Buffer.concat([
    frame(FrameType.PING, 0, 0, PROBE_PING),
    frame(FrameType.HEADERS, flags, PROBE_ID, block.view()),
  ]);
}

/** Whether bytes are a preface and whole frames, by their lengths alone. */
function isAligned(bytes: Buffer): boolean {
  let at = PREFACE.length;
  while (at + 9 <= bytes.length) at += 9 + bytes.readUIntBE(at, 3);
  return at === bytes.length;
}

async function feed(wire: Wire, bytes: Buffer, random: Random): Promise<void> {
  const most = random.pick([3, 60, 1000, 100_000]);
  for (let at = 0; at < bytes.length; ) {
    const end = Math.min(bytes.length, at + random.integer(1, most));
    wire.send(bytes.subarray(at, end));
    at = end;
    if (random.chance(0.05)) await new Promise(setImmediate);
  }
}

/** Runs a session to its end; returns whether its probe was served. */
async function run(rig: Rig, frames: readonly Buffer[], random: Random): Promise<boolean> {
  const wire = rig.connect();
  const bytes = Buffer.concat(frames);
  await feed(wire, bytes, random);
  if (isAligned(bytes)) {
    wire.send(probe());
    await until(() => wire.isServed || wire.isEnded, "the probe, or the end");
  }
  const { isServed } = wire;
  wire.send(ZEROS);
  await until(() => wire.isEnded, "the end of a connection that broke the rules");
  assert.match(wire.lines.at(-1) ?? "nothing", /^GOAWAY/);
  wire.close();
  return isServed;
}

setFlagsFromString("--expose-gc");
const collectGarbage: () => void = runInNewContext("gc");

/** Fails when the heap has grown since the first look. */
class MemoryWatch {
  readonly #growthBytesMax: number;
  #firstBytes: number | undefined;

  constructor(growthBytesMax: number) {
    this.#growthBytesMax = growthBytesMax;
  }

  look(): void {
    collectGarbage();
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    const bytes = heapUsed + arrayBuffers;
    this.#firstBytes ??= bytes;
    const grownMiB = (bytes - this.#firstBytes) / 1024 / 1024;
    assert.ok(bytes - this.#firstBytes < this.#growthBytesMax, `${grownMiB} MiB more than before`);
  }
}

/** Runs sessions until all frames were sent; gives how many were served to their end, of how many. */
async function runAll(make: (session: FuzzSession, frameCount: number) => Buffer[]) {
  const random = new Random(SEED);
  const rig = new Rig();
  const memory = new MemoryWatch(GROWTH_BYTES_MAX);
  let served = 0;
  let sessions = 0;
  for (let sent = 0; sent < FRAMES; sessions += 1) {
    const frames = make(new FuzzSession(random), random.integer(1, SESSION_FRAMES_MAX));
    sent += frames.length;
    served += (await run(rig, frames, random)) ? 1 : 0;
    if (sessions % SESSIONS_PER_LOOK !== SESSIONS_PER_LOOK - 1) continue;
    await until(() => rig.observer.handled.length === rig.observer.started, "the end of all calls");
    assert.deepEqual(
      [...rig.log.contexts, ...rig.log.unaries].filter(({ ended }) => !ended),
      [],
    );
    rig.log.clear();
    memory.look();
  }
  assert.deepEqual(rig.bugs, []);
  return { served, sessions, statuses: new Set(rig.observer.handled) };
}

test("a connection that goes on and on keeps nothing of its calls", async () => {
  const rig = new Rig();
  const wire = rig.connect();
  const client = new ClientFrames();
  const memory = new MemoryWatch(CALL_LEAK_BYTES * LONG_CALLS);
  wire.send(ClientFrames.greeting);
  // The largest window: nothing is given back later.
  wire.send(frame(FrameType.WINDOW_UPDATE, 0, 0, uint32(2 ** 31 - 65_536)));
  for (let calls = 0; calls < LONG_CALLS; ) {
    for (const end = calls + LONG_CALLS / 10; calls < end; calls += 1) {
      const id = 2 * calls + 1;
      // Some are cancelled before they are complete.
      const isCancelled = calls % 4 === 0;
      const rest = isCancelled
        ? frame(FrameType.RST_STREAM, 0, id, uint32(Http2Code.CANCEL))
        : client.data(id, message("hello"), true);
      wire.send(Buffer.concat([client.headers(id), rest]));
    }
    const { observer } = rig;
    await until(() => observer.handled.length === calls, "the end of all calls");
    rig.log.clear();
    wire.lines.length = 0;
    memory.look();
  }
  assert.equal(wire.isEnded, false);
  wire.close();
});

describe(`random connections, seed ${SEED}`, () => {
  test("honest ones are served to their end", async () => {
    const { served, sessions, statuses } = await runAll((session, count) => session.honest(count));
    assert.equal(served, sessions);
    // Calls came to their handlers, and ended in many ways.
    assert.ok(statuses.has(GrpcStatus.OK) && statuses.size > 4, `${[...statuses]}`);
  });

  test("spoiled ones are served or sent away, and leave nothing behind", async () => {
    const { served, sessions } = await runAll((session, count) => session.spoiled(count));
    assert.ok(served > 0 && served < sessions, `${served} of ${sessions} were served`);
  });
});
