import type { Duplex } from "node:stream";
import { assert, unreachable } from "../../shared/assert.js";
import {
  HTTP2_CONNECTION_WINDOW_BYTES,
  HTTP2_DRAIN_TIMEOUT_MS,
  HTTP2_HEADER_BLOCK_FRAMES_MAX,
  HTTP2_HEADER_LIST_BYTES,
  HTTP2_HEADER_TABLE_BYTES,
  HTTP2_HELD_BYTES_MAX,
  HTTP2_PREFACE_TIMEOUT_MS,
  HTTP2_SETTINGS_TIMEOUT_MS,
  HTTP2_STREAM_WINDOW_BYTES,
  HTTP2_STREAMS_MAX,
  HTTP2_TURN_OUTPUT_BYTES,
  HTTP2_USELESS_FRAMES_BURST,
  HTTP2_USELESS_FRAMES_PER_SECOND,
} from "../../shared/limits.js";
import { Http2Code } from "../http2/error-code.js";
import type { RequestHead } from "../http2/grpc/request-head.js";
import type { DecodedHeaders } from "../http2/hpack/header-field.js";
import type { ConnectionBounds } from "../http2/server-connection.js";
import type { ServerStream, StreamConsumer } from "../http2/server-stream.js";
import { HEADERS_TOO_LARGE, noDecompressor, unimplemented } from "./failure-text.js";
import type { CallOrigin, CallParts, Http2Call, Http2CallSettings } from "./http2-call.js";
import { BidiHttp2Call, ServerStreamHttp2Call, UnaryHttp2Call } from "./http2-calls.js";
import { Http2Deadlines } from "./http2-deadlines.js";
import { isKnownEncoding } from "./http2-inflate.js";
import { Http2Socket, type Http2SocketOwner } from "./http2-socket.js";
import type { RpcMethod } from "./method.js";
import type { RpcTransport, TransportOptions } from "./rpc-transport.js";

/** The longest and the shortest time between two looks at the clock. */
const TICK_MS_MAX = 1000;
const TICK_MS_MIN = 10;

/** The seam on the own HTTP/2 engine (src/main/http2/README.md). */
export class Http2Transport implements RpcTransport, Http2SocketOwner {
  readonly bounds: ConnectionBounds;
  readonly #starters = new Map<string, CallStarter>();
  readonly #services: ReadonlySet<string>;
  readonly #sockets = new Set<Http2Socket>();
  readonly #tickMs: number;
  #woken: Http2Socket[] = [];
  #nextTurn: Http2Socket[] = [];
  #timer: NodeJS.Timeout | undefined;
  readonly #flushWoken = (): void => {
    const woken = this.#woken;
    this.#woken = [];
    for (const socket of woken) socket.flush();
  };
  readonly #flushTurn = (): void => {
    const sockets = this.#nextTurn;
    this.#nextTurn = [];
    for (const socket of sockets) socket.flush();
  };

  constructor(options: TransportOptions) {
    this.bounds = connectionBounds(options);
    const deadlines = new Http2Deadlines();
    const { receiveBytesMax, onBug } = options;
    for (const method of options.methods) {
      assert(!this.#starters.has(method.path), "a method is in the table twice", {
        path: method.path,
      });
      const observer = options.observer.forMethod(method);
      const settings = { observer, receiveBytesMax, deadlines, onBug };
      this.#starters.set(method.path, callStarter(method, settings));
    }
    this.#services = new Set(
      options.methods.map(({ path }) => path.slice(1, path.lastIndexOf("/"))),
    );
    const { keepaliveIntervalMs, keepaliveTimeoutMs } = options;
    const shortestMs =
      Math.min(keepaliveIntervalMs || TICK_MS_MAX, keepaliveTimeoutMs || TICK_MS_MAX) / 2;
    this.#tickMs = Math.max(TICK_MS_MIN, Math.min(TICK_MS_MAX, shortestMs));
  }

  accept(connection: Duplex): void {
    if (connection.destroyed) return;
    this.#sockets.add(new Http2Socket(connection, this));
    this.#timer ??= setInterval(() => this.#tick(), this.#tickMs).unref();
  }

  drain(): void {
    for (const socket of this.#sockets) socket.drain();
  }

  open(
    stream: ServerStream,
    headers: DecodedHeaders,
    origin: CallOrigin,
  ): StreamConsumer | undefined {
    if (headers.tooLarge) {
      stream.sendHeaders(origin.answers.refusal(431, HEADERS_TOO_LARGE), true);
      return undefined;
    }
    const request = this.#parsed(headers, origin);
    const { head, starter } = request;
    if (head.problem !== undefined) {
      refuse(stream, head.problem, origin);
      return undefined;
    }
    stream.bytesExpected = head.bodyBytes;
    if (starter !== undefined && isKnownEncoding(head.encoding)) {
      const call = starter({ stream, head, origin });
      // Such a deadline has passed before anything else can happen.
      if (head.timeoutMs === 0) call.expire();
      return call;
    }
    const failure =
      starter === undefined
        ? unimplemented(head.path, this.#services)
        : noDecompressor(head.encoding);
    stream.sendHeaders(origin.answers.trailersOnly(failure), true);
    return undefined;
  }

  flushSoon(socket: Http2Socket): void {
    this.#woken.push(socket);
    // One task for all: it runs when the answers of this turn (a chunk, a ring that is drained) have been given.
    if (this.#woken.length === 1) queueMicrotask(this.#flushWoken);
  }

  flushNextTurn(socket: Http2Socket): void {
    this.#nextTurn.push(socket);
    if (this.#nextTurn.length === 1) setImmediate(this.#flushTurn);
  }

  closed(socket: Http2Socket): void {
    this.#sockets.delete(socket);
    if (this.#sockets.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #tick(): void {
    const nowMs = performance.now();
    for (const socket of this.#sockets) socket.tick(nowMs);
  }

  #parsed(headers: DecodedHeaders, origin: CallOrigin): ParsedRequest {
    if (headers.parsed instanceof ParsedRequest) return headers.parsed;
    const head = origin.heads.parse(headers.fields);
    const request = new ParsedRequest(head, this.#starters.get(head.path));
    headers.parsed = request;
    return request;
  }
}

/** What a header block means to this transport; found again with the block. */
class ParsedRequest {
  readonly head: RequestHead;
  readonly starter: CallStarter | undefined;

  constructor(head: RequestHead, starter: CallStarter | undefined) {
    this.head = head;
    this.starter = starter;
  }
}

type CallStarter = (parts: CallParts) => Http2Call;

function callStarter(method: RpcMethod, settings: Http2CallSettings): CallStarter {
  switch (method.kind) {
    case "unary":
      return (parts) => new UnaryHttp2Call(method, parts, settings);
    case "server-stream":
      return (parts) => new ServerStreamHttp2Call(method, parts, settings);
    case "bidi":
      return (parts) => {
        const call = new BidiHttp2Call(method, parts, settings);
        call.begin();
        return call;
      };
    default:
      return unreachable(method);
  }
}

function refuse(
  stream: ServerStream,
  problem: NonNullable<RequestHead["problem"]>,
  origin: CallOrigin,
): void {
  if (problem.kind === "malformed") stream.reset(Http2Code.PROTOCOL_ERROR);
  else stream.sendHeaders(origin.answers.refusal(problem.httpStatus, problem.failure), true);
}

function connectionBounds(options: TransportOptions): ConnectionBounds {
  const { concurrentStreamsMax } = options;
  return {
    streamsMax: Math.min(concurrentStreamsMax, HTTP2_STREAMS_MAX),
    streamsAnnounced: concurrentStreamsMax < 2 ** 32 - 1 ? concurrentStreamsMax : undefined,
    streamWindowBytes: HTTP2_STREAM_WINDOW_BYTES,
    connectionWindowBytes: HTTP2_CONNECTION_WINDOW_BYTES,
    headerTableBytes: HTTP2_HEADER_TABLE_BYTES,
    headerListBytes: HTTP2_HEADER_LIST_BYTES,
    headerBlockFrames: HTTP2_HEADER_BLOCK_FRAMES_MAX,
    heldBytes: HTTP2_HELD_BYTES_MAX,
    turnBytes: HTTP2_TURN_OUTPUT_BYTES,
    credit: {
      burstMax: HTTP2_USELESS_FRAMES_BURST,
      perSecond: HTTP2_USELESS_FRAMES_PER_SECOND,
    },
    times: {
      prefaceTimeoutMs: HTTP2_PREFACE_TIMEOUT_MS,
      settingsTimeoutMs: HTTP2_SETTINGS_TIMEOUT_MS,
      keepaliveIntervalMs: options.keepaliveIntervalMs,
      keepaliveTimeoutMs: options.keepaliveTimeoutMs,
    },
    drainTimeoutMs: HTTP2_DRAIN_TIMEOUT_MS,
    pingIntervalMinMs: options.keepaliveMinTimeMs,
  };
}
