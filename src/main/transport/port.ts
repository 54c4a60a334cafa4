import { unlink } from "node:fs/promises";
import { connect, createServer, type Server, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { createServer as createTlsServer, type TLSSocket, type TlsOptions } from "node:tls";
import { assert } from "../../shared/assert.js";
import { FIRST_BYTES_TIMEOUT_MS } from "../../shared/limits.js";
import type { ServerUrl } from "../config/server-config.js";
import { isSecure, type TlsMaterial } from "../config/tls-files.js";
import { sniffProtocol } from "./sniff.js";

/** Where a port's connections go, by what they speak. The port goes on tracking them. */
export interface PortHandlers {
  /** HTTP/2 by prior knowledge; undefined closes such connections. */
  readonly http2?: ((connection: Duplex) => void) | undefined;
  /** HTTP/1.x. */
  readonly http1: (connection: Duplex) => void;
}

/** Bounds of a port. */
export interface PortOptions {
  /** What a URL that says https is served with. */
  readonly tls?: TlsMaterial | undefined;
  /** How long a connection may take for its TLS handshake, and then to show its first bytes. */
  readonly firstBytesTimeoutMs?: number;
  /** Open connections above which new ones are closed at once. */
  readonly connectionsMax?: number;
}

/**
 * A URL could not be listened on. `code` is the system's (EADDRINUSE, EACCES, EADDRNOTAVAIL, ENOTFOUND, …);
 * the message is one line in etcd's words.
 */
export class ListenError extends Error {
  readonly url: string;
  readonly code: string;

  constructor(url: ServerUrl, code: string, cause?: unknown) {
    const where = isUnix(url) ? `unix ${url.socketPath}` : `tcp ${url.host}:${url.port}`;
    super(`listen ${where}: ${REASONS[code] ?? code}`, { cause });
    this.name = "ListenError";
    this.url = url.text;
    this.code = code;
  }
}

const REASONS: { readonly [code: string]: string } = {
  EADDRINUSE: "bind: address already in use",
  EACCES: "bind: permission denied",
  EADDRNOTAVAIL: "bind: cannot assign requested address",
  ENOTFOUND: "lookup: no such host",
};

/**
 * One listening socket that carries HTTP/2 and HTTP/1 side by side, in clear text or within TLS: it reads the
 * first bytes of each connection, puts them back and hands the connection on. By the bytes also within TLS,
 * where ALPN only tells the client what it may speak: not every gRPC client asks for it.
 */
export class Port {
  readonly #server: Server;
  readonly #url: ServerUrl;
  readonly #sockets = new Set<Socket>();
  #onEmpty: (() => void) | undefined;

  private constructor(url: ServerUrl, handlers: PortHandlers, options: PortOptions) {
    this.#url = url;
    const timeoutMs = options.firstBytesTimeoutMs ?? FIRST_BYTES_TIMEOUT_MS;
    const { tls } = options;
    if (tls === undefined || !isSecure(url)) {
      this.#server = createServer(SOCKET_OPTIONS, (socket) => {
        this.#track(socket);
        dispatch(socket, handlers, timeoutMs);
      });
    } else {
      const protocols = handlers.http2 === undefined ? ["http/1.1"] : ["h2", "http/1.1"];
      const secure = tlsOptions(tls, { protocols, timeoutMs });
      this.#server = createTlsServer(secure, (socket) => {
        socket.on("error", ignore);
        dispatch(socket, handlers, timeoutMs);
      });
      // After a handshake that took too long Node leaves the socket open.
      this.#server.on("tlsClientError", (_error: Error, socket: TLSSocket) => socket.destroy());
      // From the first byte on, so that a handshake that never ends counts, and is cut at the end.
      this.#server.on("connection", (socket: Socket) => this.#track(socket));
    }
    if (options.connectionsMax !== undefined) this.#server.maxConnections = options.connectionsMax;
  }

  /** Listens on a URL; port 0 takes a free one. Rejects with ListenError. */
  static async listen(
    url: ServerUrl,
    handlers: PortHandlers,
    options: PortOptions = {},
  ): Promise<Port> {
    assert(!isSecure(url) || options.tls !== undefined, "a TLS port has its certificate", { url });
    const port = new Port(url, handlers, options);
    if (isUnix(url)) await removeStaleSocket(url.socketPath);
    await listen(port.#server, url);
    return port;
  }

  /** The URL as it was given. */
  get url(): ServerUrl {
    return this.#url;
  }

  /** The TCP port that is really listened on, which a URL with port 0 leaves open; 0 for a unix socket. */
  get portNumber(): number {
    const address = this.#server.address();
    return address === null || typeof address === "string" ? 0 : address.port;
  }

  /** Open connections. */
  get connectionCount(): number {
    return this.#sockets.size;
  }

  /** Takes no more connections; those that are open stay. */
  stopListening(): void {
    if (this.#server.listening) this.#server.close();
  }

  /**
   * Takes no more connections, waits up to `graceMs` for the open ones to end by themselves (drain what
   * speaks on them first), then cuts the rest.
   */
  async close(graceMs: number): Promise<void> {
    this.stopListening();
    if (this.#sockets.size === 0) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(() => {
        for (const socket of this.#sockets) socket.destroy();
      }, graceMs);
      this.#onEmpty = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #track(socket: Socket): void {
    this.#sockets.add(socket);
    // A connection that breaks is no news; whoever speaks on it sees its close.
    socket.on("error", ignore);
    socket.once("close", () => {
      this.#sockets.delete(socket);
      if (this.#sockets.size === 0) this.#onEmpty?.();
    });
  }
}

function listen(server: Server, url: ServerUrl): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      reject(new ListenError(url, error.code ?? error.message, error));
    });
    server.once("listening", () => {
      // From here an error is one failed accept (no more file descriptors): the port goes on.
      server.removeAllListeners("error");
      server.on("error", ignore);
      resolve();
    });
    if (isUnix(url)) server.listen({ path: url.socketPath });
    else server.listen({ host: url.host, port: url.port, backlog: LISTEN_BACKLOG });
  });
}

const LISTEN_BACKLOG = 4096;
/** TCP keepalive finds peers that vanished without a word. */
const SOCKET_OPTIONS = { noDelay: true, keepAlive: true, keepAliveInitialDelay: 30_000 };

function tlsOptions(
  { cert, key, ca, clientCertAuth }: TlsMaterial,
  port: { readonly protocols: string[]; readonly timeoutMs: number },
): TlsOptions {
  return {
    ...SOCKET_OPTIONS,
    cert,
    key,
    ...(ca !== undefined && { ca }),
    requestCert: clientCertAuth,
    rejectUnauthorized: clientCertAuth,
    minVersion: "TLSv1.2",
    ALPNProtocols: port.protocols,
    handshakeTimeout: port.timeoutMs,
  };
}

function isUnix(url: ServerUrl): boolean {
  return url.scheme === "unix" || url.scheme === "unixs";
}

/** A process that was killed leaves its socket file behind; one that lives still answers on it. */
async function removeStaleSocket(path: string): Promise<void> {
  const stale = await new Promise<boolean>((resolve) => {
    const probe = connect(path);
    probe.once("connect", () => {
      probe.destroy();
      resolve(false);
    });
    probe.once("error", (error: NodeJS.ErrnoException) => resolve(error.code === "ECONNREFUSED"));
  });
  if (stale) await unlink(path);
}

/** Reads until the protocol is known, puts what was read back, and hands the connection on. */
function dispatch(socket: Socket, handlers: PortHandlers, timeoutMs: number): void {
  let head: Buffer = Buffer.alloc(0);
  const timer = setTimeout(() => socket.destroy(), timeoutMs);
  const stop = (): void => {
    clearTimeout(timer);
    socket.off("readable", look);
    socket.off("end", ended);
    socket.off("close", stop);
  };
  const ended = (): void => {
    stop();
    socket.destroy();
  };
  const look = (): void => {
    const bytes: unknown = socket.read();
    if (!Buffer.isBuffer(bytes)) return;
    head = head.length === 0 ? bytes : Buffer.concat([head, bytes]);
    const protocol = sniffProtocol(head);
    if (protocol === "undecided") return;
    stop();
    const handler = protocol === "http2" ? handlers.http2 : handlers.http1;
    if (handler === undefined) {
      socket.destroy();
      return;
    }
    socket.unshift(head);
    handler(socket);
  };
  socket.on("readable", look);
  socket.once("end", ended);
  socket.once("close", stop);
}

function ignore(): void {}
