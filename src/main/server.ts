import { setTimeout as sleep } from "node:timers/promises";
import { InvariantError } from "../shared/assert.js";
import { ErrorCode } from "../shared/errors.js";
import { Member } from "../shared/gen/etcdserverpb/rpc.js";
import { GRPC_OVERHEAD_BYTES } from "../shared/limits.js";
import { EntryKind } from "../shared/messages/entry.js";
import { LmdbBaseReader } from "../shared/mvcc/base/lmdb-base-reader.js";
import { DeltaReader } from "../shared/mvcc/delta-reader.js";
import { ReadView } from "../shared/mvcc/read-view.js";
import { StoreCorruptError } from "../shared/mvcc/types.js";
import { BoardSlot } from "../shared/status-board.js";
import { API_VERSION, CLUSTER_VERSION, STORAGE_VERSION } from "../shared/version.js";
import { Actors } from "./actors.js";
import type { ClientPorts } from "./client-ports.js";
import { compactionPlan } from "./compaction/auto-compaction.js";
import { AutoCompactor } from "./compaction/auto-compactor.js";
import type { ServerConfig } from "./config/server-config.js";
import type { DataDir } from "./data-dir/open-data-dir.js";
import { Frontend } from "./frontend/frontend.js";
import { HttpServer } from "./http/http-server.js";
import { createHealthProbe } from "./http/live-probe.js";
import { clientPages, metricsPortPages, OPEN_ACCESS, type PageSources } from "./http/router.js";
import type { Identity } from "./identity.js";
import type { MainLog } from "./log/main-log.js";
import { metricsSources } from "./metrics/live-sources.js";
import { Metrics } from "./metrics/metrics.js";
import { ReadPool } from "./pool/read-pool.js";
import { methodTable } from "./services/method-table.js";
import { HeaderEncoder } from "./services/response-header.js";
import { SpaceQuota } from "./services/space-quota.js";
import { GrpcJsTransport } from "./transport/grpc-js-transport.js";
import { HealthService } from "./transport/health-service.js";
import { LeaderWatch } from "./transport/leader-watch.js";
import { WatchHub } from "./watch/watch-hub.js";

/** What a server is started with; all of it is its owner's to close after `stop`. */
export interface ServerOptions {
  readonly config: ServerConfig;
  readonly identity: Identity;
  readonly dataDir: DataDir;
  readonly clientPorts: ClientPorts;
  readonly metricsPorts: ClientPorts;
  readonly log: MainLog;
  /** Told once of what the process must not outlive: a dead actor, a damaged store, a bug. */
  readonly onFatal: (what: string, error: unknown) => void;
}

/** What a request may take besides two elections (limits.md section 4). */
const REQUEST_TIMEOUT_BASE_MS = 5000;
/** Pause before a step of the start is tried again. */
const START_RETRY_MS = 100;
/** How long open connections may take to end at a stop. */
const CONNECTION_GRACE_MS = 2000;

/** One member: its actors, its frontend, and the ports that clients reach it by. */
export class Server {
  readonly #options: ServerOptions;
  readonly #actors: Actors;
  readonly #base: LmdbBaseReader;
  readonly #frontend: Frontend;
  readonly #hub: WatchHub;
  readonly #pool: ReadPool;
  readonly #health = new HealthService();
  readonly #leaderWatch: LeaderWatch;
  readonly #metrics: Metrics;
  readonly #transport: GrpcJsTransport;
  readonly #http: readonly HttpServer[];
  readonly #compactor: AutoCompactor | undefined;

  /** Opens the store and the log, joins the group, and serves. Rejects when any of it fails. */
  static async start(options: ServerOptions): Promise<Server> {
    const { config, dataDir, identity, log, onFatal } = options;
    const actors = new Actors({
      ...identity,
      voters: [identity.memberId],
      walDirectory: dataDir.paths.walDir,
      storeDirectory: dataDir.paths.storeDir,
      heartbeatMs: config.heartbeatIntervalMs,
      electionMs: config.electionTimeoutMs,
      quotaBytes: config.quotaBackendBytes,
      logLevel: config.log.level,
      log,
      onDeath: (actor, error) => onFatal(`${actor} ended`, error),
    });
    const opened = await actors.apply.open();
    const base = LmdbBaseReader.open(dataDir.paths.storeDir);
    const view = new ReadView({ ...opened, base, delta: new DeltaReader() });
    const server = new Server(options, { actors, base, view, members: opened.members });
    server.#frontend.start();
    // The log is judged first: a store that takes turns may begin to write.
    await actors.raft.start(opened);
    await actors.apply.start();
    await server.#replayed();
    await server.#publishMember();
    server.#serve();
    return server;
  }

  private constructor(
    options: ServerOptions,
    parts: {
      readonly actors: Actors;
      readonly base: LmdbBaseReader;
      readonly view: ReadView;
      readonly members: Uint8Array;
    },
  ) {
    const { config, identity } = options;
    const { actors, base, view } = parts;
    const { board } = actors;
    const link = actors.frontends[0]!;
    this.#options = options;
    this.#actors = actors;
    this.#base = base;
    const requestTimeoutMs = REQUEST_TIMEOUT_BASE_MS + 2 * config.electionTimeoutMs;
    const frontend = new Frontend({
      id: 0,
      origin: actors.origin,
      ...link,
      view,
      board,
      members: parts.members,
      maxRequestBytes: config.maxRequestBytes,
      requestTimeoutMs,
      nowMs: () => performance.now(),
      onBug: (error) => options.onFatal("frontend failed", error),
    });
    this.#frontend = frontend;
    this.#pool = new ReadPool({
      frontend,
      storeDirectory: options.dataDir.paths.storeDir,
      onFailure: (error) => options.onFatal("read pool failed", error),
    });
    const header = new HeaderEncoder(identity, () => board.get(BoardSlot.term));
    const receiveBytesMax = config.maxRequestBytes + GRPC_OVERHEAD_BYTES;
    this.#hub = new WatchHub({
      view,
      header,
      fragmentBytes: receiveBytesMax,
      progressIntervalMs: config.watchProgressNotifyIntervalMs,
      wake: () => frontend.wake(),
    });
    frontend.listen(this.#hub);
    this.#leaderWatch = new LeaderWatch({
      hasLeader: () => board.getId(BoardSlot.leaderId) !== 0n,
      electionTimeoutMs: config.electionTimeoutMs,
    });
    this.#metrics = new Metrics(
      metricsSources({
        memberId: identity.memberId,
        config,
        actors,
        base,
        frontend,
        hub: this.#hub,
      }),
    );
    const quotaBytes = config.quotaBackendBytes;
    const quota = new SpaceQuota({ frontend, board, memberId: identity.memberId, quotaBytes });
    const methods = methodTable(
      { ...identity, ...config, frontend, header, board, quota, pool: this.#pool, hub: this.#hub },
      {
        health: this.#health,
        leaderWatch: this.#leaderWatch,
        countClient: (kind, version) => this.#metrics.rpc.countClient(kind, version),
      },
    );
    this.#transport = new GrpcJsTransport({
      methods,
      observer: this.#metrics.rpc,
      receiveBytesMax,
      concurrentStreamsMax: config.maxConcurrentStreams,
      keepaliveMinTimeMs: config.grpcKeepaliveMinTimeMs,
      keepaliveIntervalMs: config.grpcKeepaliveIntervalMs,
      keepaliveTimeoutMs: config.grpcKeepaliveTimeoutMs,
      onBug: (error, path) => this.#onBug(error, path),
    });
    const pages = this.#pageSources();
    this.#http = [
      new HttpServer(clientPages(pages, OPEN_ACCESS)),
      new HttpServer(metricsPortPages(pages)),
    ];
    const plan = compactionPlan(config.autoCompaction);
    const logger = options.log.logger;
    this.#compactor =
      plan && new AutoCompactor({ plan, frontend, board, memberId: identity.memberId, logger });
  }

  /** Stops in order, losing nothing that was acknowledged. Resolves when everything is on disk. */
  async stop(): Promise<void> {
    const { clientPorts, metricsPorts } = this.#options;
    this.#health.setServing(false);
    this.#compactor?.stop();
    this.#leaderWatch.stop();
    clientPorts.stopListening();
    this.#health.close();
    this.#hub.close();
    this.#transport.drain();
    for (const http of this.#http) http.drain();
    await clientPorts.close(CONNECTION_GRACE_MS);
    await metricsPorts.close(0);
    await this.#actors.apply.recordLeases();
    await this.#actors.raft.stop();
    await this.#frontend.stop();
    await this.#pool.close();
    await this.#base.close();
    await this.#actors.apply.stop();
    await this.#actors.end();
  }

  /**
   * Waits until everything committed is applied here. Until then nothing may be proposed: a long replay would
   * refuse it, and what it refuses at once must not be tried again at once.
   */
  async #replayed(): Promise<void> {
    for (;;) {
      const code = await new Promise<number>((resolve) => this.#frontend.linearizable(resolve));
      if (code === 0) return;
      await sleep(START_RETRY_MS);
    }
  }

  /** Puts name and URLs through the log; a member is ready when the cluster knows it. */
  async #publishMember(): Promise<void> {
    const { config, identity } = this.#options;
    const member = Member.encode({
      ID: identity.memberId,
      name: config.name,
      peerURLs: config.initialAdvertisePeerUrls.map((url) => url.text),
      clientURLs: config.advertiseClientUrls.map((url) => url.text),
      isLearner: false,
    }).finish();
    for (;;) {
      const code = await new Promise<number>((resolve) => {
        this.#frontend.propose(EntryKind.memberAttributes, member, resolve);
      });
      if (code === 0) return;
      if (code === ErrorCode.requestTooLarge) {
        throw new Error("--max-request-bytes is too small for this member's own name and URLs");
      }
      await sleep(START_RETRY_MS);
    }
  }

  #serve(): void {
    const [clientHttp, metricsHttp] = this.#http;
    this.#leaderWatch.start();
    this.#options.clientPorts.serve({
      http2: (connection) => this.#transport.accept(connection),
      http1: (connection) => clientHttp?.accept(connection),
    });
    this.#options.metricsPorts.serve({ http1: (connection) => metricsHttp?.accept(connection) });
  }

  #pageSources(): PageSources {
    return {
      probe: createHealthProbe(this.#frontend, this.#actors.board),
      healthObserver: this.#metrics.health,
      metrics: this.#metrics,
      version: {
        server: API_VERSION,
        cluster: () => CLUSTER_VERSION,
        storage: () => STORAGE_VERSION,
      },
      onBug: (error, path) => this.#onBug(error, path),
    };
  }

  /**
   * What a handler threw. Damage and broken invariants end the process; any other mistake has cost one call,
   * which has been failed, and must not be a way to stop the server from outside.
   */
  #onBug(error: unknown, path: string): void {
    const fatal = error instanceof InvariantError || error instanceof StoreCorruptError;
    if (fatal) this.#options.onFatal(`${path} failed`, error);
    else this.#options.log.logger.error("request handler failed", { path, error });
  }
}
