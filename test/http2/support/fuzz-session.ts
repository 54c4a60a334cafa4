import { Flag, FrameType, PREFACE } from "../../../src/main/http2/frame-format.js";
import type { Random } from "../../support/random.js";
import { CALL_FIELDS, ClientFrames, frame, message, settings, uint32 } from "./frames.js";

const METHODS = [
  "Echo",
  "Echo",
  "Later",
  "Hang",
  "Throw",
  "Count",
  "Flood",
  "Chat",
  "Meek",
  "None",
];
const TEXTS = ["", "hello", "end", "fail", "x".repeat(3000)];
const FRAME_TYPES = 11;
const FRAME_BYTES_MAX = 16_384;

/** Writes what a gRPC client could, and then spoils it. */
export class FuzzSession {
  readonly #random: Random;
  readonly #client = new ClientFrames();
  /** Streams whose request is not complete. */
  readonly #open: number[] = [];
  #lastId = -1;

  constructor(random: Random) {
    this.#random = random;
  }

  /** A session from its preface on, every frame of it allowed. */
  honest(frameCount: number): Buffer[] {
    const frames: Buffer[] = [];
    while (frames.length < frameCount) frames.push(...this.#step());
    const greeting = [
      Buffer.from(PREFACE),
      frame(FrameType.SETTINGS, 0, 0),
      frame(FrameType.SETTINGS, Flag.ACK, 0),
    ];
    return [...greeting, ...frames];
  }

  /** The same with a few frames changed, left out, sent twice, swapped, or put in between. */
  spoiled(frameCount: number): Buffer[] {
    const frames = this.honest(frameCount);
    const random = this.#random;
    for (let left = random.integer(1, 4); left > 0; left -= 1) {
      const at = random.integer(0, frames.length - 1);
      const chosen = frames[at]!;
      const other = random.integer(0, frames.length - 1);
      random.weighted<() => void>([
        [6, () => frames.splice(at, 1, this.#flipped(chosen))],
        [1, () => frames.splice(at, 1)],
        [1, () => frames.splice(at, 0, chosen)],
        [1, () => frames.splice(other, 0, ...frames.splice(at, 1))],
        [4, () => frames.splice(at, 0, this.#anyFrame())],
        [1, () => frames.splice(at, 1, chosen.subarray(0, random.integer(0, chosen.length)))],
      ])();
      if (frames.length === 0) return [Buffer.from(PREFACE)];
    }
    return frames;
  }

  #step(): Buffer[] {
    const random = this.#random;
    const some = this.#open.length > 0;
    return random.weighted<() => Buffer[]>([
      [5, () => this.#call()],
      [some ? 8 : 0, () => [this.#data()]],
      [
        some ? 1 : 0,
        () => [frame(FrameType.RST_STREAM, 0, this.#taken(), uint32(random.integer(0, 13)))],
      ],
      [some ? 1 : 0, () => [this.#client.data(this.#taken(), Buffer.alloc(0), true)]],
      [1, () => [frame(FrameType.PING, Flag.ACK, 0, Buffer.alloc(8, random.integer(0, 255)))]],
      [1, () => [frame(FrameType.SETTINGS, 0, 0, this.#settings())]],
      [1, () => [frame(FrameType.WINDOW_UPDATE, 0, 0, uint32(random.integer(1, 50_000)))]],
      [1, () => [frame(FrameType.PRIORITY, 0, random.integer(1, 99), [0, 0, 0, 0, 9])]],
      [1, () => [frame(random.integer(0x20, 0xff), 0, 0, this.#bytes(40))]],
    ])();
  }

  #call(): Buffer[] {
    const random = this.#random;
    this.#lastId += 2;
    const id = this.#lastId;
    this.#open.push(id);
    const path = `/t.T/${random.pick(METHODS)}`;
    const fields = CALL_FIELDS.map(
      ([key, value]) => [key, key === ":path" ? path : value] as const,
    );
    const extra: [string, string][] = [];
    if (random.chance(0.2)) extra.push(["grpc-timeout", `${random.integer(0, 20)}m`]);
    if (random.chance(0.1)) extra.push(["grpc-encoding", "gzip"]);
    if (random.chance(0.2))
      extra.push([`key-${random.integer(0, 9)}`, "v".repeat(random.integer(0, 300))]);
    const block = this.#client.block([...fields, ...extra]);
    const cut = random.chance(0.2) ? random.integer(0, block.length) : block.length;
    const flags = cut === block.length ? Flag.END_HEADERS : 0;
    const head = frame(FrameType.HEADERS, flags, id, block.subarray(0, cut));
    const rest = frame(FrameType.CONTINUATION, Flag.END_HEADERS, id, block.subarray(cut));
    return cut === block.length ? [head] : [Buffer.concat([head, rest])];
  }

  /** A message, or a part of one, or a few; now and then the last of its stream. */
  #data(): Buffer {
    const random = this.#random;
    const whole = message(random.pick(TEXTS));
    const payload = random.weighted([
      [6, whole],
      [1, whole.subarray(0, random.integer(0, whole.length))],
      [1, Buffer.concat([whole, message("more")])],
      [1, Buffer.concat([Buffer.of(1), whole.subarray(1)])],
    ]);
    const isLast = random.chance(0.4);
    return this.#client.data(isLast ? this.#taken() : random.pick(this.#open), payload, isLast);
  }

  #taken(): number {
    return this.#open.splice(this.#random.integer(0, this.#open.length - 1), 1)[0]!;
  }

  #settings(): Buffer {
    const random = this.#random;
    return random.pick([
      settings(),
      settings([1, random.pick([0, 100, 4096, 65_536])]),
      settings([4, random.integer(0, 200_000)]),
      settings([5, random.integer(16_384, 100_000)], [3, 100]),
    ]);
  }

  #anyFrame(): Buffer {
    const random = this.#random;
    const id = random.pick([
      0,
      1,
      3,
      this.#lastId,
      this.#lastId + 2,
      random.integer(0, 2 ** 31 - 1),
    ]);
    const flags = random.pick([0, 1, 4, 5, random.integer(0, 255)]);
    const bytes = random.chance(0.05) ? FRAME_BYTES_MAX + 2 : 50;
    return frame(random.integer(0, FRAME_TYPES), flags, Math.max(0, id), this.#bytes(bytes));
  }

  #bytes(most: number): Buffer {
    const random = this.#random;
    return Buffer.from(
      Array.from({ length: random.integer(0, most) }, () => random.integer(0, 255)),
    );
  }

  #flipped(bytes: Buffer): Buffer {
    const copy = Buffer.from(bytes);
    if (copy.length === 0) return copy;
    // Half of the time in the header, where it hurts most.
    const last = this.#random.chance(0.5) ? Math.min(8, copy.length - 1) : copy.length - 1;
    copy[this.#random.integer(0, last)] = this.#random.integer(0, 255);
    return copy;
  }
}
