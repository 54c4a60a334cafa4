import type { OutputQueue } from "./output-queue.js";

/** The bytes that one stream has to send and that flow control has not let go yet, in pieces. */
export class SendQueue {
  #pieces: Uint8Array[] = [];
  #first = 0;
  /** Bytes of the first piece that are gone. */
  #offset = 0;
  /** Bytes that wait. */
  bytes = 0;

  /** Appends bytes, at least one, that nobody changes until they are sent. */
  push(piece: Uint8Array): void {
    this.#pieces.push(piece);
    this.bytes += piece.length;
  }

  /** Moves the first `count` bytes, which must be there, into the output. */
  moveTo(output: OutputQueue, count: number): void {
    this.bytes -= count;
    let wanted = count;
    while (wanted > 0) {
      const piece = this.#pieces[this.#first]!;
      const end = Math.min(piece.length, this.#offset + wanted);
      const whole = this.#offset === 0 && end === piece.length;
      output.append(whole ? piece : piece.subarray(this.#offset, end));
      wanted -= end - this.#offset;
      this.#offset = end;
      if (end === piece.length) this.#dropFirst();
    }
  }

  #dropFirst(): void {
    this.#first += 1;
    this.#offset = 0;
    // The array is cut when half of it is gone, so that each piece is moved once on average.
    if (2 * this.#first < this.#pieces.length) return;
    this.#pieces = this.#pieces.slice(this.#first);
    this.#first = 0;
  }
}
