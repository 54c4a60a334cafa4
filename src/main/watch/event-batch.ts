/** Encoded events that go out in one response, shared by every watcher that gets the same ones. */
export class EventBatch {
  readonly #pieces: Uint8Array[] = [];
  #bytes = 0;
  #joined: Uint8Array | undefined;

  /** Adds an event, encoded as field 11 of a WatchResponse. The bytes must not change afterwards. */
  add(piece: Uint8Array): void {
    this.#pieces.push(piece);
    this.#bytes += piece.length;
    this.#joined = undefined;
  }

  get count(): number {
    return this.#pieces.length;
  }

  /** Sum of the events' encoded sizes. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The events one by one, in order. */
  get pieces(): readonly Uint8Array[] {
    return this.#pieces;
  }

  /** All events back to back: made once, however many watchers are sent it. */
  get joined(): Uint8Array {
    this.#joined ??=
      this.#pieces.length === 1 ? this.#pieces[0]! : Buffer.concat(this.#pieces, this.#bytes);
    return this.#joined;
  }
}
