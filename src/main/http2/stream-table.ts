import { type ClosedStream, ClosedStreams } from "./closed-streams.js";
import { ConnectionError, Http2Code } from "./error-code.js";
import type { ServerStream } from "./server-stream.js";

/** The streams of one connection: those that are open, and what is known of the others. */
export class StreamTable {
  readonly #open = new Map<number, ServerStream>();
  readonly #closed = new ClosedStreams();
  /** The highest id that the peer has used. */
  lastSeenId = 0;
  /** The highest id that was served: what GOAWAY names. */
  lastServedId = 0;
  /** Calls whose stream is gone and whose handler still works. */
  lingering = 0;

  /** Streams that are open. */
  get size(): number {
    return this.#open.size;
  }

  /** What the peer has made this side work on, and is not done. */
  get outstanding(): number {
    return this.#open.size + this.lingering;
  }

  /** An open stream. */
  get(streamId: number): ServerStream | undefined {
    return this.#open.get(streamId);
  }

  /** All open streams, oldest first. */
  values(): Iterable<ServerStream> {
    return this.#open.values();
  }

  /** Takes in a new stream. */
  add(stream: ServerStream): void {
    this.lastServedId = stream.id;
    this.#open.set(stream.id, stream);
  }

  /** A stream has ended. `reset`: by this side, which the peer may not know yet. */
  remove(streamId: number, reset: boolean): void {
    this.#open.delete(streamId);
    this.#closed.add(streamId, reset);
  }

  /** How a stream that is not open ended. */
  fateOf(streamId: number): ClosedStream {
    return this.#closed.find(streamId);
  }

  /** Throws ConnectionError for a stream that was never opened (RFC 9113 section 5.1, idle). */
  checkNotIdle(streamId: number): void {
    if (streamId > this.lastSeenId || (streamId & 1) === 0) {
      throw new ConnectionError(Http2Code.PROTOCOL_ERROR, "a frame on an idle stream");
    }
  }

  /** Takes out all streams. */
  takeAll(): ServerStream[] {
    const streams = [...this.#open.values()];
    this.#open.clear();
    return streams;
  }
}
