import { AnswerHeaders } from "../../../src/main/http2/grpc/answer-headers.js";
import { sendMessage } from "../../../src/main/http2/grpc/send-message.js";
import type { DecodedHeaders } from "../../../src/main/http2/hpack/header-field.js";
import {
  type ConnectionBounds,
  type ConnectionHost,
  ServerConnection,
} from "../../../src/main/http2/server-connection.js";
import type { ServerStream, StreamConsumer } from "../../../src/main/http2/server-stream.js";
import { ClientFrames, FrameTeller } from "./frames.js";

/** Small bounds, so that tests reach them. */
export const BOUNDS: ConnectionBounds = {
  streamsMax: 100,
  streamsAnnounced: 100,
  streamWindowBytes: 65_535,
  connectionWindowBytes: 1 << 20,
  headerTableBytes: 4096,
  headerListBytes: 8192,
  headerBlockFrames: 8,
  heldBytes: 1 << 20,
  turnBytes: 64 * 1024,
  credit: { burstMax: 500, perSecond: 100 },
  times: {
    prefaceTimeoutMs: 1000,
    settingsTimeoutMs: 3000,
    keepaliveIntervalMs: 10_000,
    keepaliveTimeoutMs: 2000,
  },
  drainTimeoutMs: 500,
  pingIntervalMinMs: 5000,
};

/** A connection without a socket: bytes of a client in, lines out, and a log of what its streams saw. */
export class Script implements ConnectionHost {
  readonly connection: ServerConnection;
  readonly client = new ClientFrames();
  readonly answers = new AnswerHeaders();
  readonly streams = new Map<number, ServerStream>();
  readonly log: string[] = [];
  /** What is done with each new stream besides taking note. */
  onOpen: (stream: ServerStream) => void = () => {};
  /** What is done when data of a stream has been sent. */
  onSent: (stream: ServerStream) => void = () => {};
  nowMs = 0;
  readonly #teller = new FrameTeller();

  constructor(bounds: Partial<ConnectionBounds> = {}) {
    this.connection = new ServerConnection({ ...BOUNDS, ...bounds }, this, 0);
  }

  /** A script after the greeting, with nothing of it left in the output. */
  static greeted(bounds: Partial<ConnectionBounds> = {}): Script {
    const script = new Script(bounds);
    script.receive(ClientFrames.greeting);
    script.sent();
    return script;
  }

  open(stream: ServerStream, { tooLarge }: DecodedHeaders): StreamConsumer {
    const { id } = stream;
    this.streams.set(id, stream);
    this.log.push(tooLarge ? `open ${id} with too many headers` : `open ${id}`);
    this.onOpen(stream);
    return {
      onData: (bytes, start, end) => {
        this.log.push(`data ${id} ${Buffer.from(bytes.subarray(start, end)).toString("latin1")}`);
      },
      onEnd: () => this.log.push(`end ${id}`),
      onReset: () => this.log.push(`reset ${id}`),
      onSent: () => this.onSent(stream),
    };
  }

  setHeaderTableBytes(bytes: number): void {
    this.answers.setTableBytesMax(bytes);
  }

  wake(): void {}

  receive(...chunks: readonly Uint8Array[]): void {
    for (const chunk of chunks) this.connection.receive(chunk, this.nowMs);
  }

  /** Passes time. */
  tick(ms: number): void {
    this.nowMs += ms;
    this.connection.tick(this.nowMs);
  }

  /** A message on a stream, with headers before the first. */
  send(streamId: number, bytes: Uint8Array): void {
    const stream = this.streams.get(streamId);
    if (stream === undefined) return;
    if (!stream.headersSent) stream.sendHeaders(this.answers.headers(), false);
    sendMessage(stream, bytes, bytes.length);
  }

  /** Ends a stream with status OK. */
  finish(streamId: number): void {
    this.streams.get(streamId)?.finish(this.answers.ok);
  }

  /** Takes a turn's worth of output and says what is in it. */
  sent(): string[] {
    this.connection.sender.pump();
    const pieces: Uint8Array[] = [];
    const { output } = this.connection;
    output.writeTo((bytes) => pieces.push(Buffer.from(bytes)));
    output.release(true);
    return this.#teller.tell(Buffer.concat(pieces));
  }
}
