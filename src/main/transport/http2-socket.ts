// Hot file: one write per connection and turn.
import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import {
  HTTP2_LINGER_MS,
  HTTP2_OUTPUT_PAUSE_BYTES,
  HTTP2_OUTPUT_RESUME_BYTES,
  HTTP2_OUTPUT_STALL_MS,
  HTTP2_QUEUED_ANSWERS_MIN,
  HTTP2_QUEUED_BYTES_MAX,
} from "../../shared/limits.js";
import { AnswerHeaders } from "../http2/grpc/answer-headers.js";
import { HeadMemo } from "../http2/grpc/head-memo.js";
import type { DecodedHeaders } from "../http2/hpack/header-field.js";
import {
  type ConnectionBounds,
  type ConnectionHost,
  ServerConnection,
} from "../http2/server-connection.js";
import type { ServerStream, StreamConsumer } from "../http2/server-stream.js";
import { clientAddress } from "./client-address.js";
import type { CallOrigin, Http2Call } from "./http2-call.js";

/** What a connection asks of its transport. */
export interface Http2SocketOwner {
  readonly bounds: ConnectionBounds;
  /** Takes a request. */
  open(
    stream: ServerStream,
    headers: DecodedHeaders,
    origin: CallOrigin,
  ): StreamConsumer | undefined;
  /** Has `flush` called when the code that runs now has run. */
  flushSoon(socket: Http2Socket): void;
  /** Has `flush` called in the next turn of the event loop. */
  flushNextTurn(socket: Http2Socket): void;
  closed(socket: Http2Socket): void;
}

/** The socket of one connection: bytes in, and out in one write per turn; never more than the socket takes. */
export class Http2Socket implements ConnectionHost, CallOrigin {
  readonly peer: string;
  readonly answers = new AnswerHeaders();
  readonly heads = new HeadMemo();
  readonly #socket: Duplex;
  readonly #owner: Http2SocketOwner;
  readonly #connection: ServerConnection;
  /** Calls whose requests wait until the client has taken answers. */
  #heldBack = new Set<Http2Call>();
  /** A flush is on its way, or is running. */
  #isWoken = false;
  #isReadPaused = false;
  /** Monotonic milliseconds since which the socket has taken nothing, or has been told to close. */
  #stalledMs: number | undefined;
  #endedMs: number | undefined;
  readonly #write = (bytes: Uint8Array): void => {
    this.#socket.write(bytes);
  };

  constructor(socket: Duplex, owner: Http2SocketOwner) {
    this.#socket = socket;
    this.#owner = owner;
    this.peer = clientAddress(socket instanceof Socket ? socket : {});
    this.#connection = new ServerConnection(owner.bounds, this, performance.now());
    socket.on("data", (chunk: Uint8Array) => this.#receive(chunk));
    socket.on("drain", () => this.flush());
    socket.on("end", () => this.#peerEnded());
    // What breaks a connection is no news; its close follows.
    socket.on("error", ignore);
    socket.once("close", () => this.#closed());
    socket.resume();
  }

  // What the connection asks of its host.

  open(stream: ServerStream, headers: DecodedHeaders): StreamConsumer | undefined {
    return this.#owner.open(stream, headers, this);
  }

  setHeaderTableBytes(bytes: number): void {
    this.answers.setTableBytesMax(bytes);
  }

  wake(): void {
    if (this.#isWoken) return;
    this.#isWoken = true;
    this.#owner.flushSoon(this);
  }

  // What calls ask of their connection.

  holdsBack(call: Http2Call): boolean {
    const { queuedBytes, queuedStreams } = this.#connection.sender;
    // A few answers, however large, hold up nobody: small ones go past them.
    if (queuedBytes < HTTP2_QUEUED_BYTES_MAX || queuedStreams < HTTP2_QUEUED_ANSWERS_MIN) {
      return false;
    }
    this.#heldBack.add(call);
    return true;
  }

  forget(call: Http2Call): void {
    if (this.#heldBack.size > 0) this.#heldBack.delete(call);
  }

  // What the transport asks.

  /** Sends the client elsewhere. */
  drain(): void {
    this.#connection.drain(performance.now());
  }

  /** Looks at the clock. */
  tick(nowMs: number): void {
    this.#connection.tick(nowMs);
    const isStalled = nowMs - (this.#stalledMs ?? nowMs) > HTTP2_OUTPUT_STALL_MS;
    const isEnded = nowMs - (this.#endedMs ?? nowMs) > HTTP2_LINGER_MS;
    if (isStalled || isEnded) this.#socket.destroy();
    if (this.#socket.writableNeedDrain) this.#stalledMs ??= nowMs;
    if (this.#connection.isOver) this.#endedMs ??= nowMs;
  }

  /** Writes what there is, at most a turn's worth of data; the rest in the next turn, or when there is room. */
  flush(): void {
    const socket = this.#socket;
    const connection = this.#connection;
    this.#isWoken = true;
    if (!socket.writableNeedDrain && !socket.writableEnded) {
      connection.sender.pump();
      this.#writeOutput();
    }
    if (this.#heldBack.size > 0) this.#letGo();
    this.#isWoken = false;
    this.#balanceReading();
    if (socket.writableNeedDrain || socket.writableEnded) return;
    this.#stalledMs = undefined;
    if (connection.isOver) socket.end();
    else if (connection.output.length > 0 || connection.sender.canPump) {
      this.#isWoken = true;
      this.#owner.flushNextTurn(this);
    }
  }

  #letGo(): void {
    const { queuedBytes, queuedStreams } = this.#connection.sender;
    const isFull = queuedBytes >= HTTP2_QUEUED_BYTES_MAX / 2;
    if (isFull && queuedStreams >= HTTP2_QUEUED_ANSWERS_MIN) return;
    const calls = this.#heldBack;
    this.#heldBack = new Set();
    // Those that fill the queue again hold back the rest.
    for (const call of calls) if (!call.ended) call.readMessages();
  }

  #writeOutput(): void {
    const { output } = this.#connection;
    if (output.length === 0) return;
    const socket = this.#socket;
    if (output.isOnePiece) output.writeTo(this.#write);
    else {
      socket.cork();
      output.writeTo(this.#write);
      socket.uncork();
    }
    // Nothing left inside the stream: it has called back, and reads the memory no more.
    output.release(socket.writableLength === 0);
  }

  #receive(chunk: Uint8Array): void {
    this.#connection.receive(chunk, performance.now());
    if (this.#connection.output.length > HTTP2_OUTPUT_PAUSE_BYTES) this.#balanceReading();
  }

  /** A peer that does not take its answers is not read either: what it can make us keep has an end. */
  #balanceReading(): void {
    const bytes = this.#connection.output.length + this.#socket.writableLength;
    if (!this.#isReadPaused && bytes > HTTP2_OUTPUT_PAUSE_BYTES) {
      this.#isReadPaused = true;
      this.#socket.pause();
    } else if (this.#isReadPaused && bytes <= HTTP2_OUTPUT_RESUME_BYTES) {
      this.#isReadPaused = false;
      this.#socket.resume();
    }
  }

  #peerEnded(): void {
    this.#connection.lost();
    this.#socket.destroy();
  }

  #closed(): void {
    this.#connection.lost();
    this.#owner.closed(this);
  }
}

function ignore(): void {}
