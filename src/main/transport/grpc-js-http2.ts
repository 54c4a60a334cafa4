import type { EventEmitter } from "node:events";
import {
  constants,
  type Http2Session,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from "node:http2";
import type { Server } from "@grpc/grpc-js";
import { assert } from "../../shared/assert.js";
import {
  CONNECTION_WINDOW_BYTES,
  STREAM_RESETS_BURST_MAX,
  STREAM_RESETS_PER_SECOND_MAX,
  TIMER_DELAY_MS_MAX,
} from "../../shared/limits.js";
import { PingPolicy } from "./ping-policy.js";

/**
 * What grpc-js has no option for, done on the http2 server inside it: calls to unknown methods, deadlines
 * longer than a timer, header bytes outside ASCII, and clients that cancel or ping too much. The one place
 * that reaches into private fields (`commonServerOptions`, `http2Servers`); it fails at start, not later,
 * when a release moves them.
 */

/** Where calls to unknown methods are sent: register a handler that refuses them there. */
export const UNKNOWN_METHOD_PATH = "/capstan.UnknownMethod/Refuse";
/** The request header that then has the path that the client asked for. */
export const ASKED_PATH_HEADER = "capstan-asked-path";
/** Headers that may have been moved to their `-bin` form, for bytes that grpc-js would drop. */
export const MOVED_HEADERS: ReadonlySet<string> = new Set([
  ASKED_PATH_HEADER,
  "client-api-version",
]);

/** What `adaptHttp2` needs to know. */
export interface Http2Adaptation {
  /** Paths that have a handler. */
  readonly paths: ReadonlySet<string>;
  /** --grpc-keepalive-min-time. */
  readonly keepaliveMinTimeMs: number;
}

/** Bytes of a PING frame, and so of the answer to one (RFC 9113 section 6.7). */
const PING_FRAME_BYTES = 17;

/**
 * Sets how often clients may cancel calls, on Node 22 and later; Node 20 has no such option, and closes a
 * connection that cancels a thousand at once. To be called before a connection injector is made.
 */
export function setResetLimits(server: Server): void {
  const options: unknown = Reflect.get(server, "commonServerOptions");
  assert(typeof options === "object" && options !== null, "grpc-js has moved its http2 options");
  Object.assign(options, {
    streamResetBurst: STREAM_RESETS_BURST_MAX,
    streamResetRate: STREAM_RESETS_PER_SECOND_MAX,
  });
}

/** Installs the rest of the above on a server that has exactly one connection injector and no bound port. */
export function adaptHttp2(server: Server, adaptation: Http2Adaptation): void {
  const http2Server = http2ServerOf(server);
  const watches = new WeakMap<Http2Session, PingWatch>();
  http2Server.on("session", (session: ServerHttp2Session) => {
    session.setLocalWindowSize(CONNECTION_WINDOW_BYTES);
    watches.set(session, new PingWatch(session, adaptation.keepaliveMinTimeMs));
  });
  // Before grpc-js's own listener: it is given the same headers object after this one has changed it.
  http2Server.prependListener(
    "stream",
    (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
      adaptHeaders(headers, adaptation.paths);
      const watch = stream.session && watches.get(stream.session);
      watch?.opened(stream);
    },
  );
}

/** Changes the headers of one call into what grpc-js can handle. Exported for its tests. */
export function adaptHeaders(headers: IncomingHttpHeaders, paths: ReadonlySet<string>): void {
  const path = headers[":path"] ?? "";
  if (!paths.has(path)) {
    headers[`${ASKED_PATH_HEADER}-bin`] = Buffer.from(path, "latin1").toString("base64");
    headers[":path"] = UNKNOWN_METHOD_PATH;
  }
  const timeout = headers["grpc-timeout"];
  if (typeof timeout === "string" && isTooLongForTimer(timeout)) delete headers["grpc-timeout"];
  // grpc-js drops a header with bytes outside ASCII; the check of this one has to see them.
  const version = headers["client-api-version"];
  if (typeof version === "string" && !isAscii(version)) {
    delete headers["client-api-version"];
    headers["client-api-version-bin"] = Buffer.from(version, "latin1").toString("base64");
  }
}

const LONG_UNITS_MS: { readonly [unit: string]: number } = { H: 3_600_000, M: 60_000, S: 1000 };

// grpc-js cuts the milliseconds to 32 bits: a deadline a month away would be one in the past.
function isTooLongForTimer(timeout: string): boolean {
  const unitMs = LONG_UNITS_MS[timeout.slice(-1)];
  return unitMs !== undefined && Number(timeout.slice(0, -1)) * unitMs > TIMER_DELAY_MS_MAX;
}

function isAscii(text: string): boolean {
  for (let index = 0; index < text.length; index++) {
    if (text.charCodeAt(index) > 0x7e) return false;
  }
  return true;
}

/** Watches the pings of one connection. */
class PingWatch {
  readonly #session: ServerHttp2Session;
  readonly #policy: PingPolicy;
  #openCalls = 0;
  #bytesWritten = 0;

  constructor(session: ServerHttp2Session, minIntervalMs: number) {
    this.#session = session;
    this.#policy = new PingPolicy(minIntervalMs);
    session.on("ping", () => this.#pinged());
  }

  opened(stream: ServerHttp2Stream): void {
    this.#openCalls += 1;
    stream.once("close", () => {
      this.#openCalls -= 1;
    });
  }

  #pinged(): void {
    const session = this.#session;
    if (session.destroyed) return;
    // Whatever went out beside the answer to the last ping counts as an answer to the client.
    const bytesWritten = session.socket.bytesWritten;
    const sentSinceLastPing = bytesWritten - this.#bytesWritten > PING_FRAME_BYTES;
    this.#bytesWritten = bytesWritten;
    const tooMuch = this.#policy.isTooMuch({
      nowMs: performance.now(),
      openCalls: this.#openCalls,
      sentSinceLastPing,
    });
    if (!tooMuch) return;
    session.goaway(constants.NGHTTP2_ENHANCE_YOUR_CALM, 0, Buffer.from("too_many_pings"));
    // One turn later, so that the GOAWAY and its reason go out before the connection does.
    setImmediate(() => session.destroy());
  }
}

function http2ServerOf(server: Server): EventEmitter {
  const servers: unknown = Reflect.get(server, "http2Servers");
  assert(servers instanceof Map && servers.size === 1, "grpc-js has moved its http2 servers");
  const [http2Server] = servers.keys();
  return http2Server;
}
