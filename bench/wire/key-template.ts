import { benchKey, writeDigits } from "./bench-key.js";

/** Above every number that a run uses. */
const PLACEHOLDER_BASE = 9_000_000_000;

/** What a template is made of. */
export interface TemplateShape {
  readonly prefix: string;
  readonly keyBytes: number;
  /** How many keys the message has. */
  readonly keys: number;
  /** From the number of one key to that of the next; 1 by default. */
  readonly stride?: number;
}

/**
 * A message that is encoded once and then copied for each call with other keys written into it: the
 * load generator must not spend its time on encoding.
 */
export class KeyTemplate {
  readonly #bytes: Buffer;
  /** For each key the offsets at which its copies end. */
  readonly #keyEnds: readonly (readonly number[])[];
  readonly #stride: number;

  /**
   * `encode` gets stand-ins for the keys and must put each of them somewhere into the message, once
   * or more.
   */
  constructor(shape: TemplateShape, encode: (keys: readonly Buffer[]) => Uint8Array) {
    const keyOf = (number: number): Buffer => benchKey(shape.prefix, number, shape.keyBytes);
    const placeholders = Array.from({ length: shape.keys }, (_, i) => keyOf(PLACEHOLDER_BASE + i));
    this.#stride = shape.stride ?? 1;
    this.#bytes = Buffer.from(encode(placeholders));
    this.#keyEnds = placeholders.map((key) => endsOf(this.#bytes, key));
    for (const end of this.#keyEnds.flat()) keyOf(0).copy(this.#bytes, end - shape.keyBytes);
  }

  get length(): number {
    return this.#bytes.length;
  }

  /** Where these bytes are in the message. */
  offsetOf(bytes: Buffer): number {
    const offset = this.#bytes.indexOf(bytes);
    if (offset < 0) throw new Error("a template lacks the bytes that are looked for");
    return offset;
  }

  /** A new message with the keys numbered `first`, `first` + stride, … */
  fill(first: number): Buffer {
    const message = Buffer.allocUnsafe(this.#bytes.length);
    this.fillInto(message, 0, first);
    return message;
  }

  /** Writes the message into a buffer of the caller's. */
  fillInto(target: Buffer, offset: number, first: number): void {
    target.set(this.#bytes, offset);
    for (let key = 0; key < this.#keyEnds.length; key += 1) {
      const number = first + key * this.#stride;
      for (const end of this.#keyEnds[key]!) writeDigits(target, offset + end, number);
    }
  }
}

function endsOf(bytes: Buffer, key: Buffer): number[] {
  const ends: number[] = [];
  for (let at = bytes.indexOf(key); at >= 0; at = bytes.indexOf(key, at + key.length)) {
    ends.push(at + key.length);
  }
  if (ends.length === 0) throw new Error("a template lacks one of its keys");
  return ends;
}
