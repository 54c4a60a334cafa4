import assert from "node:assert/strict";
import type { ServerUrl } from "../../src/main/config/server-config.js";
import { HttpServer } from "../../src/main/http/http-server.js";
import type { CallObserver } from "../../src/main/transport/call-observer.js";
import type { MethodTable } from "../../src/main/transport/method.js";
import { Port } from "../../src/main/transport/port.js";
import type { RpcTransport, TransportOptions } from "../../src/main/transport/rpc-transport.js";
import { RawClient } from "./raw-client.js";

/** Makes the transport under test. */
export type TransportFactory = (options: TransportOptions) => RpcTransport;

/** Where transports may differ. */
export interface TransportTraits {
  /** Streams that a client can cancel in one moment without losing its connection. */
  readonly cancelsAtOnce: number;
}

/** A loopback URL whose port the system chooses. */
export const ANY_PORT: ServerUrl = {
  scheme: "http",
  host: "127.0.0.1",
  port: 0,
  socketPath: "",
  text: "http://127.0.0.1:0",
};

/** Counts what the transport reports, all methods together. */
export class CountingObserver implements CallObserver {
  started = 0;
  received = 0;
  sent = 0;
  readonly handled: number[] = [];

  forMethod() {
    return {
      started: () => {
        this.started += 1;
      },
      received: () => {
        this.received += 1;
      },
      sent: () => {
        this.sent += 1;
      },
      handled: (status: number) => {
        this.handled.push(status);
      },
    };
  }
}

/** A server with one port, its transport under test and a trivial HTTP/1 side. */
export class Harness {
  readonly port: Port;
  readonly transport: RpcTransport;
  readonly observer: CountingObserver;
  readonly bugs: unknown[];
  readonly #clients: RawClient[] = [];

  private constructor(parts: Pick<Harness, "port" | "transport" | "observer" | "bugs">) {
    this.port = parts.port;
    this.transport = parts.transport;
    this.observer = parts.observer;
    this.bugs = parts.bugs;
  }

  static async start(
    make: TransportFactory,
    methods: MethodTable,
    overrides: Partial<TransportOptions> = {},
  ): Promise<Harness> {
    const observer = new CountingObserver();
    const bugs: unknown[] = [];
    const transport = make({
      methods,
      observer,
      receiveBytesMax: 1024 * 1024,
      concurrentStreamsMax: 2 ** 32 - 1,
      keepaliveMinTimeMs: 5000,
      keepaliveIntervalMs: 7_200_000,
      keepaliveTimeoutMs: 20_000,
      onBug: (error) => bugs.push(error),
      ...overrides,
    });
    const http = new HttpServer((request, response) => response.end(`http1 ${request.url}`));
    const port = await Port.listen(ANY_PORT, {
      http2: (connection) => transport.accept(connection),
      http1: (connection) => http.accept(connection),
    });
    return new Harness({ port, transport, observer, bugs });
  }

  get portNumber(): number {
    return this.port.portNumber;
  }

  /** A raw client that is closed with the harness. */
  raw(): RawClient {
    const client = new RawClient(this.portNumber);
    this.#clients.push(client);
    return client;
  }

  async stop(): Promise<void> {
    for (const client of this.#clients) client.close();
    await this.port.close(0);
    assert.deepEqual(this.bugs, [], "a handler threw");
  }
}
