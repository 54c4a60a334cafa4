// Hot file: an answer's headers and trailers are two bytes and one, copied from here.
import { type ErrorFacts, GrpcStatus } from "../../../shared/errors.js";
import { ByteSink } from "../byte-sink.js";
import { HpackEncoder } from "../hpack/encoder.js";
import type { Trailers } from "../server-stream.js";
import { encodeStatusText } from "./status-text.js";

const CONTENT_TYPE = "application/grpc";

/** The header blocks of one connection's answers. Each block is valid until the next one is asked for. */
export class AnswerHeaders {
  readonly #encoder = new HpackEncoder();
  readonly #scratch = new ByteSink(64);
  readonly #headers = new KeptBlock();
  readonly #trailers = new KeptBlock();

  readonly #encodeHeaders = (): void => {
    this.#field(":status", "200", "index");
    this.#field("content-type", CONTENT_TYPE, "index");
  };
  readonly #encodeTrailers = (): void => this.#status(undefined);

  /** The trailers of an answer without failure. */
  readonly ok: Trailers = { block: () => this.#kept(this.#trailers, this.#encodeTrailers) };

  /** The peer's SETTINGS_HEADER_TABLE_SIZE. */
  setTableBytesMax(bytes: number): void {
    this.#encoder.setTableBytesMax(bytes);
  }

  /** The headers before the first message. */
  headers(): Uint8Array {
    return this.#kept(this.#headers, this.#encodeHeaders);
  }

  /** The trailers of a failure. */
  failed(failure: ErrorFacts): Trailers {
    return {
      block: () => {
        this.#scratch.reset();
        this.#status(failure);
        return this.#scratch.view();
      },
    };
  }

  /** The whole of an answer without messages, failed or not. */
  trailersOnly(failure: ErrorFacts | undefined): Uint8Array {
    return this.refusal(200, failure);
  }

  /** An answer without messages whose HTTP status says it too. */
  refusal(httpStatus: number, failure: ErrorFacts | undefined): Uint8Array {
    this.#scratch.reset();
    this.#field(":status", String(httpStatus), httpStatus === 200 ? "index" : "plain");
    this.#field("content-type", CONTENT_TYPE, "index");
    this.#status(failure);
    return this.#scratch.view();
  }

  #status(failure: ErrorFacts | undefined): void {
    const status = failure?.status ?? GrpcStatus.OK;
    this.#field("grpc-status", String(status), "index");
    // Texts name keys and paths: as many as there are calls, so not for the table.
    if (failure !== undefined && failure.message !== "") {
      this.#field("grpc-message", encodeStatusText(failure.message), "plain");
    }
  }

  #field(name: string, value: string, indexing: "index" | "plain"): void {
    this.#encoder.encode(this.#scratch, name, value, indexing);
  }

  #kept(block: KeptBlock, encode: () => void): Uint8Array {
    if (block.version === this.#encoder.version) return block.bytes;
    const { version } = this.#encoder;
    this.#scratch.reset();
    encode();
    // A block that changed the table means something else the second time.
    if (this.#encoder.version !== version) return this.#scratch.view();
    block.version = version;
    block.bytes = this.#scratch.view().slice();
    return block.bytes;
  }
}

/** An encoded block, and the version of the table at which it means what it should. */
class KeptBlock {
  bytes = new Uint8Array(0);
  version = -1;
}
