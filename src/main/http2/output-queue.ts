// Hot file: what one turn has to say to a peer, gathered for one write.
import { ByteSink } from "./byte-sink.js";

/** Pieces of at least this many bytes are sent from where they lie; smaller ones are copied together. */
export const COPIED_BYTES_MAX = 4096;
/** Memory that is kept from one write to the next. */
const KEPT_BYTES_MAX = 64 * 1024;

/**
 * The bytes that wait to be written to one connection, in order: small frames copied into one buffer, large
 * pieces by reference between them.
 */
export class OutputQueue {
  /** Where frames are written. */
  readonly sink = new ByteSink();
  /** Pieces sent by reference, and the places in the sink where each comes. */
  #pieces: Uint8Array[] = [];
  #places: number[] = [];
  #piecesBytes = 0;

  /** Bytes that wait. */
  get length(): number {
    return this.sink.length + this.#piecesBytes;
  }

  /** Whether it is one run of bytes, for one plain write. */
  get isOnePiece(): boolean {
    return this.#pieces.length === 0;
  }

  /** Appends bytes that nobody changes until they are written. */
  append(bytes: Uint8Array): void {
    if (bytes.length < COPIED_BYTES_MAX) {
      this.sink.append(bytes);
      return;
    }
    this.#pieces.push(bytes);
    this.#places.push(this.sink.length);
    this.#piecesBytes += bytes.length;
  }

  /** Gives everything to `write`, in order. The memory is in use until `release`, which must follow. */
  writeTo(write: (bytes: Uint8Array) => void): void {
    let from = 0;
    for (let index = 0; index < this.#pieces.length; index++) {
      const place = this.#places[index]!;
      if (place > from) write(this.sink.bytes.subarray(from, place));
      write(this.#pieces[index]!);
      from = place;
    }
    if (this.sink.length > from) write(this.sink.bytes.subarray(from, this.sink.length));
  }

  /** Empties the queue. `written`: nobody reads the memory any more, and it can be used again. */
  release(written: boolean): void {
    if (this.#pieces.length > 0) {
      this.#pieces = [];
      this.#places = [];
      this.#piecesBytes = 0;
    }
    if (written && this.sink.bytes.length <= KEPT_BYTES_MAX) this.sink.reset();
    else this.sink.renew();
  }
}
