import { ByteSink } from "./byte-sink.js";
import { ConnectionError, Http2Code } from "./error-code.js";

/** Bounds of one header block, against floods of CONTINUATION. */
export interface HeaderBlockBounds {
  readonly bytesMax: number;
  readonly framesMax: number;
}

/** Puts together a header block that comes in more than one frame (RFC 9113 section 4.3). */
export class HeaderBlock {
  readonly #bounds: HeaderBlockBounds;
  readonly #gathered = new ByteSink(0);
  #frames = 0;
  /** The stream whose block is not complete; 0 when none is. Nothing but its CONTINUATION may come then. */
  streamId = 0;
  /** Whether the HEADERS frame had END_STREAM. */
  endStream = false;

  constructor(bounds: HeaderBlockBounds) {
    this.#bounds = bounds;
  }

  /** Begins with what was in the HEADERS frame. */
  begin(streamId: number, endStream: boolean, fragment: Uint8Array): void {
    this.streamId = streamId;
    this.endStream = endStream;
    this.#gathered.renew(2 * fragment.length);
    this.#frames = 0;
    this.append(fragment);
  }

  /** Adds a frame's part. Throws ConnectionError when there is too much. */
  append(fragment: Uint8Array): void {
    this.#frames += 1;
    const { bytesMax, framesMax } = this.#bounds;
    if (this.#frames > framesMax || this.#gathered.length + fragment.length > bytesMax) {
      throw new ConnectionError(Http2Code.ENHANCE_YOUR_CALM, "a header block without end");
    }
    this.#gathered.append(fragment);
  }

  /** Ends the block and gives it; the bytes are the caller's. */
  finish(): Uint8Array {
    this.streamId = 0;
    const block = this.#gathered.view();
    this.#gathered.renew(0);
    return block;
  }
}
