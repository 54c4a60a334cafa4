import { Flag, FrameType } from "../../../src/main/http2/frame-format.js";
import type { Random } from "../../../src/shared/prng.js";
import { ClientFrames, frame, message, settings, uint32 } from "./frames.js";

/** A client that is mostly honest. */
export class RandomClient {
  readonly #random: Random;
  readonly #frames = new ClientFrames();
  #nextId = 1;

  readonly #path: () => string;

  constructor(random: Random, path: () => string = () => "/t.T/Echo") {
    this.#random = random;
    this.#path = path;
  }

  /** The next frame, or two that belong together. */
  frame(): Buffer {
    const random = this.#random;
    const id = Math.max(1, this.#nextId - 2 * random.below(6));
    switch (random.below(12)) {
      case 0:
      case 1:
      case 2: {
        this.#nextId += 2;
        return this.#frames.headers(this.#nextId, {
          end: random.below(4) === 0,
          path: this.#path(),
        });
      }
      case 3:
      case 4:
      case 5:
        return this.#frames.data(id, message("x".repeat(random.below(300))), random.below(3) === 0);
      case 6:
        return frame(FrameType.RST_STREAM, 0, id, uint32(random.below(14)));
      case 7:
        return frame(
          FrameType.WINDOW_UPDATE,
          0,
          random.below(2) * id,
          uint32(1 + random.below(99_999)),
        );
      case 8: {
        const pair = [1 + random.below(6), random.below(2) * 20_000] as const;
        return frame(FrameType.SETTINGS, 0, 0, settings(pair));
      }
      case 9:
        return frame(FrameType.PRIORITY, 0, id, Buffer.alloc(5, random.below(256)));
      case 10: {
        this.#nextId += 2;
        const block = this.#frames.block();
        const cut = random.below(block.length);
        return Buffer.concat([
          frame(FrameType.HEADERS, 0, this.#nextId, block.subarray(0, cut)),
          frame(FrameType.CONTINUATION, Flag.END_HEADERS, this.#nextId, block.subarray(cut)),
        ]);
      }
      default:
        return frame(
          random.below(256),
          random.below(256),
          random.below(3) * id,
          randomBytes(random, 20),
        );
    }
  }
}

/** So many bytes at most, of any kind. */
export function randomBytes(random: Random, most: number): Buffer {
  return Buffer.from(Array.from({ length: random.below(most + 1) }, () => random.below(256)));
}

/** Bytes changed, taken out, or put in, here and there. */
export function mutated(bytes: Buffer, random: Random): Buffer {
  const at = random.below(bytes.length);
  switch (random.below(4)) {
    case 0: {
      const copy = Buffer.from(bytes);
      copy[at] = random.below(256);
      return copy;
    }
    case 1:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + random.below(9))]);
    case 2:
      return Buffer.concat([bytes.subarray(0, at), randomBytes(random, 9), bytes.subarray(at)]);
    default:
      return Buffer.concat([bytes, bytes.subarray(at)]);
  }
}
