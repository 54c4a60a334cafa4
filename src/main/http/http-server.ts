import { createServer, type Server } from "node:http";
import type { Duplex } from "node:stream";
import { HTTP_HEADERS_TIMEOUT_MS } from "../../shared/limits.js";
import type { HttpListener } from "./router.js";

/** HTTP/1 on connections that a port has accepted. */
export class HttpServer {
  readonly #server: Server;
  #draining = false;

  constructor(listener: HttpListener) {
    const timeouts = {
      headersTimeout: HTTP_HEADERS_TIMEOUT_MS,
      requestTimeout: HTTP_HEADERS_TIMEOUT_MS,
      keepAliveTimeout: HTTP_HEADERS_TIMEOUT_MS,
    };
    this.#server = createServer(timeouts, (request, response) => {
      if (this.#draining) response.shouldKeepAlive = false;
      listener(request, response);
    });
    // The timeouts are only watched over once the server listens, which this one never does by itself.
    this.#server.emit("listening");
  }

  /** Takes over a connection; read already bytes are back in its buffer. */
  accept(connection: Duplex): void {
    if (!connection.destroyed) this.#server.emit("connection", connection);
  }

  /** Closes idle connections now and the others after their answer. */
  drain(): void {
    this.#draining = true;
    this.#server.close();
    this.#server.closeIdleConnections();
  }
}
