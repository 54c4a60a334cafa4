// Hot file: every byte that goes out small passes through here.

/** Bytes that a sink begins with; most answers of one turn fit. */
const FIRST_CAPACITY_BYTES = 1024;

/**
 * A byte buffer that grows and is written from the front. `bytes` is replaced when it grows, so nobody keeps
 * it across a write; what lies behind `length` is not part of the content.
 */
export class ByteSink {
  bytes: Uint8Array;
  /** Bytes written. A writer that has called `ensure` may write into `bytes` itself and move this on. */
  length = 0;

  constructor(capacityBytes = FIRST_CAPACITY_BYTES) {
    this.bytes = new Uint8Array(capacityBytes);
  }

  /** Makes room for `count` more bytes. */
  ensure(count: number): void {
    const needed = this.length + count;
    if (needed <= this.bytes.length) return;
    const grown = new Uint8Array(Math.max(needed, 2 * this.bytes.length));
    grown.set(this.bytes.subarray(0, this.length));
    this.bytes = grown;
  }

  /** Appends one byte. */
  push(byte: number): void {
    if (this.length === this.bytes.length) this.ensure(1);
    this.bytes[this.length++] = byte;
  }

  /** Appends a copy of bytes. */
  append(bytes: Uint8Array): void {
    this.ensure(bytes.length);
    this.bytes.set(bytes, this.length);
    this.length += bytes.length;
  }

  /** Forgets the content and keeps the memory. */
  reset(): void {
    this.length = 0;
  }

  /** Forgets content and memory: whoever has a view of the old bytes keeps it for good. */
  renew(capacityBytes = FIRST_CAPACITY_BYTES): void {
    this.bytes = new Uint8Array(capacityBytes);
    this.length = 0;
  }

  /** A view of the content, valid until the next write, `reset` included. */
  view(): Uint8Array {
    return this.bytes.subarray(0, this.length);
  }
}
