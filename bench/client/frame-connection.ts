import type { Socket } from "node:net";
import {
  Flag,
  FRAME_HEADER_BYTES,
  FRAME_PAYLOAD_BYTES_DEFAULT,
  FrameType,
  PREFACE,
  WINDOW_BYTES_DEFAULT,
  WINDOW_BYTES_MAX,
} from "../../src/main/http2/frame-format.js";
import type { FrameHead } from "../../src/main/http2/frame-writer.js";
import { MESSAGE_PREFIX_BYTES } from "../../src/main/http2/grpc/message-reader.js";
import { SettingId } from "../../src/main/http2/settings.js";
import { connectSocket } from "./connect-socket.js";
import type { Connection, OnAnswer, OpenStream, StreamEvents } from "./connection.js";
import { frame, newFrame, settingsFrame, windowUpdateFrame } from "./frames.js";
import { MessageAssembler } from "./message-assembler.js";
import type { ConnectOptions } from "./open-connection.js";
import { RequestHeaders } from "./request-headers.js";
import { statusText } from "./status-text.js";
import { StatusReader } from "./trailers.js";

const EMPTY = Buffer.alloc(0);
/** Received bytes after which the window is opened again by as much. */
const WINDOW_REFILL_BYTES = 2 ** 24;

interface Stream {
  readonly id: number;
  readonly events: StreamEvents;
  readonly assembler: MessageAssembler;
  sendWindow: number;
  /** GRPC frames that wait for the peer's windows, and whether the stream ends behind them. */
  unsent: Buffer[];
  endsAfterSending: boolean;
  hasEndedSending: boolean;
  receivedBytes: number;
}

/**
 * HTTP/2 for a load generator: frames straight on a socket, one write for all requests that one
 * read of answers caused. Costs a tenth of what grpc-js does, so that the server is what gets
 * measured.
 */
export class FrameConnection implements Connection {
  readonly #socket: Socket;
  readonly #headers: RequestHeaders;
  readonly #statuses = new StatusReader();
  readonly #streams = new Map<number, Stream>();
  readonly #blocked = new Set<Stream>();
  #nextStreamId = 1;
  #sendWindow = WINDOW_BYTES_DEFAULT;
  #streamWindow = WINDOW_BYTES_DEFAULT;
  #frameBytesMax = FRAME_PAYLOAD_BYTES_DEFAULT;
  #streamsMax = Number.POSITIVE_INFINITY;
  #receivedBytes = 0;
  #outgoing: Uint8Array[] = [];
  #incoming: Buffer = EMPTY;
  #broken: Error | undefined;
  #onSettings: () => void = () => {};
  #onBroken: (error: Error) => void = () => {};

  private constructor(target: string, { tls, token }: ConnectOptions) {
    this.#headers = new RequestHeaders({ authority: target, isTls: tls !== undefined, token });
    this.#socket = connectSocket(target, tls);
    this.#socket.on("data", (bytes: Buffer) => this.#receive(bytes));
    this.#socket.on("error", (error) =>
      this.#break(new Error(`${target}: ${error.message}`, { cause: error })),
    );
    this.#socket.on("close", () => this.#break(new Error(`${target} closed the connection`)));
    const settings: [number, number][] = [
      // Without a table, what a block means does not depend on the blocks before it.
      [SettingId.HEADER_TABLE_SIZE, 0],
      [SettingId.ENABLE_PUSH, 0],
      [SettingId.INITIAL_WINDOW_SIZE, WINDOW_BYTES_MAX],
    ];
    this.#write(PREFACE);
    this.#write(settingsFrame(settings));
    this.#write(windowUpdateFrame(0, WINDOW_BYTES_MAX - WINDOW_BYTES_DEFAULT));
  }

  /** Connects to `host:port` and waits for the server's settings. */
  static connect(target: string, options: ConnectOptions): Promise<FrameConnection> {
    const { timeoutMs } = options;
    const connection = new FrameConnection(target, options);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        connection.close();
        reject(new Error(`cannot connect to ${target} in ${timeoutMs} ms`));
      }, timeoutMs);
      connection.#onSettings = () => {
        clearTimeout(timer);
        resolve(connection);
      };
      connection.#onBroken = (error) => {
        clearTimeout(timer);
        reject(error);
      };
    });
  }

  unary(path: string, message: Buffer, onAnswer: OnAnswer): void {
    let answer: Buffer = EMPTY;
    const events = {
      onMessage: (bytes: Buffer) => {
        answer = bytes;
      },
      onEnd: (failure: Error | undefined) => onAnswer(failure, answer),
    };
    const stream = this.#open(path, events, true);
    if (stream !== undefined) this.#send(stream, message);
  }

  bidi(path: string, events: StreamEvents): OpenStream {
    const stream = this.#open(path, events, false);
    return {
      send: (message) => {
        if (stream !== undefined) this.#send(stream, message);
      },
      end: () => {
        if (stream !== undefined) this.#endSending(stream);
      },
    };
  }

  close(): void {
    this.#socket.destroy();
  }

  #open(path: string, events: StreamEvents, endsAfterSending: boolean): Stream | undefined {
    const fault =
      this.#broken ??
      (this.#streams.size >= this.#streamsMax
        ? new Error(`the server takes ${this.#streamsMax} streams per connection: raise --conns`)
        : undefined);
    if (fault !== undefined) {
      setImmediate(() => events.onEnd(fault));
      return undefined;
    }
    const id = this.#nextStreamId;
    this.#nextStreamId += 2;
    const stream: Stream = {
      id,
      events,
      assembler: new MessageAssembler(),
      sendWindow: this.#streamWindow,
      unsent: [],
      endsAfterSending,
      hasEndedSending: endsAfterSending,
      receivedBytes: 0,
    };
    this.#streams.set(id, stream);
    const header = { type: FrameType.HEADERS, flags: Flag.END_HEADERS, streamId: id };
    this.#write(frame(header, this.#headers.block(path)));
    return stream;
  }

  #send(stream: Stream, message: Buffer): void {
    const bytes = MESSAGE_PREFIX_BYTES + message.length;
    const room = Math.min(this.#sendWindow, stream.sendWindow, this.#frameBytesMax);
    if (bytes > room || stream.unsent.length > 0) {
      const prefix = Buffer.alloc(MESSAGE_PREFIX_BYTES);
      prefix.writeUInt32BE(message.length, 1);
      stream.unsent.push(Buffer.concat([prefix, message]));
      this.#blocked.add(stream);
      this.#sendBlocked();
      return;
    }
    const flags = stream.endsAfterSending ? Flag.END_STREAM : 0;
    const whole = newFrame({ type: FrameType.DATA, flags, streamId: stream.id }, bytes);
    whole[FRAME_HEADER_BYTES] = 0;
    whole.writeUInt32BE(message.length, FRAME_HEADER_BYTES + 1);
    whole.set(message, FRAME_HEADER_BYTES + MESSAGE_PREFIX_BYTES);
    this.#spendWindow(stream, bytes);
    this.#write(whole);
  }

  #endSending(stream: Stream): void {
    if (stream.hasEndedSending || !this.#streams.has(stream.id)) return;
    stream.hasEndedSending = true;
    if (stream.unsent.length > 0) {
      stream.endsAfterSending = true;
      return;
    }
    this.#write(
      frame({ type: FrameType.DATA, flags: Flag.END_STREAM, streamId: stream.id }, EMPTY),
    );
  }

  /** Sends what waited, as far as the windows go. */
  #sendBlocked(): void {
    for (const stream of this.#blocked) {
      for (;;) {
        const room = Math.min(this.#sendWindow, stream.sendWindow, this.#frameBytesMax);
        const [next] = stream.unsent;
        if (next === undefined || room <= 0) break;
        const piece = next.subarray(0, room);
        if (piece.length === next.length) stream.unsent.shift();
        else stream.unsent[0] = next.subarray(piece.length);
        const last = stream.endsAfterSending && stream.unsent.length === 0;
        const flags = last ? Flag.END_STREAM : 0;
        this.#spendWindow(stream, piece.length);
        this.#write(frame({ type: FrameType.DATA, flags, streamId: stream.id }, piece));
      }
      if (stream.unsent.length === 0) this.#blocked.delete(stream);
    }
  }

  #spendWindow(stream: Stream, bytes: number): void {
    this.#sendWindow -= bytes;
    stream.sendWindow -= bytes;
  }

  /** Collects what is to be written until the event that caused it has been dealt with. */
  #write(bytes: Uint8Array): void {
    if (this.#outgoing.length === 0) queueMicrotask(() => this.#flush());
    this.#outgoing.push(bytes);
  }

  #flush(): void {
    const [only] = this.#outgoing;
    const all =
      this.#outgoing.length === 1 && only !== undefined ? only : Buffer.concat(this.#outgoing);
    this.#outgoing = [];
    if (this.#broken === undefined) this.#socket.write(all);
  }

  #receive(bytes: Buffer): void {
    const all = this.#incoming.length === 0 ? bytes : Buffer.concat([this.#incoming, bytes]);
    let offset = 0;
    while (all.length - offset >= FRAME_HEADER_BYTES) {
      const start = offset + FRAME_HEADER_BYTES;
      const end = start + all.readUIntBE(offset, 3);
      if (all.length < end) break;
      const header = {
        type: all[offset + 3] ?? 0,
        flags: all[offset + 4] ?? 0,
        streamId: all.readUInt32BE(offset + 5),
      };
      this.#handle(header, all.subarray(start, end));
      offset = end;
    }
    this.#incoming = all.subarray(offset);
  }

  #handle(header: FrameHead, payload: Buffer): void {
    switch (header.type) {
      case FrameType.DATA:
        return this.#data(header, payload);
      case FrameType.HEADERS:
        return this.#responseHeaders(header, payload);
      case FrameType.RST_STREAM:
        return this.#end(
          header.streamId,
          new Error(`stream reset, code ${payload.readUInt32BE()}`),
        );
      case FrameType.SETTINGS:
        return this.#settings(header, payload);
      case FrameType.PING:
        if ((header.flags & Flag.ACK) === 0)
          this.#write(frame({ ...header, flags: Flag.ACK }, payload));
        return;
      case FrameType.GOAWAY:
        return this.#break(new Error(`the server said goodbye: ${payload.toString("latin1", 8)}`));
      case FrameType.WINDOW_UPDATE:
        return this.#windowUpdate(header.streamId, payload.readUInt32BE());
      case FrameType.CONTINUATION:
        return this.#break(new Error("response headers longer than a frame are not understood"));
      default:
    }
  }

  #data(header: FrameHead, payload: Buffer): void {
    const stream = this.#streams.get(header.streamId);
    this.#receivedBytes += payload.length;
    if (this.#receivedBytes >= WINDOW_REFILL_BYTES) {
      this.#write(windowUpdateFrame(0, this.#receivedBytes));
      this.#receivedBytes = 0;
    }
    if (stream === undefined) return;
    stream.receivedBytes += payload.length;
    if (stream.receivedBytes >= WINDOW_REFILL_BYTES) {
      this.#write(windowUpdateFrame(stream.id, stream.receivedBytes));
      stream.receivedBytes = 0;
    }
    stream.assembler.push(withoutPadding(header, payload), stream.events.onMessage);
    if ((header.flags & Flag.END_STREAM) !== 0) this.#end(stream.id, new Error("no trailers"));
  }

  #responseHeaders(header: FrameHead, payload: Buffer): void {
    if ((header.flags & Flag.END_STREAM) === 0) return;
    const status = this.#statuses.read(withoutPadding(header, payload));
    this.#end(header.streamId, status === 0 ? undefined : new Error(statusText(status)));
  }

  #settings(header: FrameHead, payload: Buffer): void {
    if ((header.flags & Flag.ACK) !== 0) return;
    for (let offset = 0; offset + 6 <= payload.length; offset += 6) {
      this.#setting(payload.readUInt16BE(offset), payload.readUInt32BE(offset + 2));
    }
    this.#write(frame({ type: FrameType.SETTINGS, flags: Flag.ACK, streamId: 0 }, EMPTY));
    this.#onSettings();
    this.#sendBlocked();
  }

  #setting(id: number, value: number): void {
    if (id === SettingId.MAX_CONCURRENT_STREAMS) this.#streamsMax = value;
    if (id === SettingId.MAX_FRAME_SIZE) this.#frameBytesMax = value;
    if (id === SettingId.INITIAL_WINDOW_SIZE) {
      for (const stream of this.#streams.values()) stream.sendWindow += value - this.#streamWindow;
      this.#streamWindow = value;
    }
    // RequestHeaders counts on the default of 4,096 bytes, of which it needs a few hundred.
    if (id === SettingId.HEADER_TABLE_SIZE && value < 4096) {
      this.#break(new Error(`the server's header table is too small: ${value} bytes`));
    }
  }

  #windowUpdate(streamId: number, bytes: number): void {
    if (streamId === 0) this.#sendWindow += bytes;
    const stream = this.#streams.get(streamId);
    if (stream !== undefined) stream.sendWindow += bytes;
    this.#sendBlocked();
  }

  #end(streamId: number, failure: Error | undefined): void {
    const stream = this.#streams.get(streamId);
    if (stream === undefined) return;
    this.#streams.delete(streamId);
    this.#blocked.delete(stream);
    stream.events.onEnd(failure);
  }

  #break(error: Error): void {
    if (this.#broken !== undefined) return;
    this.#broken = error;
    this.#socket.destroy();
    this.#onBroken(error);
    for (const id of [...this.#streams.keys()]) this.#end(id, error);
  }
}

/** The part of a DATA or HEADERS payload that is not padding, RFC 9113 section 6.1. */
function withoutPadding(header: FrameHead, payload: Buffer): Buffer {
  if ((header.flags & Flag.PADDED) === 0) return payload;
  return payload.subarray(1, payload.length - (payload[0] ?? 0));
}
