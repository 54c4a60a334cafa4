// Hot file: every message to and from another member passes here.
import { assert } from "../../shared/assert.js";

/** What an envelope's head is made of. */
export type Field = number | boolean | bigint | readonly Field[];

/** An envelope that no member of this version writes. */
export class MalformedEnvelopeError extends Error {
  constructor(message: string) {
    super(`malformed envelope: ${message}`);
    this.name = "MalformedEnvelopeError";
  }
}

/** Writes one item: fields for the head, and raw bytes that follow the head as they are. */
export class FieldWriter {
  readonly fields: Field[] = [];
  readonly #raw: Uint8Array[];

  /** Raw bytes are appended to `raw`, which the items of an envelope share. */
  constructor(raw: Uint8Array[]) {
    this.#raw = raw;
  }

  /** A non-negative safe integer. */
  integer(value: number): this {
    assert(Number.isSafeInteger(value) && value >= 0, "a field is a non-negative integer", {
      value,
    });
    this.fields.push(value);
    return this;
  }

  flag(value: boolean): this {
    this.fields.push(value);
    return this;
  }

  /** An unsigned 64-bit number. */
  wide(value: bigint): this {
    this.fields.push(value);
    return this;
  }

  integers(values: readonly number[]): this {
    this.fields.push(values);
    return this;
  }

  blob(bytes: Uint8Array): this {
    this.#raw.push(bytes);
    return this.integer(bytes.length);
  }

  blobs(all: readonly Uint8Array[]): this {
    const lengths: number[] = [];
    for (const bytes of all) {
      this.#raw.push(bytes);
      lengths.push(bytes.length);
    }
    return this.integers(lengths);
  }
}

/** The raw bytes of an envelope, given out from front to back as views. */
export class RawBytes {
  readonly #bytes: Uint8Array;
  #offset: number;

  constructor(bytes: Uint8Array, offset: number) {
    this.#bytes = bytes;
    this.#offset = offset;
  }

  take(length: number): Uint8Array {
    const { buffer, byteOffset, length: total } = this.#bytes;
    if (length > total - this.#offset) throw new MalformedEnvelopeError("raw bytes are missing");
    const view = new Uint8Array(buffer, byteOffset + this.#offset, length);
    this.#offset += length;
    return view;
  }

  end(): void {
    if (this.#offset !== this.#bytes.length) {
      throw new MalformedEnvelopeError("there are raw bytes that no message has");
    }
  }
}

/** Reads what a FieldWriter wrote, and throws a MalformedEnvelopeError on anything else. */
export class FieldReader {
  readonly #fields: readonly unknown[];
  readonly #raw: RawBytes;
  #next = 0;

  constructor(item: unknown, raw: RawBytes) {
    if (!Array.isArray(item)) throw new MalformedEnvelopeError("a message is no list");
    this.#fields = item;
    this.#raw = raw;
  }

  integer(): number {
    return asInteger(this.#take());
  }

  flag(): boolean {
    const value = this.#take();
    if (typeof value !== "boolean") throw new MalformedEnvelopeError("a flag is no boolean");
    return value;
  }

  wide(): bigint {
    const value = this.#take();
    if (typeof value !== "bigint" || value < 0n) {
      throw new MalformedEnvelopeError("a 64-bit number is none");
    }
    return value;
  }

  integers(): number[] {
    const values = this.#take();
    if (!Array.isArray(values)) throw new MalformedEnvelopeError("a list is none");
    return values.map(asInteger);
  }

  /** Valid as long as the envelope's memory, which nobody writes to again. */
  blob(): Uint8Array {
    return this.#raw.take(this.integer());
  }

  blobs(): Uint8Array[] {
    return this.integers().map((length) => this.#raw.take(length));
  }

  /** There must be no further field. */
  end(): void {
    if (this.#next !== this.#fields.length) {
      throw new MalformedEnvelopeError("a message has too many fields");
    }
  }

  #take(): unknown {
    if (this.#next >= this.#fields.length) {
      throw new MalformedEnvelopeError("a message has too few fields");
    }
    const value = this.#fields[this.#next];
    this.#next += 1;
    return value;
  }
}

function asInteger(value: unknown): number {
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0) {
    throw new MalformedEnvelopeError("a number is no non-negative integer");
  }
  return value;
}
