import { randomBytes, randomInt } from "node:crypto";
import { rm } from "node:fs/promises";
import { parentPort, workerData } from "node:worker_threads";
import { assert } from "../shared/assert.js";
import { serveControl } from "../shared/control/endpoint.js";
import type {
  PeerStatus,
  RaftControl,
  RaftStartOptions,
  RaftWorkerData,
  RaftWorkerStatus,
} from "../shared/control/raft-control.js";
import { D14_SECONDS, SharedHistogram } from "../shared/histogram.js";
import {
  RAFT_APPEND_BYTES_MAX,
  RAFT_INFLIGHT_MESSAGES_MAX,
  RAFT_READS_WAITING_MAX,
  RAFT_RETAINED_BYTES_MAX,
  RAFT_RETAINED_ENTRIES_MAX,
  RAFT_SNAPSHOT_RETAINED_BYTES_MAX,
  RAFT_UNAPPLIED_BYTES_MAX,
  REQUEST_TIMEOUT_BASE_MS,
} from "../shared/limits.js";
import { isConfChangePayload } from "../shared/messages/conf-change.js";
import { decodeMembership } from "../shared/messages/membership.js";
import { seededRandom } from "../shared/prng.js";
import { Bell } from "../shared/ring/bell.js";
import { RingReader } from "../shared/ring/reader.js";
import { RingWriter } from "../shared/ring/writer.js";
import { StatusBoard } from "../shared/status-board.js";
import { createWorkerLogger } from "../shared/worker-logger.js";
import { nodeDisk } from "../wal/node-disk.js";
import { configurationOf } from "./cluster-link.js";
import { type Entry, NO_MEMBER } from "./core/entry.js";
import type { RaftSettings } from "./core/node.js";
import { Raft } from "./core/raft.js";
import { RaftDriver } from "./driver.js";
import { WalLogStore } from "./log-store.js";
import { type OpenedLog, openLog } from "./open-log.js";
import { PeerNetwork } from "./peers/peer-network.js";
import { PeerPort } from "./peers/peer-port.js";
import { TickClock } from "./tick-clock.js";

const RANDOM_LIMIT = 2 ** 32;
/** Election timeouts that a member may take to begin with a snapshot, or to take one over. */
const SNAPSHOT_PATIENCE_ELECTIONS = 30;
/** The store never makes a joint configuration, so none is ever left. */
const LEAVE_JOINT_PAYLOAD = new Uint8Array(0);

/** The Raft worker: real ports around a driver, and the loop that turns it. */
class RaftActor implements RaftControl {
  readonly #data: RaftWorkerData;
  readonly #bell: Bell;
  readonly #logger;
  #driver: RaftDriver | undefined;
  #store: WalLogStore | undefined;
  #network: PeerNetwork | undefined;
  /** Ends the wait for this member's removal from the cluster. */
  #onRemoved: () => void = () => {};
  readonly #removal = new Promise<void>((resolve) => {
    this.#onRemoved = resolve;
  });
  #timer: NodeJS.Timeout | undefined;
  #isStopped = false;

  constructor(data: RaftWorkerData) {
    this.#data = data;
    this.#bell = new Bell(data.bells.raft);
    this.#logger = createWorkerLogger(data.logPort, data.logLevel);
  }

  async start(options: RaftStartOptions): Promise<void> {
    assert(this.#driver === undefined, "the Raft worker is started once");
    const { directory, clusterId, memberId, heartbeatMs, bootstrap, forceNewCluster } = this.#data;
    const { appliedIndex, appliedTerm, installedSnapshot } = options;
    const opened = await openLog(
      {
        disk: nodeDisk,
        directory,
        drawSalt: () => randomBytes(8).readBigUInt64LE(),
        warn: (message, cause) => this.#logger.warn(message, { error: String(cause) }),
      },
      { clusterId, memberId },
      { index: appliedIndex, term: appliedTerm },
      { bootstrap, forceNewCluster, installedSnapshot },
    );
    // Store and log agree on disk now.
    if (installedSnapshot !== undefined) await rm(installedSnapshot.path, { force: true });
    this.#logOpened(opened);
    const network = await this.#openNetwork();
    this.#network = network;
    const driver = this.#makeDriver(opened, network, options);
    this.#driver = driver;
    const clock = new TickClock(heartbeatMs, performance.now());
    // Keeps the thread alive, too: waiting for the bell does not.
    this.#timer = setInterval(() => {
      // Timers count whole milliseconds, and so may fire a fraction of one early.
      const ticks = clock.due(performance.now() + 1);
      if (ticks > 0) driver.tick(ticks);
    }, heartbeatMs);
    driver.start();
    this.#loop(driver).catch(fatal);
  }

  async stop(): Promise<void> {
    const driver = this.#driver;
    if (driver === undefined || this.#isStopped) return;
    driver.close();
    // What others go on saying is not heard any more: a log that is always written never comes to rest.
    await this.#network?.close();
    while (!driver.isIdle) {
      driver.turn();
      await new Promise((resolve) => setImmediate(resolve));
    }
    this.#isStopped = true;
    clearInterval(this.#timer);
    this.#bell.ring();
    await this.#store?.close();
  }

  removed(): Promise<void> {
    return this.#removal;
  }

  transferLeader(to: bigint): void {
    this.#driver?.transferLeader(to === NO_MEMBER ? undefined : to);
    this.#driver?.turn();
  }

  peers(): readonly PeerStatus[] {
    const progress = this.#driver?.status().progress ?? [];
    const connections = this.#network?.status() ?? [];
    return connections.map(({ id, activeSinceMs }) => ({
      id,
      activeSinceMs: activeSinceMs && performance.timeOrigin + activeSinceMs,
      matchIndex: progress.find((member) => member.id === id)?.matchIndex,
    }));
  }

  status(): RaftWorkerStatus {
    assert(this.#driver !== undefined, "the Raft worker was not started");
    const { role, term, leaderId, commitIndex, lastIndex, handedOverIndex } = this.#driver.status();
    return { role, term, leaderId: leaderId ?? 0n, commitIndex, lastIndex, handedOverIndex };
  }

  /** Turns the driver whenever something has arrived. */
  async #loop(driver: RaftDriver): Promise<void> {
    while (!this.#isStopped) {
      const seen = this.#bell.count();
      const worked = driver.turn();
      await this.#bell.wait(seen, worked ? 0 : driver.sleepMsMax);
    }
  }

  /** The member-to-member port, and what it hands over. */
  #openNetwork(): Promise<PeerNetwork> {
    const { clusterId, memberId, storeDirectory, snapshotDirectory, peers } = this.#data;
    const driver = (): RaftDriver => {
      assert(this.#driver !== undefined, "the network delivers to a member that was started");
      return this.#driver;
    };
    const drive = (act: (driver: RaftDriver) => void): void => {
      // Others may call before this member is ready; what they say is lost, as it may be.
      if (this.#driver !== undefined && !this.#isStopped) act(this.#driver);
    };
    return PeerNetwork.listen({
      ...peers,
      clusterId,
      memberId,
      storeDirectory,
      snapshotDirectory,
      logger: this.#logger,
      handlers: {
        onMessage: (from, message) => drive((driver) => driver.receive(from, message)),
        onAsk: (from, question) => drive((driver) => driver.asked(from, question)),
        onAnswer: (_from, answer) => drive((driver) => driver.answered(answer)),
        onHash: (from, report) => drive((driver) => driver.hashReported(from, report)),
        onDelivered: () => drive((driver) => driver.turn()),
        onSnapshot: (snapshot) => drive((driver) => driver.snapshotReceived(snapshot)),
        onUnreachable: (id) => drive((driver) => driver.contactLost(id)),
        onRemoved: () => this.#removed(),
        onDamage: fatal,
        members: async () => driver().members(),
      },
    });
  }

  #makeDriver(opened: OpenedLog, network: PeerNetwork, options: RaftStartOptions): RaftDriver {
    const { board, walSyncSeconds, bells, rings, memberId, seeds } = this.#data;
    const { appliedIndex } = options;
    const membership = decodeMembership(options.membership);
    const settings = settingsFor(this.#data);
    const statusBoard = new StatusBoard(board);
    const store = new WalLogStore({
      wal: opened.wal,
      board: statusBoard,
      syncSeconds: new SharedHistogram(D14_SECONDS, walSyncSeconds),
      nowMs: () => performance.now(),
      fatal,
    });
    this.#store = store;
    const raft = new Raft({
      id: memberId,
      configuration: configurationOf(membership),
      configuredIndex: appliedIndex,
      isConfChange: isConfChangePayload,
      leaveJointPayload: LEAVE_JOINT_PAYLOAD,
      settings,
      random: seededRandom(randomInt(RANDOM_LIMIT)),
      hardState: opened.hardState,
      log: opened.log,
      appliedIndex,
    });
    const own = this.#bell;
    const applyBell = new Bell(bells.apply);
    const frontends = bells.frontends.map((buffer, id) => {
      const bell = new Bell(buffer);
      const input = new RingReader(ringAt(rings.fromFrontends, id), {
        consumer: own,
        producer: bell,
      });
      const output = new RingWriter(ringAt(rings.toFrontends, id), {
        consumer: bell,
        producer: own,
      });
      return { input, output };
    });
    const apply = {
      input: new RingReader(rings.fromApply, { consumer: own, producer: applyBell }),
      output: new RingWriter(rings.toApply, { consumer: applyBell, producer: own }),
    };
    // A turn at once, instead of by way of the bell: a lone client waits for nothing else.
    const wake = (): void => void this.#driver?.turn();
    return new RaftDriver(
      raft,
      {
        store,
        frontends,
        apply,
        peers: new PeerPort(network, wake),
        board: statusBoard,
        wake,
        onDiffering: (id, index) => {
          this.#logger.error("a member's store differs from the others'", {
            "member-id": id,
            index,
          });
        },
        onRemoved: () => this.#removed(),
      },
      {
        memberId,
        origin: this.#data.origin,
        electionTicks: settings.electionTicks,
        requestTicks: requestTicks(this.#data),
        membership,
        expected: decodeMembership(seeds).members,
      },
    );
  }

  /** A member that is to go on alone is not told by others, or by its own past, that it is none. */
  #removed(): void {
    if (!this.#data.forceNewCluster) this.#onRemoved();
  }

  #logOpened(opened: OpenedLog): void {
    const { base, entries } = opened.log;
    if (opened.isRestarted) {
      this.#logger.info("the WAL goes on after the snapshot that the store holds", {
        "snapshot-index": base.index,
      });
    }
    if (opened.adoptedEntries !== undefined) {
      this.#logger.warn("forcing a new cluster of this member alone", {
        "adopted-entries": opened.adoptedEntries,
      });
    }
    const last: Entry | undefined = entries.at(-1);
    if (opened.tornBytes > 0) {
      this.#logger.warn("cut an unfinished write off the WAL", { bytes: opened.tornBytes });
    }
    this.#logger.info("opened the WAL", {
      directory: this.#data.directory,
      "first-index": base.index + 1,
      "last-index": last?.index ?? base.index,
      term: opened.hardState.term,
      "commit-index": opened.hardState.commit,
    });
  }
}

function settingsFor(data: RaftWorkerData): RaftSettings {
  const electionTicks = Math.max(1, Math.floor(data.electionMs / data.heartbeatMs));
  return {
    electionTicks,
    heartbeatTicks: 1,
    inflightMessagesMax: RAFT_INFLIGHT_MESSAGES_MAX,
    appendBytesMax: RAFT_APPEND_BYTES_MAX,
    readsWaitingMax: RAFT_READS_WAITING_MAX,
    retention: {
      entriesMax: data.catchUpEntriesMax ?? RAFT_RETAINED_ENTRIES_MAX,
      bytesMax: RAFT_RETAINED_BYTES_MAX,
    },
    snapshotRetainBytesMax: RAFT_SNAPSHOT_RETAINED_BYTES_MAX,
    snapshotPatienceTicks: SNAPSHOT_PATIENCE_ELECTIONS * electionTicks,
    unappliedBytesMax: RAFT_UNAPPLIED_BYTES_MAX,
    preVote: data.preVote,
    advanceFirstElection: data.advanceFirstElection,
  };
}

/** Ticks after which a request has timed out on the frontend (limits.md section 4). */
function requestTicks({ electionMs, heartbeatMs }: RaftWorkerData): number {
  return Math.ceil((REQUEST_TIMEOUT_BASE_MS + 2 * electionMs) / heartbeatMs);
}

function ringAt(rings: readonly SharedArrayBuffer[], frontend: number): SharedArrayBuffer {
  const ring = rings[frontend];
  assert(ring !== undefined, "each frontend has a ring each way", { frontend });
  return ring;
}

/** Ends the worker, and so the process: its parent gets the error. */
function fatal(error: unknown): void {
  setImmediate(() => {
    throw error;
  });
}

assert(parentPort !== null, "the Raft worker runs in a worker thread");
serveControl(new RaftActor(workerData), parentPort);
