import { randomBytes } from "node:crypto";
import { MessageChannel, type MessagePort, Worker } from "node:worker_threads";
import type { Remote } from "comlink";
import type { ApplyControl, ApplyWorkerData } from "../shared/control/apply-control.js";
import { connectControl } from "../shared/control/endpoint.js";
import type { RaftControl, RaftWorkerData } from "../shared/control/raft-control.js";
import { D14_SECONDS, SharedHistogram } from "../shared/histogram.js";
import { RING_CAPACITY_BYTES } from "../shared/limits.js";
import type { LogLevel } from "../shared/logger.js";
import { Bell } from "../shared/ring/bell.js";
import { createRing } from "../shared/ring/layout.js";
import { RingReader } from "../shared/ring/reader.js";
import { RingWriter } from "../shared/ring/writer.js";
import { StatusBoard } from "../shared/status-board.js";
import type { FrontendRings } from "./frontend/frontend.js";
import type { MainLog } from "./log/main-log.js";

/** Who the actors are and where they keep what they write. */
export interface ActorOptions extends GroupOptions {
  readonly memberId: bigint;
  readonly clusterId: bigint;
  readonly hasLog: boolean;
  readonly walDirectory: string;
  readonly heartbeatMs: number;
  readonly electionMs: number;
  readonly quotaBytes: number;
  readonly logLevel: LogLevel;
  readonly log: MainLog;
  /** Told once when a worker ended that nobody asked to end: the process must follow. */
  readonly onDeath: (actor: string, error: unknown) => void;
}

/** How a member comes to its group and takes part in it: for the Raft worker alone. */
type GroupOptions = Pick<
  RaftWorkerData,
  | "storeDirectory"
  | "snapshotDirectory"
  | "bootstrap"
  | "seeds"
  | "forceNewCluster"
  | "peers"
  | "preVote"
  | "catchUpEntriesMax"
  | "advanceFirstElection"
>;

/** What a frontend is connected by. */
export interface FrontendLink {
  readonly rings: FrontendRings;
  readonly segments: MessagePort;
}

/** One frontend today; every ring, bell and message is made for several. */
const FRONTENDS = 1;

/** The two worker actors, everything that connects them to the frontends, and their control planes. */
export class Actors {
  /** Drawn for this run of the process: tells its entries from replayed ones. */
  readonly origin = randomBytes(8).readBigUInt64LE();
  readonly board = new StatusBoard();
  readonly walSyncSeconds = new SharedHistogram(D14_SECONDS);
  readonly commitSeconds = new SharedHistogram(D14_SECONDS);
  readonly frontends: readonly FrontendLink[];
  readonly raft: Remote<RaftControl>;
  readonly apply: Remote<ApplyControl>;
  readonly #workers: readonly Worker[];
  #ending = false;

  constructor(options: ActorOptions) {
    const bells = { raft: new Bell(), apply: new Bell() };
    const rings = {
      raftToApply: createRing(RING_CAPACITY_BYTES),
      applyToRaft: createRing(RING_CAPACITY_BYTES),
    };
    const links = Array.from({ length: FRONTENDS }, makeLink);
    const frontendBells = links.map(({ bell }) => bell.buffer);
    const bellBuffers = {
      raft: bells.raft.buffer,
      apply: bells.apply.buffer,
      frontends: frontendBells,
    };
    const common = {
      memberId: options.memberId,
      origin: this.origin,
      clusterId: options.clusterId,
      heartbeatMs: options.heartbeatMs,
      electionMs: options.electionMs,
      board: this.board.buffer,
      bells: bellBuffers,
      logLevel: options.logLevel,
    };
    const raftData: Omit<RaftWorkerData, "logPort"> = {
      ...common,
      directory: options.walDirectory,
      ...groupOptions(options),
      walSyncSeconds: this.walSyncSeconds.buffer,
      rings: {
        fromFrontends: links.map((link) => link.toRaft),
        toFrontends: links.map((link) => link.fromRaft),
        fromApply: rings.applyToRaft,
        toApply: rings.raftToApply,
      },
    };
    const applyData: Omit<ApplyWorkerData, "logPort"> = {
      ...common,
      directory: options.storeDirectory,
      hasLog: options.hasLog,
      commitSeconds: this.commitSeconds.buffer,
      quotaBytes: options.quotaBytes,
      rings: {
        fromRaft: rings.raftToApply,
        toRaft: rings.applyToRaft,
        fromFrontends: links.map((link) => link.toApply),
        toFrontends: links.map((link) => link.fromApply),
      },
      segmentPorts: links.map(({ segments }) => segments.port1),
    };
    const raft = this.#spawn("raft-worker", raftData, [], options);
    const apply = this.#spawn("apply-worker", applyData, applyData.segmentPorts, options);
    this.#workers = [raft, apply];
    this.raft = connectControl<RaftControl>(raft);
    this.apply = connectControl<ApplyControl>(apply);
    this.frontends = links.map((link) => connectFrontend(link, bells));
  }

  /** Ends the worker threads. Their work must have been stopped before. */
  async end(): Promise<void> {
    this.#ending = true;
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
  }

  #spawn(
    actor: "raft-worker" | "apply-worker",
    data: object,
    ports: readonly MessagePort[],
    options: ActorOptions,
  ): Worker {
    const log = new MessageChannel();
    options.log.attach(log.port2);
    const worker = new Worker(WORKER_SCRIPTS[actor], {
      name: actor,
      workerData: { ...data, logPort: log.port1 },
      transferList: [log.port1, ...ports],
    });
    worker.once("error", (error) => this.#died(actor, error, options));
    worker.once("exit", (code) => {
      this.#died(actor, new Error(`the thread ended with code ${code}`), options);
    });
    return worker;
  }

  #died(actor: string, error: unknown, options: ActorOptions): void {
    if (this.#ending) return;
    this.#ending = true;
    options.onDeath(actor, error);
  }
}

/** The actors' programs; URLs, because no actor imports another. */
const WORKER_SCRIPTS = {
  "raft-worker": new URL("../raft-worker/worker.js", import.meta.url),
  "apply-worker": new URL("../apply-worker/worker.js", import.meta.url),
} as const;

interface Link {
  readonly bell: Bell;
  readonly toRaft: SharedArrayBuffer;
  readonly fromRaft: SharedArrayBuffer;
  readonly toApply: SharedArrayBuffer;
  readonly fromApply: SharedArrayBuffer;
  readonly segments: MessageChannel;
}

function makeLink(): Link {
  return {
    bell: new Bell(),
    toRaft: createRing(RING_CAPACITY_BYTES),
    fromRaft: createRing(RING_CAPACITY_BYTES),
    toApply: createRing(RING_CAPACITY_BYTES),
    fromApply: createRing(RING_CAPACITY_BYTES),
    segments: new MessageChannel(),
  };
}

function connectFrontend(link: Link, bells: { raft: Bell; apply: Bell }): FrontendLink {
  const own = link.bell;
  const writer = (ring: SharedArrayBuffer, consumer: Bell): RingWriter =>
    new RingWriter(ring, { consumer, producer: own });
  const reader = (ring: SharedArrayBuffer, producer: Bell): RingReader =>
    new RingReader(ring, { consumer: own, producer });
  return {
    rings: {
      bell: own,
      toRaft: writer(link.toRaft, bells.raft),
      fromRaft: reader(link.fromRaft, bells.raft),
      toApply: writer(link.toApply, bells.apply),
      fromApply: reader(link.fromApply, bells.apply),
    },
    segments: link.segments.port2,
  };
}

/** Only these: the rest of the options does not survive the way to a thread. */
function groupOptions(options: GroupOptions): GroupOptions {
  const { storeDirectory, snapshotDirectory, bootstrap, seeds, forceNewCluster } = options;
  const { peers, preVote, catchUpEntriesMax, advanceFirstElection } = options;
  const place = { storeDirectory, snapshotDirectory, bootstrap, seeds, forceNewCluster };
  return { ...place, peers, preVote, catchUpEntriesMax, advanceFirstElection };
}
