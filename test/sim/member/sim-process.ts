import type { Message } from "../../../src/raft-worker/core/messages.js";
import type { Raft } from "../../../src/raft-worker/core/raft.js";
import type { RaftDriver } from "../../../src/raft-worker/driver.js";
import { type OpenedLog, openLog } from "../../../src/raft-worker/open-log.js";
import { TickClock } from "../../../src/raft-worker/tick-clock.js";
import { MemberListResponse } from "../../../src/shared/gen/etcdserverpb/rpc.js";
import { DeltaReader } from "../../../src/shared/mvcc/delta-reader.js";
import { ReadView } from "../../../src/shared/mvcc/read-view.js";
import { StatusBoard } from "../../../src/shared/status-board.js";
import { SimActor } from "./actor.js";
import { ApplyLife } from "./apply-life.js";
import type { MemberSite } from "./member-site.js";
import { makeProcessRings, type ProcessRings } from "./process-rings.js";
import { makeRaft } from "./raft-parts.js";
import { SimBell } from "./sim-bell.js";
import { SimFrontend } from "./sim-frontend.js";
import { SimPeers } from "./sim-peers.js";
import { SimStore } from "./sim-store.js";
import type { StoreContent } from "./store-content.js";
import { HEARTBEAT_MS } from "./timing.js";

const WAL_DIRECTORY = "/data/wal";
const SEEDS = 2 ** 32;

/** What runs once the process is up. */
interface Running {
  readonly raft: Raft;
  readonly driver: RaftDriver;
  readonly apply: ApplyLife;
  readonly frontend: SimFrontend;
  readonly raftActor: SimActor;
}

/** One life of a member: three actors over real rings, from start to crash. */
export class SimProcess {
  readonly peers: SimPeers;
  readonly #site: MemberSite;
  readonly #origin: bigint;
  readonly #clockOffsetMs: number;
  readonly #board = new StatusBoard();
  #running: Running | undefined;
  #store: SimStore | undefined;
  #isAlive = true;
  #isPaused = false;
  /** A tick that came while the process was stopped; a timer fires once, however long that took. */
  #tickIsHeld = false;
  /** What came while the process was stopped, in order. */
  #held: (() => void)[] = [];

  constructor(site: MemberSite) {
    this.#site = site;
    const { random, disk, durable } = site;
    const half = (): bigint => BigInt(random.integer(1, SEEDS - 1));
    this.#origin = (half() << 32n) | half();
    this.#clockOffsetMs = random.integer(0, 1_000_000);
    this.peers = new SimPeers({ ...site, gate: this.gate, store: () => durable.content });
    disk.rules.schedule = (run) => this.#afterDisk(run);
    this.#boot().catch((error: unknown) => this.#failed(error));
  }

  get isAlive(): boolean {
    return this.#isAlive;
  }

  /** The core, once the process is up. */
  get raft(): Raft | undefined {
    return this.#isAlive ? this.#running?.raft : undefined;
  }

  /** Whether it takes requests. */
  get isUp(): boolean {
    return this.#isAlive && this.#running !== undefined;
  }

  /** Runs something in the process: not when it has ended, later when it is stopped. */
  readonly gate = (run: () => void): void => {
    if (!this.#isAlive) return;
    if (this.#isPaused) {
      this.#held.push(run);
      return;
    }
    try {
      run();
    } catch (error) {
      this.#failed(error);
    }
  };

  /** A request arrives: `serve` runs on the frontend, if the process is up. */
  request(serve: (frontend: SimFrontend) => void): void {
    this.gate(() => {
      if (this.#running !== undefined) serve(this.#running.frontend);
    });
  }

  /** Something of another member arrives. */
  hear(take: (driver: RaftDriver) => void): void {
    this.gate(() => {
      if (this.#running === undefined) return;
      take(this.#running.driver);
      this.#running.raftActor.bell.ring();
    });
  }

  /** A message of another member arrives. */
  receive(from: bigint, message: Message): void {
    this.hear((driver) => driver.receive(from, message));
  }

  /** Another member's store arrives, and is kept in a file; false when nobody takes it. */
  receiveSnapshot(content: StoreContent): boolean {
    if (!this.isUp || this.#isPaused) return false;
    const { index, term, path } = this.#site.shelf.keep(content);
    this.#site.world.trace.note(Number(this.#site.id), "snapshot", index, term);
    this.hear((driver) => driver.snapshotReceived({ index, term, path }));
    return true;
  }

  /** SIGSTOP. */
  pause(): void {
    this.#isPaused = true;
  }

  /** SIGCONT: what waited in its sockets and timers is taken up. */
  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    const held = this.#held;
    this.#held = [];
    for (const run of held) this.gate(run);
  }

  /** The process is gone. */
  end(): void {
    this.#isAlive = false;
    this.#held = [];
    this.#store?.crash();
    this.#running?.frontend.close();
  }

  readonly #nowMs = (): number => this.#site.world.nowMs + this.#clockOffsetMs;

  #failed(error: unknown): void {
    if (this.#isAlive) this.#site.onFailure(error);
  }

  #afterDisk(run: () => void): void {
    const { world, random, diskTiming } = this.#site;
    const { delayMsMin, delayMsMax, stalledUntilMs } = diskTiming;
    const delayMs = delayMsMin + random.next() * (delayMsMax - delayMsMin);
    const stalledMs = Math.max(0, stalledUntilMs - world.nowMs);
    world.events.after(stalledMs + delayMs, () => this.gate(run));
  }

  async #boot(): Promise<void> {
    const { id, world, random, durable, storeRules, shelf, disk, bootstrap, checks } = this.#site;
    const parts = { durable, world, random, rules: storeRules, shelf, gate: this.gate };
    // A crash may have come between a snapshot's arrival and its installation.
    const installed = shelf.newest();
    if (installed !== undefined && installed.index > durable.content.state.appliedIndex) {
      durable.content = installed.content;
    }
    const store = new SimStore(parts);
    this.#store = store;
    const { appliedIndex, appliedTerm } = store.state;
    const opened = await openLog(
      {
        disk: disk.attach(),
        directory: WAL_DIRECTORY,
        drawSalt: () => BigInt(random.integer(0, SEEDS - 1)),
        segmentBytes: 16 * 1024,
        allocationBytes: 2048,
      },
      { clusterId: 1n, memberId: id },
      { index: appliedIndex, term: appliedTerm },
      { bootstrap, forceNewCluster: false, installedSnapshot: installed },
    );
    if (!this.#isAlive) return;
    for (let file = shelf.newest(); file !== undefined; file = shelf.newest())
      shelf.discard(file.path);
    checks.opened(id, opened, appliedIndex);
    this.#start(store, opened);
  }

  #start(store: SimStore, opened: OpenedLog): void {
    const { world, random } = this.#site;
    const bellSite = { world, random, gate: this.gate };
    const raftActor = new SimActor(bellSite, () => this.#turnRaft());
    const applyActor = new SimActor(bellSite, () => this.#turnApply());
    const mainBell = new SimBell(bellSite);
    const rings = makeProcessRings({
      raft: raftActor.bell,
      apply: applyActor.bell,
      main: mainBell,
    });
    const apply = new ApplyLife({
      site: this.#site,
      store,
      rings,
      board: this.#board,
      origin: this.#origin,
      nowMs: this.#nowMs,
      wake: () => applyActor.bell.ring(),
      onSegment: (segment, buffer) => frontend.postSegment({ segment, buffer }),
    });
    const frontend = this.#makeFrontend({ store, rings, apply, bell: mainBell });
    const { raft, driver } = makeRaft({
      site: this.#site,
      opened,
      rings,
      board: this.#board,
      peers: this.peers,
      membership: apply.membership(),
      origin: this.#origin,
      nowMs: this.#nowMs,
      fatal: (error) => this.#failed(error),
      wake: () => raftActor.bell.ring(),
    });
    this.#running = { raft, driver, apply, frontend, raftActor };
    this.#tickFrom(new TickClock(HEARTBEAT_MS, this.#nowMs()));
    frontend.frontend.start();
    driver.start();
    raftActor.start();
    applyActor.start();
    this.#site.onUp();
  }

  #makeFrontend(parts: {
    readonly store: SimStore;
    readonly rings: ProcessRings;
    readonly apply: ApplyLife;
    readonly bell: SimBell;
  }): SimFrontend {
    const { store, rings, apply, bell } = parts;
    const { revision, compactRevision, appliedIndex } = store.state;
    const { members } = apply.membership();
    return new SimFrontend({
      memberId: this.#site.id,
      origin: this.#origin,
      rings: {
        bell,
        toRaft: rings.mainToRaft.writer,
        fromRaft: rings.raftToMain.reader,
        toApply: rings.mainToApply.writer,
        fromApply: rings.applyToMain.reader,
      },
      view: new ReadView({
        base: store.newReader(),
        delta: new DeltaReader(),
        revision,
        compactRevision,
        appliedIndex,
      }),
      board: this.#board,
      members: MemberListResponse.encode({ header: undefined, members: [...members] }).finish(),
      nowMs: this.#nowMs,
      random: () => this.#site.random.next(),
      onBug: (error) => this.#failed(error),
    });
  }

  #tickFrom(clock: TickClock): void {
    const { world, random } = this.#site;
    world.events.after(HEARTBEAT_MS + random.next() * 2, () => {
      if (!this.#isAlive) return;
      this.#tickFrom(clock);
      if (this.#tickIsHeld) return;
      this.#tickIsHeld = this.#isPaused;
      this.gate(() => {
        this.#tickIsHeld = false;
        const ticks = clock.due(this.#nowMs() + 1);
        if (ticks > 0) this.#running?.driver.tick(ticks);
      });
    });
  }

  #turnRaft(): number {
    const driver = this.#running?.driver;
    if (driver === undefined) return Number.POSITIVE_INFINITY;
    return driver.turn() ? 0 : driver.sleepMsMax;
  }

  #turnApply(): number {
    return this.#running?.apply.turn() ?? Number.POSITIVE_INFINITY;
  }
}
