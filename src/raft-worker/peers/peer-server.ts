import { EventEmitter } from "node:events";
import type { ServerHttp2Session } from "node:http2";
import { createServer, type Server as NetServer, type Socket } from "node:net";
import { createServer as createTlsServer, type TLSSocket } from "node:tls";
import {
  type ConnectionInjector,
  logVerbosity,
  Server,
  ServerCredentials,
  setLogVerbosity,
  type UntypedServiceImplementation,
} from "@grpc/grpc-js";
import { assert } from "../../shared/assert.js";
import type { PeerTlsOptions } from "../../shared/control/raft-control.js";
import { hostPort } from "../../shared/host-port.js";
import type { Logger } from "../../shared/logger.js";
import {
  CONNECTIONS_MAX,
  FLOW_CONTROL_WINDOW_BYTES,
  INCOMING_STREAMS_MAX,
  KEEPALIVE_TIME_MS,
  KEEPALIVE_TIMEOUT_MS,
  LOG_AGAIN_MS,
} from "./bounds.js";
import { LogThrottle } from "./log-throttle.js";
import { splitHostPort } from "./peer-url.js";
import { PEER_SERVICE } from "./service.js";

/** What a server of peers is made of. */
export interface PeerServerOptions {
  /** host:port each; port 0 takes any. */
  readonly listen: readonly string[];
  readonly tls: PeerTlsOptions | undefined;
  readonly messageBytesMax: number;
  readonly logger: Logger;
  /** Handlers of the methods of PEER_SERVICE. */
  readonly implementation: UntypedServiceImplementation;
}

/** The member-to-member port: sockets of its own, gRPC on them by grpc-js. */
export class PeerServer {
  readonly #injector: ConnectionInjector;
  readonly #grpc: Server;
  readonly #rejected = new LogThrottle(LOG_AGAIN_MS);
  readonly #logger: Logger;
  readonly #tls: PeerTlsOptions | undefined;
  readonly #servers: NetServer[] = [];
  readonly #sockets = new Set<Socket>();
  /** Where connections come from: a socket that is closed does not know any more, and is rejected then. */
  readonly #remotes = new WeakMap<Socket, string>();

  private constructor({ tls, messageBytesMax, logger, implementation }: PeerServerOptions) {
    // It would write lines of its own to stderr, of what any peer can cause.
    setLogVerbosity(logVerbosity.NONE);
    this.#tls = tls;
    this.#logger = logger;
    this.#grpc = new Server({
      "grpc.enable_channelz": 0,
      "grpc.max_concurrent_streams": INCOMING_STREAMS_MAX,
      "grpc.max_receive_message_length": messageBytesMax,
      "grpc.max_send_message_length": -1,
      "grpc.keepalive_time_ms": KEEPALIVE_TIME_MS,
      "grpc.keepalive_timeout_ms": KEEPALIVE_TIMEOUT_MS,
    });
    this.#grpc.addService(PEER_SERVICE, implementation);
    widenStreams(this.#grpc);
    this.#injector = this.#grpc.createConnectionInjector(ServerCredentials.createInsecure());
    widenConnections(this.#grpc);
  }

  /** Binds all addresses; rejects, bound to none, with the system's error when one cannot be had. */
  static async listen(options: PeerServerOptions): Promise<PeerServer> {
    const server = new PeerServer(options);
    try {
      for (const address of options.listen) await server.#bind(address);
      return server;
    } catch (error) {
      await server.close();
      throw error;
    }
  }

  /** host:port of every socket that is listened on. */
  get addresses(): readonly string[] {
    return this.#servers.map((server) => {
      const bound = server.address();
      assert(bound !== null && typeof bound === "object", "a bound server has an address");
      return hostPort(bound.address, bound.port);
    });
  }

  /** Takes no more connections and drops those there are. */
  async close(): Promise<void> {
    const closed = this.#servers.map(
      (server) => new Promise<void>((resolve) => void server.close(() => resolve())),
    );
    this.#grpc.forceShutdown();
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all(closed);
  }

  #bind(address: string): Promise<void> {
    const server = this.#makeServer();
    server.maxConnections = CONNECTIONS_MAX;
    return new Promise((resolve, reject) => {
      server.once("error", reject);
      server.listen(splitHostPort(address), () => {
        server.off("error", reject);
        // A connection that could not be accepted (no file descriptors) is tried again by its peer.
        server.on("error", (error) => this.#logger.warn("failed to accept a peer", { error }));
        this.#servers.push(server);
        resolve();
      });
    });
  }

  #makeServer(): NetServer {
    const tls = this.#tls;
    if (tls === undefined) {
      return createServer({ noDelay: true }, (socket) => {
        this.#track(socket);
        this.#injector.injectConnection(socket);
      });
    }
    const server = createTlsServer(
      {
        cert: tls.cert,
        key: tls.key,
        ca: tls.ca,
        requestCert: tls.clientCertAuth,
        rejectUnauthorized: tls.clientCertAuth,
        ALPNProtocols: ["h2"],
        noDelay: true,
      },
      (socket) => {
        socket.on("error", ignore);
        this.#injector.injectConnection(socket);
      },
    );
    server.on("connection", (socket: Socket) => this.#track(socket));
    server.on("tlsClientError", (error, socket) => this.#reject(error, socket));
    return server;
  }

  #track(socket: Socket): void {
    this.#sockets.add(socket);
    this.#remotes.set(socket, socket.remoteAddress ?? "");
    socket.on("error", ignore);
    socket.once("close", () => this.#sockets.delete(socket));
  }

  #reject(error: NodeJS.ErrnoException, socket: TLSSocket): void {
    // What was wrong with a certificate is said there, and nowhere else.
    const reason: unknown = socket.authorizationError;
    const isReasonless = reason === undefined || reason === null;
    // Nobody was rejected: a member, or a load balancer, only looked whether the port is open.
    if (isReasonless && error.code === "ECONNRESET") return;
    const remote = this.#remotes.get(Reflect.get(socket, "_parent")) ?? "";
    if (!this.#rejected.isDue(remote)) return;
    this.#logger.warn("rejected connection on peer endpoint", {
      "remote-addr": remote,
      error: isReasonless ? error : String(reason),
    });
  }
}

// grpc-js has options for the windows of its clients and none for those of its servers, and without
// them a distant peer would send 64 KiB per round trip. Private fields: it fails at start when they move.
function widenStreams(server: Server): void {
  const options: unknown = Reflect.get(server, "commonServerOptions");
  assert(typeof options === "object" && options !== null, "grpc-js has moved its http2 options");
  const settings: unknown = Reflect.get(options, "settings");
  assert(typeof settings === "object" && settings !== null, "grpc-js has moved its http2 settings");
  Object.assign(settings, { initialWindowSize: FLOW_CONTROL_WINDOW_BYTES });
}

function widenConnections(server: Server): void {
  const servers: unknown = Reflect.get(server, "http2Servers");
  assert(servers instanceof Map && servers.size === 1, "grpc-js has moved its http2 servers");
  const [http2Server] = servers.keys();
  assert(http2Server instanceof EventEmitter, "grpc-js has moved its http2 servers");
  http2Server.on("session", (session: ServerHttp2Session) => {
    session.setLocalWindowSize(FLOW_CONTROL_WINDOW_BYTES);
  });
}

function ignore(): void {}
