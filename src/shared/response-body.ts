/**
 * Response bodies: response messages without their header field, put together from stored KeyValue
 * bytes, which are never decoded or encoded again. Field numbers are those of proto/.
 */

/** A body without fields: the answer to a plain put, a compaction, a revoke. */
export const EMPTY_BODY = new Uint8Array(0);

const VARINT = 0;
const LENGTH_DELIMITED = 2;

/**
 * Collects encoded fields and joins them once. Arrays it is given are kept, not copied, until `join`:
 * whoever owns them leaves them alone until then.
 */
export class BodyWriter {
  readonly #parts: Uint8Array[] = [];
  #size = 0;

  /** Encoded bytes so far. */
  get size(): number {
    return this.#size;
  }

  /** Adds an int64 or bool field. Zero is not written (M-12). `value` is a non-negative safe integer. */
  integer(field: number, value: number): void {
    if (value === 0) return;
    this.#add(tagAndVarint(field, VARINT, value));
  }

  /** Adds a bytes or message field, written even when empty. */
  bytes(field: number, value: Uint8Array): void {
    this.#add(tagAndVarint(field, LENGTH_DELIMITED, value.length));
    this.raw(value);
  }

  /** Adds a message field. */
  message(field: number, value: BodyWriter): void {
    this.#add(tagAndVarint(field, LENGTH_DELIMITED, value.#size));
    this.append(value);
  }

  /** Adds the fields of another body. */
  append(value: BodyWriter): void {
    for (const part of value.#parts) this.#add(part);
  }

  /** Adds encoded fields as they are. */
  raw(value: Uint8Array): void {
    if (value.length > 0) this.#add(value);
  }

  /** All of it in one array of its own. */
  join(): Uint8Array {
    if (this.#size === 0) return EMPTY_BODY;
    const joined = Buffer.allocUnsafe(this.#size);
    let offset = 0;
    for (const part of this.#parts) {
      joined.set(part, offset);
      offset += part.length;
    }
    return joined;
  }

  #add(part: Uint8Array): void {
    this.#parts.push(part);
    this.#size += part.length;
  }
}

/** Header of a response inside a txn: only the revision is set (H-20 to H-23); 0 gives an empty one. */
export function subHeader(revision: number): BodyWriter {
  const header = new BodyWriter();
  header.integer(3, revision);
  return header;
}

function tagAndVarint(field: number, wireType: number, value: number): Uint8Array {
  const bytes: number[] = [(field << 3) | wireType];
  let rest = value;
  while (rest > 0x7f) {
    // Not bit operations: revisions go beyond 32 bits.
    bytes.push((rest % 0x80) | 0x80);
    rest = Math.floor(rest / 0x80);
  }
  bytes.push(rest);
  return Uint8Array.from(bytes);
}
