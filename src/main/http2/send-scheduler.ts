import type { ServerStream } from "./server-stream.js";

/** Short answers that may go before one frame of a long one. */
const SHORT_BEFORE_LONG = 4;

/**
 * Decides which stream of a connection sends the next frame. Each gets one frame at a time. Streams whose
 * whole rest fits a frame go first, four to one: a small answer never waits for the large ones, and a busy
 * watch does not hold up a list for ever.
 *
 * Only streams that can send are in it: something queued, and window of their own.
 */
export class SendScheduler {
  readonly #short = new StreamLine();
  readonly #long = new StreamLine();
  #shortInRow = 0;

  /** True when no stream can send. */
  get isEmpty(): boolean {
    return this.#short.isEmpty && this.#long.isEmpty;
  }

  /** Puts a stream at the end of its line; one that is there already stays where it is. */
  add(stream: ServerStream, isShort: boolean): void {
    if (stream.isScheduled) return;
    stream.isScheduled = true;
    (isShort ? this.#short : this.#long).add(stream);
  }

  /** Takes out the stream whose turn it is. Streams that were closed meanwhile may come too. */
  take(): ServerStream | undefined {
    const longIsDue = this.#shortInRow >= SHORT_BEFORE_LONG && !this.#long.isEmpty;
    const fromShort = !this.#short.isEmpty && !longIsDue;
    this.#shortInRow = fromShort ? this.#shortInRow + 1 : 0;
    const stream = (fromShort ? this.#short : this.#long).take();
    if (stream !== undefined) stream.isScheduled = false;
    return stream;
  }
}

/** First in, first out, linked through the streams themselves. */
class StreamLine {
  #first: ServerStream | undefined;
  #last: ServerStream | undefined;

  get isEmpty(): boolean {
    return this.#first === undefined;
  }

  add(stream: ServerStream): void {
    if (this.#last === undefined) this.#first = stream;
    else this.#last.nextScheduled = stream;
    this.#last = stream;
  }

  take(): ServerStream | undefined {
    const stream = this.#first;
    if (stream === undefined) return undefined;
    this.#first = stream.nextScheduled;
    if (this.#first === undefined) this.#last = undefined;
    stream.nextScheduled = undefined;
    return stream;
  }
}
