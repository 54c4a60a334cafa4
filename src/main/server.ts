import { setTimeout as sleep } from "node:timers/promises";
import type { PeerListenOptions } from "../shared/control/raft-control.js";
import { ErrorCode } from "../shared/errors.js";
import { Member, MemberListResponse } from "../shared/gen/etcdserverpb/rpc.js";
import { EntryKind } from "../shared/messages/entry.js";
import { encodeMembership } from "../shared/messages/membership.js";
import { LmdbBaseReader } from "../shared/mvcc/base/lmdb-base-reader.js";
import { DeltaReader } from "../shared/mvcc/delta-reader.js";
import { ReadView } from "../shared/mvcc/read-view.js";
import { Actors } from "./actors.js";
import type { ClientPorts } from "./client-ports.js";
import { ClientSide } from "./client-side.js";
import type { ServerConfig } from "./config/server-config.js";
import { newestSnapshot } from "./data-dir/newest-snapshot.js";
import type { DataDir } from "./data-dir/open-data-dir.js";
import type { Identity } from "./identity.js";
import type { MainLog } from "./log/main-log.js";

/** What a server is started with; all of it is its owner's to close after `stop`. */
export interface ServerOptions {
  readonly config: ServerConfig;
  readonly identity: Identity;
  readonly dataDir: DataDir;
  readonly clientPorts: ClientPorts;
  readonly metricsPorts: ClientPorts;
  /** Where other members reach this one, and how. */
  readonly peers: PeerListenOptions;
  readonly log: MainLog;
  /** Told when this member was removed from the cluster: the process must end, in order. */
  readonly onRemoved: () => void;
  /** Told once of what the process must not outlive: a dead actor, a damaged store, a bug. */
  readonly onFatal: (what: string, error: unknown) => void;
}

/** Pause before a step of the start is tried again. */
const START_RETRY_MS = 100;
/** How long a member that was removed goes on, so that the others hear of it and its clients have their answers. */
const REMOVAL_GRACE_MS = 1000;
/** How often a leader that stops looks whether another one leads. */
const HAND_OVER_POLL_MS = 10;
/** "Whoever is fittest", where a member to lead is named. */
const NO_MEMBER = 0n;
/** How long open connections may take to end at a stop. */
const CONNECTION_GRACE_MS = 2000;

/** This member was removed from its cluster for good: its data are of no use any more. */
export class MemberRemovedError extends Error {
  override name = "MemberRemovedError";

  constructor() {
    super("the member has been permanently removed from the cluster");
  }
}

/** One member: its actors, its frontend, and the ports that clients reach it by. */
export class Server {
  readonly #options: ServerOptions;
  readonly #actors: Actors;
  readonly #base: LmdbBaseReader;
  readonly #clients: ClientSide;
  #isStopping = false;

  /** Opens the store and the log, and takes part in the group; `join` does the rest. Rejects when any of it fails. */
  static async start(options: ServerOptions): Promise<Server> {
    const { config, dataDir, identity, log, onFatal, onRemoved } = options;
    const actors = new Actors({
      ...identity,
      walDirectory: dataDir.paths.walDir,
      storeDirectory: dataDir.paths.storeDir,
      snapshotDirectory: dataDir.paths.snapDir,
      forceNewCluster: config.forceNewCluster,
      peers: options.peers,
      preVote: config.preVote,
      catchUpEntriesMax: config.catchUpEntriesMax,
      advanceFirstElection: config.initialElectionTickAdvance && !identity.hasLog,
      heartbeatMs: config.heartbeatIntervalMs,
      electionMs: config.electionTimeoutMs,
      quotaBytes: config.quotaBackendBytes,
      logLevel: config.log.level,
      log,
      onDeath: (actor, error) => onFatal(`${actor} ended`, error),
    });
    const snapshot = newestSnapshot(dataDir.paths.snapDir);
    const opened = await actors.apply.open(snapshot && { snapshotFile: snapshot.path });
    const isRemoved = opened.removed.includes(identity.memberId);
    if (isRemoved && !config.forceNewCluster) throw new MemberRemovedError();
    const base = LmdbBaseReader.open(dataDir.paths.storeDir);
    const view = new ReadView({ ...opened, base, delta: new DeltaReader() });
    const clients = new ClientSide({ ...options, actors, base, view, members: opened.members });
    clients.frontend.start();
    // The log is judged first: a store that takes turns may begin to write.
    await actors.raft.start({
      appliedIndex: opened.appliedIndex,
      appliedTerm: opened.appliedTerm,
      membership: encodeMembership({
        index: opened.appliedIndex,
        members: MemberListResponse.decode(opened.members).members,
        removed: opened.removed,
      }),
      installedSnapshot: snapshot,
    });
    actors.raft.removed().then(
      () => setTimeout(onRemoved, REMOVAL_GRACE_MS),
      // The control plane ends with the process.
      () => {},
    );
    await actors.apply.start();
    return new Server(options, actors, base, clients);
  }

  /**
   * Waits until this member has what the group had agreed on and the group knows this member, then serves.
   * As long as there is no quorum that may take. False: the server was stopped meanwhile.
   */
  async join(): Promise<boolean> {
    const joined = (await this.#replayed()) && (await this.#publishMember());
    const { clientPorts, metricsPorts } = this.#options;
    if (joined) this.#clients.serve({ client: clientPorts, metrics: metricsPorts });
    return joined;
  }

  private constructor(
    options: ServerOptions,
    actors: Actors,
    base: LmdbBaseReader,
    clients: ClientSide,
  ) {
    this.#options = options;
    this.#actors = actors;
    this.#base = base;
    this.#clients = clients;
  }

  /** Stops in order, losing nothing that was acknowledged. Resolves when everything is on disk. */
  async stop(): Promise<void> {
    const { clientPorts, metricsPorts } = this.#options;
    this.#isStopping = true;
    clientPorts.stopListening();
    this.#clients.drain();
    await clientPorts.close(CONNECTION_GRACE_MS);
    await metricsPorts.close(0);
    await this.#actors.apply.recordLeases();
    await this.#handOver();
    await this.#actors.raft.stop();
    await this.#clients.stop();
    await this.#base.close();
    await this.#actors.apply.stop();
    await this.#actors.end();
  }

  /**
   * Waits until everything committed is applied here. Until then nothing may be proposed: a long replay would
   * refuse it, and what it refuses at once must not be tried again at once.
   */
  async #replayed(): Promise<boolean> {
    while (!this.#isStopping) {
      const code = await new Promise<number>((resolve) =>
        this.#clients.frontend.linearizable(resolve),
      );
      if (code === 0) return true;
      await sleep(START_RETRY_MS);
    }
    return false;
  }

  /** Puts name and client URLs through the log; a member is ready when the cluster knows it. */
  async #publishMember(): Promise<boolean> {
    const { config, identity } = this.#options;
    const member = Member.encode({
      ID: identity.memberId,
      name: config.name,
      peerURLs: [],
      clientURLs: config.advertiseClientUrls.map((url) => url.text),
      isLearner: false,
    }).finish();
    while (!this.#isStopping) {
      const code = await new Promise<number>((resolve) => {
        this.#clients.frontend.propose(EntryKind.memberAttributes, member, resolve);
      });
      if (code === 0) return true;
      if (code === ErrorCode.requestTooLarge) {
        throw new Error("--max-request-bytes is too small for this member's own name and URLs");
      }
      await sleep(START_RETRY_MS);
    }
    return false;
  }

  /** Gives the lead to another member, if there is one to take it: clients wait less than for an election. */
  async #handOver(): Promise<void> {
    if (!this.#clients.standing.leads || this.#clients.standing.isSoleVoter) return;
    await this.#actors.raft.transferLeader(NO_MEMBER);
    const deadlineMs = performance.now() + this.#options.config.electionTimeoutMs;
    while (this.#clients.standing.leads && performance.now() < deadlineMs)
      await sleep(HAND_OVER_POLL_MS);
  }
}
