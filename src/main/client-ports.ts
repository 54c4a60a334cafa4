import type { Duplex } from "node:stream";
import { RESERVED_FILE_DESCRIPTORS } from "../shared/limits.js";
import type { ServerUrl } from "./config/server-config.js";
import type { TlsMaterial } from "./config/tls-files.js";
import { openFilesLimit } from "./metrics/process-metrics.js";
import { Port } from "./transport/port.js";

/** Where connections go once the server is ready. */
export interface ConnectionHandlers {
  readonly http2?: (connection: Duplex) => void;
  readonly http1: (connection: Duplex) => void;
}

/** What is served on a port. */
export interface PortKind {
  readonly http2: boolean;
  /** For URLs that say https. */
  readonly tls?: TlsMaterial | undefined;
}

/**
 * The listening sockets of one kind. They are bound before anything is done to the data directory, so that
 * a port in use changes nothing there; connections wait, unread, until `serve`.
 */
export class ClientPorts {
  readonly #ports: Port[] = [];
  #handlers: ConnectionHandlers | undefined;
  #waiting: ((handlers: ConnectionHandlers) => void)[] = [];

  /** Binds all URLs or none. Rejects with ListenError. */
  static async bind(urls: readonly ServerUrl[], kind: PortKind): Promise<ClientPorts> {
    const ports = new ClientPorts();
    try {
      for (const url of urls) await ports.#bind(url, kind);
    } catch (error) {
      await ports.close(0);
      throw error;
    }
    return ports;
  }

  /** Port numbers that are listened on, in the order of the URLs. */
  get portNumbers(): readonly number[] {
    return this.#ports.map((port) => port.portNumber);
  }

  /** Hands over the connections that wait, and all that come. */
  serve(handlers: ConnectionHandlers): void {
    this.#handlers = handlers;
    for (const accept of this.#waiting) accept(handlers);
    this.#waiting = [];
  }

  /** Takes no more connections. */
  stopListening(): void {
    for (const port of this.#ports) port.stopListening();
  }

  /** Waits up to `graceMs` for open connections to end, then cuts them. */
  async close(graceMs: number): Promise<void> {
    await Promise.all(this.#ports.map((port) => port.close(graceMs)));
  }

  async #bind(url: ServerUrl, { http2, tls }: PortKind): Promise<void> {
    const accept = (kind: "http1" | "http2") => (connection: Duplex) => {
      const hand = (handlers: ConnectionHandlers): void => handlers[kind]?.(connection);
      if (this.#handlers === undefined) this.#waiting.push(hand);
      else hand(this.#handlers);
    };
    const handlers = { http1: accept("http1"), http2: http2 ? accept("http2") : undefined };
    const limit = openFilesLimit();
    // Without a known limit there is nothing to keep back from.
    const bounds = limit > 0 ? { connectionsMax: limit - RESERVED_FILE_DESCRIPTORS } : {};
    this.#ports.push(await Port.listen(url, handlers, { ...bounds, tls }));
  }
}
