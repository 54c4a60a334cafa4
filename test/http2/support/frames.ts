import { ByteSink } from "../../../src/main/http2/byte-sink.js";
import { Http2Code } from "../../../src/main/http2/error-code.js";
import { Flag, FrameType, PREFACE } from "../../../src/main/http2/frame-format.js";
import { FrameReader } from "../../../src/main/http2/frame-reader.js";
import { HpackDecoder } from "../../../src/main/http2/hpack/decoder.js";
import { HpackEncoder } from "../../../src/main/http2/hpack/encoder.js";

/** One frame as bytes; nothing about it is checked. */
export function frame(
  type: number,
  flags: number,
  streamId: number,
  payload: Uint8Array | readonly number[] = [],
): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(streamId, 5);
  return Buffer.concat([head, Uint8Array.from(payload)]);
}

/** A number in four bytes. */
export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** A SETTINGS payload. */
export function settings(...pairs: readonly (readonly [id: number, value: number])[]): Buffer {
  return Buffer.concat(
    pairs.flatMap(([id, value]) => [Buffer.from([id >>> 8, id & 0xff]), uint32(value)]),
  );
}

/** A length-prefixed message. */
export function message(text: string): Buffer {
  return Buffer.concat([Buffer.from([0]), uint32(text.length), Buffer.from(text, "latin1")]);
}

/** Header fields of a gRPC call. */
export const CALL_FIELDS: readonly (readonly [name: string, value: string])[] = [
  [":method", "POST"],
  [":scheme", "http"],
  [":path", "/t.T/Echo"],
  [":authority", "localhost"],
  ["content-type", "application/grpc"],
  ["te", "trailers"],
];

/** How the headers of a call differ from the usual ones. */
export interface CallHeaders {
  readonly end?: boolean;
  readonly path?: string;
  readonly extra?: readonly (readonly [name: string, value: string])[];
}

/** What a client sends, with an HPACK table of its own. */
export class ClientFrames {
  readonly #encoder = new HpackEncoder();

  /** The preface and empty SETTINGS. */
  static readonly greeting: Buffer = Buffer.concat([
    PREFACE,
    frame(FrameType.SETTINGS, 0, 0),
    frame(FrameType.SETTINGS, Flag.ACK, 0),
  ]);

  /** A header block. */
  block(fields: readonly (readonly [string, string])[] = CALL_FIELDS): Buffer {
    const sink = new ByteSink();
    for (const [name, value] of fields) this.#encoder.encode(sink, name, value, "index");
    return Buffer.from(sink.view());
  }

  /** A HEADERS frame with all headers of a call; `extra` fields behind the usual ones. */
  headers(streamId: number, { end = false, path = "/t.T/Echo", extra = [] }: CallHeaders = {}) {
    const flags = Flag.END_HEADERS | (end ? Flag.END_STREAM : 0);
    const usual = CALL_FIELDS.map(([name, value]): readonly [string, string] => [
      name,
      name === ":path" ? path : value,
    ]);
    return frame(FrameType.HEADERS, flags, streamId, this.block([...usual, ...extra]));
  }

  /** DATA. */
  data(streamId: number, payload: Uint8Array, end = false): Buffer {
    return frame(FrameType.DATA, end ? Flag.END_STREAM : 0, streamId, payload);
  }
}

const CODE_NAMES = new Map(Object.entries(Http2Code).map(([name, code]) => [Number(code), name]));

/** Says in one line each what frames of a server are; HPACK state is kept from one call to the next. */
export class FrameTeller {
  readonly #reader = new FrameReader(1 << 24);
  readonly #decoder = new HpackDecoder({ tableBytesMax: 4096, listBytesMax: 1 << 20 });
  #block: Buffer[] = [];

  tell(bytes: Uint8Array): string[] {
    const lines: string[] = [];
    this.#reader.feed(bytes);
    while (this.#reader.next()) lines.push(this.#line());
    return lines;
  }

  #line(): string {
    const { type, flags, streamId, bytes, start, end } = this.#reader;
    const payload = Buffer.from(bytes.subarray(start, end));
    const last = (flags & Flag.END_STREAM) !== 0 ? " end" : "";
    const code = (at: number): string => CODE_NAMES.get(payload.readUInt32BE(at)) ?? "unknown";
    switch (type) {
      case FrameType.DATA:
        return `DATA ${streamId} ${payload.length}${last}`;
      case FrameType.HEADERS:
      case FrameType.CONTINUATION:
        this.#block.push(payload);
        if ((flags & Flag.END_HEADERS) === 0) return `part of a block ${streamId}`;
        return `HEADERS ${streamId}${last} ${this.#fields()}`;
      case FrameType.RST_STREAM:
        return `RST_STREAM ${streamId} ${code(0)}`;
      case FrameType.SETTINGS:
        return (flags & Flag.ACK) === 0 ? "SETTINGS" : "SETTINGS ack";
      case FrameType.PING:
        return (flags & Flag.ACK) === 0 ? "PING" : `PING ack ${payload.toString("hex")}`;
      case FrameType.GOAWAY:
        return `GOAWAY ${payload.readUInt32BE(0)} ${code(4)} ${payload.subarray(8)}`.trim();
      case FrameType.WINDOW_UPDATE:
        return `WINDOW_UPDATE ${streamId} ${payload.readUInt32BE(0)}`;
      default:
        return `type ${type}`;
    }
  }

  #fields(): string {
    const { fields } = this.#decoder.decode(Buffer.concat(this.#block));
    this.#block = [];
    return fields.map(({ name, value }) => `${name}=${value}`).join(" ");
  }
}
