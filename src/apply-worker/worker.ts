import { parentPort, workerData } from "node:worker_threads";
import { assert } from "../shared/assert.js";
import type {
  ApplyControl,
  ApplyOpened,
  ApplyWorkerData,
  ApplyWorkerStatus,
  DeltaSegmentMessage,
} from "../shared/control/apply-control.js";
import { serveControl } from "../shared/control/endpoint.js";
import { MemberListResponse } from "../shared/gen/etcdserverpb/rpc.js";
import { D14_SECONDS, SharedHistogram } from "../shared/histogram.js";
import { DeltaWriter } from "../shared/mvcc/delta-writer.js";
import { Bell } from "../shared/ring/bell.js";
import { RingReader } from "../shared/ring/reader.js";
import { RingWriter } from "../shared/ring/writer.js";
import { readSnapshotHeader } from "../shared/snapshot/snapshot-file.js";
import { SnapshotError } from "../shared/snapshot/snapshot-format.js";
import { StatusBoard } from "../shared/status-board.js";
import { createWorkerLogger } from "../shared/worker-logger.js";
import type { ApplyCounts } from "./core/machine-context.js";
import type { StateMachine } from "./core/state-machine.js";
import {
  ApplyDriver,
  type ApplyDriverOptions,
  type Heritage,
  type ReceivedSnapshot,
} from "./driver.js";
import type { FrontendRings } from "./frontend-port.js";
import { restoreMachine } from "./restore.js";
import { installSnapshot } from "./snapshot-install.js";
import { StoreWriter } from "./store/store-writer.js";
import { checkIdentity, encodeIdentity, IDENTITY_VALUE } from "./store-identity.js";

/** Longest time between two turns of the event loop while there is work: timers and control wait for it. */
const EVENT_LOOP_TURN_MS = 5;
/** How long an orderly stop waits for the leases' records to come back through the log. */
const RECORD_LEASES_MS = 1000;
const RECORD_LEASES_POLL_MS = 5;

/** What there is once the store is open. A snapshot ends one life of machine and driver and begins another. */
interface Opened {
  readonly store: StoreWriter;
  readonly delta: DeltaWriter;
  readonly rings: Pick<ApplyDriverOptions, "fromRaft" | "toRaft" | "frontends">;
  machine: StateMachine;
  driver: ApplyDriver;
}

/** The apply worker: real ports around a driver, and the loop that turns it. */
class ApplyActor implements ApplyControl {
  readonly #data: ApplyWorkerData;
  readonly #bell: Bell;
  readonly #logger;
  #opened: Opened | undefined;
  #loop: Promise<void> | undefined;
  #stopping = false;

  constructor(data: ApplyWorkerData) {
    this.#data = data;
    this.#bell = new Bell(data.bells.apply);
    this.#logger = createWorkerLogger(data.logPort, data.logLevel);
  }

  async open({ snapshotFile }: { snapshotFile?: string } = {}): Promise<ApplyOpened> {
    assert(this.#opened === undefined, "the store is opened once");
    const startedMs = performance.now();
    const store = StoreWriter.open(this.#data.directory);
    const stored = store.reader.snapshot.namedValue(IDENTITY_VALUE);
    checkIdentity(this.#data.directory, stored, this.#data);
    if (snapshotFile !== undefined) await this.#installAtStart(store, snapshotFile);
    const delta = new DeltaWriter({ onSegment: (...added) => this.#postSegment(...added) });
    const rings = this.#makeRings();
    this.#opened = { store, delta, rings, ...this.#makeLife({ store, delta, rings }) };
    const { machine } = this.#opened;
    const { appliedIndex, appliedTerm, revision, compactRevision } = store.state;
    this.#logger.info("opened the store", {
      directory: this.#data.directory,
      "applied-index": appliedIndex,
      revision,
      "compact-revision": compactRevision,
      leases: machine.lessor.count,
      took: `${(performance.now() - startedMs).toFixed(1)}ms`,
    });
    const members = { header: undefined, members: machine.members.all() };
    return {
      appliedIndex,
      appliedTerm,
      revision,
      compactRevision,
      members: MemberListResponse.encode(members).finish(),
      removed: machine.members.removed(),
    };
  }

  async start(): Promise<void> {
    assert(this.#opened && !this.#loop, "the apply worker is started once, when its store is open");
    const opened = this.#opened;
    this.#loop = this.#run(opened);
    this.#loop.catch((error: unknown) => void this.#fail(opened, error));
  }

  async recordLeases(): Promise<void> {
    const driver = this.#opened?.driver;
    if (driver === undefined) return;
    driver.recordLeases();
    const deadlineMs = performance.now() + RECORD_LEASES_MS;
    while (!driver.isOwnApplied && performance.now() < deadlineMs) {
      await new Promise((resolve) => setTimeout(resolve, RECORD_LEASES_POLL_MS));
    }
  }

  async stop(): Promise<void> {
    if (this.#opened === undefined || this.#stopping) return;
    const opened = this.#opened;
    this.#stopping = true;
    opened.driver.wantCheckpoint();
    this.#bell.ring();
    await this.#loop;
    await opened.driver.close(new Error("the server stops"));
    await opened.store.close();
  }

  status(): ApplyWorkerStatus {
    assert(this.#opened !== undefined, "the apply worker was not started");
    const { machine, store } = this.#opened;
    const { lessor, space } = machine;
    return {
      appliedIndex: machine.appliedIndex,
      flushedIndex: store.state.appliedIndex,
      revision: space.view.revision,
      leases: lessor.count,
      isPrimaryLessor: lessor.isPrimary,
    };
  }

  /**
   * Drains everything there is before it sleeps. It never blocks the thread: LMDB's commits and the
   * control plane come over the event loop.
   */
  async #run(opened: Opened): Promise<void> {
    let eventLoopMs = performance.now();
    for (;;) {
      const seen = this.#bell.count();
      const { worked, deadlineMs } = opened.driver.turn();
      if (this.#stopping && opened.driver.isSettled) return;
      const { readySnapshot, waitsForEventLoop } = opened.driver;
      const nowMs = performance.now();
      if (readySnapshot !== undefined) await this.#beginAnew(opened, readySnapshot);
      else if (!worked) await this.#bell.wait(seen, Math.max(0, deadlineMs - nowMs));
      else if (waitsForEventLoop || nowMs - eventLoopMs >= EVENT_LOOP_TURN_MS) {
        await new Promise((resolve) => setImmediate(resolve));
      } else continue;
      eventLoopMs = performance.now();
    }
  }

  /** A snapshot takes the store's place: what was made of the old one ends, and a new life begins. */
  async #beginAnew(opened: Opened, snapshot: ReceivedSnapshot): Promise<void> {
    const heritage = opened.driver.bequeath();
    const { counts } = opened.machine;
    await this.#install(opened.store, snapshot.path);
    assert(opened.store.state.appliedIndex === snapshot.index, "the snapshot is the one announced");
    Object.assign(opened, this.#makeLife(opened, { heritage, counts }));
    if (this.#stopping) opened.driver.wantCheckpoint();
    opened.driver.announce(snapshot);
  }

  /**
   * The process may have ended between the snapshot's arrival and its installation. A file that was damaged
   * since is passed over: whether log and store do without it is judged when the log is opened.
   */
  async #installAtStart(store: StoreWriter, path: string): Promise<void> {
    try {
      const { index } = readSnapshotHeader(path, this.#data.clusterId);
      if (index > store.state.appliedIndex) await this.#install(store, path);
    } catch (error) {
      if (!(error instanceof SnapshotError)) throw error;
      this.#logger.warn("passed over a snapshot that cannot be installed", {
        path,
        error: error.message,
      });
    }
  }

  async #install(store: StoreWriter, path: string): Promise<void> {
    const startedMs = performance.now();
    const from = store.state.appliedIndex;
    await installSnapshot(store, path, this.#data);
    this.#logger.info("installed a snapshot in the place of the store", {
      path,
      "from-index": from,
      "applied-index": store.state.appliedIndex,
      revision: store.state.revision,
      took: `${(performance.now() - startedMs).toFixed(1)}ms`,
    });
  }

  /** Ends the worker, and so the process: its parent gets the error. */
  async #fail(opened: Opened, error: unknown): Promise<void> {
    // LMDB would hang at the thread's exit if a transaction were still open.
    await opened.driver.close(new Error("the apply worker failed", { cause: error }));
    setImmediate(() => {
      throw error;
    });
  }

  /** Machine and driver over the store as it is now. */
  #makeLife(
    { store, delta, rings }: Pick<Opened, "store" | "delta" | "rings">,
    former?: { readonly heritage: Heritage; readonly counts: ApplyCounts },
  ): Pick<Opened, "machine" | "driver"> {
    let driver: ApplyDriver | undefined;
    const machine = restoreMachine({
      data: this.#data,
      store,
      delta,
      usedBytes: () => driver?.usedBytes ?? 0,
      counts: former?.counts,
    });
    driver = new ApplyDriver({
      machine,
      store,
      delta,
      ...rings,
      board: new StatusBoard(this.#data.board),
      memberId: this.#data.memberId,
      origin: this.#data.origin,
      identity: encodeIdentity(this.#data),
      commitSeconds: new SharedHistogram(D14_SECONDS, this.#data.commitSeconds),
      clock: () => performance.now(),
      wake: () => this.#bell.ring(),
      onSlowApply: (tookMs, index) => {
        this.#logger.warn("apply request took too long", { took: `${tookMs.toFixed(1)}ms`, index });
      },
      ...(former && { heritage: former.heritage }),
    });
    return { machine, driver };
  }

  #makeRings(): Opened["rings"] {
    const { bells, rings } = this.#data;
    const raft = { consumer: new Bell(bells.raft), producer: this.#bell };
    return {
      fromRaft: new RingReader(rings.fromRaft, { consumer: this.#bell, producer: raft.consumer }),
      toRaft: new RingWriter(rings.toRaft, raft),
      frontends: bells.frontends.map((_buffer, id) => this.#frontendRings(id)),
    };
  }

  #frontendRings(id: number): FrontendRings {
    const { bells, rings } = this.#data;
    const buffer = bells.frontends[id];
    const from = rings.fromFrontends[id];
    const to = rings.toFrontends[id];
    assert(buffer && from && to, "each frontend has a bell and a ring each way", { id });
    const bell = new Bell(buffer);
    return {
      reader: new RingReader(from, { consumer: this.#bell, producer: bell }),
      writer: new RingWriter(to, { consumer: bell, producer: this.#bell }),
    };
  }

  #postSegment(segment: number, buffer: SharedArrayBuffer): void {
    const message: DeltaSegmentMessage = { segment, buffer };
    for (const port of this.#data.segmentPorts) port.postMessage(message);
  }
}

assert(parentPort !== null, "the apply worker runs in a worker thread");
serveControl(new ApplyActor(workerData), parentPort);
