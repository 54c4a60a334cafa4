import { InvariantError } from "../shared/assert.js";
import { GRPC_OVERHEAD_BYTES, REQUEST_TIMEOUT_BASE_MS } from "../shared/limits.js";
import type { LmdbBaseReader } from "../shared/mvcc/base/lmdb-base-reader.js";
import type { ReadView } from "../shared/mvcc/read-view.js";
import { StoreCorruptError } from "../shared/mvcc/types.js";
import { BoardSlot } from "../shared/status-board.js";
import { API_VERSION, CLUSTER_VERSION, STORAGE_VERSION } from "../shared/version.js";
import type { Actors } from "./actors.js";
import type { ClientPorts } from "./client-ports.js";
import type { GroupControl } from "./cluster/group-control.js";
import { PeerWatch } from "./cluster/peer-watch.js";
import { Standing } from "./cluster/standing.js";
import { compactionPlan } from "./compaction/auto-compaction.js";
import { AutoCompactor } from "./compaction/auto-compactor.js";
import { Frontend } from "./frontend/frontend.js";
import { HttpServer } from "./http/http-server.js";
import { createHealthProbe } from "./http/live-probe.js";
import { clientPages, metricsPortPages, OPEN_ACCESS } from "./http/router.js";
import { metricsSources } from "./metrics/live-sources.js";
import { Metrics } from "./metrics/metrics.js";
import { ReadPool } from "./pool/read-pool.js";
import type { ServerOptions } from "./server.js";
import { methodTable } from "./services/method-table.js";
import { HeaderEncoder } from "./services/response-header.js";
import { SpaceQuota } from "./services/space-quota.js";
import { GrpcJsTransport } from "./transport/grpc-js-transport.js";
import { HealthService } from "./transport/health-service.js";
import { Http2Transport } from "./transport/http2-transport.js";
import { LeaderWatch } from "./transport/leader-watch.js";
import type { MethodTable } from "./transport/method.js";
import type { RpcTransport, TransportOptions } from "./transport/rpc-transport.js";
import { WatchHub } from "./watch/watch-hub.js";

/** How often gRPC health takes note of this member's standing. */
const HEALTH_LOOK_MS = 1000;

/** What the clients' side of a member is made of. */
export interface ClientSideParts extends ServerOptions {
  readonly actors: Actors;
  readonly base: LmdbBaseReader;
  readonly view: ReadView;
  /** MemberListResponse without header, as of the start. */
  readonly members: Uint8Array;
}

/** One frontend with everything that clients see of a member through it: services, watches, pages, metrics. */
export class ClientSide {
  readonly frontend: Frontend;
  readonly standing: Standing;
  readonly #parts: ClientSideParts;
  readonly #cluster: GroupControl;
  readonly #header: HeaderEncoder;
  readonly #hub: WatchHub;
  readonly #pool: ReadPool;
  readonly #health = new HealthService();
  readonly #leaderWatch: LeaderWatch;
  readonly #peerWatch: PeerWatch;
  readonly #metrics: Metrics;
  readonly #transport: RpcTransport;
  readonly #clientHttp: HttpServer;
  readonly #metricsHttp: HttpServer;
  readonly #compactor: AutoCompactor | undefined;
  #healthTimer: NodeJS.Timeout | undefined;

  /** Nothing runs before `start`. */
  constructor(parts: ClientSideParts) {
    const { config, identity, actors, base, view, log } = parts;
    const { board } = actors;
    const { memberId } = identity;
    this.#parts = parts;
    this.#cluster = {
      peers: () => actors.raft.peers(),
      transferLeader: (to) => actors.raft.transferLeader(to),
    };
    this.#header = new HeaderEncoder(identity, () => board.get(BoardSlot.term));
    this.frontend = makeFrontend(parts);
    const { frontend } = this;
    this.standing = new Standing({ memberId, board, members: () => frontend.members() });
    this.#peerWatch = new PeerWatch({ cluster: this.#cluster, frontend, board, memberId });
    frontend.watchConnections((sinceMs) => this.#peerWatch.isCutOff(sinceMs));
    this.#pool = new ReadPool({
      frontend,
      storeDirectory: parts.dataDir.paths.storeDir,
      onFailure: (error) => parts.onFatal("read pool failed", error),
    });
    this.#hub = new WatchHub({
      view,
      header: this.#header,
      fragmentBytes: config.maxRequestBytes + GRPC_OVERHEAD_BYTES,
      progressIntervalMs: config.watchProgressNotifyIntervalMs,
      wake: () => frontend.wake(),
      refusal: () => this.standing.refusal,
    });
    frontend.listen(this.#hub);
    this.#leaderWatch = new LeaderWatch({
      hasLeader: () => board.getId(BoardSlot.leaderId) !== 0n,
      electionTimeoutMs: config.electionTimeoutMs,
    });
    const { standing } = this;
    const hub = this.#hub;
    this.#metrics = new Metrics(
      metricsSources({ memberId, config, actors, base, frontend, hub, standing }),
    );
    this.#transport = this.#makeTransport(this.#methods());
    this.#clientHttp = new HttpServer(clientPages(this.#pages(), OPEN_ACCESS));
    this.#metricsHttp = new HttpServer(metricsPortPages(this.#pages()));
    const plan = compactionPlan(config.autoCompaction);
    const { logger } = log;
    this.#compactor = plan && new AutoCompactor({ plan, frontend, board, memberId, logger });
  }

  /** Lets clients in. The frontend must have been started. */
  serve(ports: { readonly client: ClientPorts; readonly metrics: ClientPorts }): void {
    this.#leaderWatch.start();
    this.#healthTimer = setInterval(() => {
      this.#health.setServing(!this.standing.isCorrupt);
    }, HEALTH_LOOK_MS).unref();
    ports.client.serve({
      http2: (connection) => this.#transport.accept(connection),
      http1: (connection) => this.#clientHttp.accept(connection),
    });
    ports.metrics.serve({ http1: (connection) => this.#metricsHttp.accept(connection) });
  }

  /** Is not ready any more, and lets open calls come to their end; new ones are not taken. */
  drain(): void {
    clearInterval(this.#healthTimer);
    this.#health.setServing(false);
    this.#compactor?.stop();
    this.#leaderWatch.stop();
    this.#peerWatch.stop();
    this.#health.close();
    this.#hub.close();
    this.#transport.drain();
    this.#clientHttp.drain();
    this.#metricsHttp.drain();
  }

  /** Ends the frontend and what reads beside it. */
  async stop(): Promise<void> {
    await this.frontend.stop();
    await this.#pool.close();
  }

  #methods(): MethodTable {
    const { config, identity, actors } = this.#parts;
    const { board } = actors;
    const { frontend } = this;
    const quotaBytes = config.quotaBackendBytes;
    const quota = new SpaceQuota({ frontend, board, memberId: identity.memberId, quotaBytes });
    const services = {
      ...identity,
      ...config,
      frontend,
      header: this.#header,
      board,
      quota,
      pool: this.#pool,
      hub: this.#hub,
      standing: this.standing,
      cluster: this.#cluster,
    };
    return methodTable(services, {
      health: this.#health,
      leaderWatch: this.#leaderWatch,
      countClient: (kind, version) => this.#metrics.rpc.countClient(kind, version),
    });
  }

  #makeTransport(methods: MethodTable): RpcTransport {
    const { config } = this.#parts;
    const options: TransportOptions = {
      methods,
      observer: this.#metrics.rpc,
      receiveBytesMax: config.maxRequestBytes + GRPC_OVERHEAD_BYTES,
      concurrentStreamsMax: config.maxConcurrentStreams,
      keepaliveMinTimeMs: config.grpcKeepaliveMinTimeMs,
      keepaliveIntervalMs: config.grpcKeepaliveIntervalMs,
      keepaliveTimeoutMs: config.grpcKeepaliveTimeoutMs,
      onBug: (error, path) => this.#onBug(error, path),
    };
    return config.clientTransport === "grpc-js"
      ? new GrpcJsTransport(options)
      : new Http2Transport(options);
  }

  #pages() {
    return {
      probe: createHealthProbe(this.frontend, this.#parts.actors.board, this.standing),
      healthObserver: this.#metrics.health,
      metrics: this.#metrics,
      version: {
        server: API_VERSION,
        cluster: () => CLUSTER_VERSION,
        storage: () => STORAGE_VERSION,
      },
      onBug: (error: unknown, path: string) => this.#onBug(error, path),
    };
  }

  /**
   * What a handler threw. Damage and broken invariants end the process; any other mistake has cost one call,
   * which has been failed, and must not be a way to stop the server from outside.
   */
  #onBug(error: unknown, path: string): void {
    const fatal = error instanceof InvariantError || error instanceof StoreCorruptError;
    if (fatal) this.#parts.onFatal(`${path} failed`, error);
    else this.#parts.log.logger.error("request handler failed", { path, error });
  }
}

function makeFrontend({ config, actors, view, members, onFatal }: ClientSideParts): Frontend {
  const { electionTimeoutMs, maxRequestBytes } = config;
  return new Frontend({
    id: 0,
    origin: actors.origin,
    ...actors.frontends[0]!,
    view,
    board: actors.board,
    members,
    maxRequestBytes,
    electionTimeoutMs,
    requestTimeoutMs: REQUEST_TIMEOUT_BASE_MS + 2 * electionTimeoutMs,
    nowMs: () => performance.now(),
    onBug: (error) => onFatal("frontend failed", error),
  });
}
