// Hot file: one copy per proposal, one allocation per chunk.

const CHUNK_BYTES = 256 * 1024;
/** A larger payload gets memory of its own, so that it keeps no chunk of small ones alive. */
const SHARED_PAYLOAD_BYTES_MAX = CHUNK_BYTES / 8;

/**
 * Copies payloads out of a ring into memory that lives as long as their log entries: a chunk is freed
 * when the last entry in it is let go.
 */
export class PayloadArena {
  #chunk = new Uint8Array(0);
  #used = 0;

  /** The `length` bytes at `offset`, copied. */
  copy(bytes: Uint8Array, offset: number, length: number): Uint8Array {
    const source = bytes.subarray(offset, offset + length);
    if (length > SHARED_PAYLOAD_BYTES_MAX) {
      const own = new Uint8Array(length);
      own.set(source);
      return own;
    }
    if (this.#used + length > this.#chunk.length) {
      this.#chunk = new Uint8Array(CHUNK_BYTES);
      this.#used = 0;
    }
    const payload = this.#chunk.subarray(this.#used, this.#used + length);
    payload.set(source);
    this.#used += length;
    return payload;
  }
}
