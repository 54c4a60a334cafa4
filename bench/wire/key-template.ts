import { benchKey, writeDigits } from "./bench-key.js";

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
   * or more. It is called several times, and must give the same for the same keys.
   */
  constructor(shape: TemplateShape, encode: (keys: readonly Buffer[]) => Uint8Array) {
    const zero = benchKey(shape.prefix, 0, shape.keyBytes);
    const keys = Array.from({ length: shape.keys }, () => zero);
    this.#stride = shape.stride ?? 1;
    this.#bytes = Buffer.from(encode(keys));
    // Where the message changes when a key does, there the key is: looking for its bytes could
    // find others that are the same.
    const changed = Buffer.from(zero.map((byte) => byte + 1));
    this.#keyEnds = keys.map((_, i) => {
      const other = encode(keys.map((key, j) => (j === i ? changed : key)));
      return endsOfChanges(this.#bytes, other, shape.keyBytes);
    });
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

function endsOfChanges(bytes: Buffer, other: Uint8Array, keyBytes: number): number[] {
  const ends: number[] = [];
  for (let at = 0; at < bytes.length; at += 1) {
    if (bytes[at] === other[at]) continue;
    ends.push(at + keyBytes);
    at += keyBytes - 1;
  }
  if (ends.length === 0) throw new Error("a template lacks one of its keys");
  return ends;
}
