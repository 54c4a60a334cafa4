import type { RaftSettings } from "../../../src/raft-worker/core/node.js";
import type { Random } from "../../support/random.js";
import { type Operation, SimDisk, systemError } from "../../wal/support/sim-disk.js";
import type { ClusterChecks } from "../checks/cluster-checks.js";
import { SimFailure } from "../world/failure.js";
import type { SimNetwork } from "../world/network.js";
import type { World } from "../world/world.js";
import type { DiskTiming, MemberSite } from "./member-site.js";
import type { PeerReceiver } from "./sim-peers.js";
import { SimProcess } from "./sim-process.js";
import type { DurableStore, StoreRules } from "./sim-store.js";
import { SnapshotShelf } from "./snapshot-shelf.js";
import { StoreContent } from "./store-content.js";

/** Marks the errors that the simulator put into a disk. */
const INJECTED = "simulated";

/** How a process ends. */
export type EndKind = "kill" | "powerCut";

/** What a member is made of. */
export interface SimMemberOptions {
  readonly id: bigint;
  readonly world: World;
  readonly network: SimNetwork;
  readonly checks: ClusterChecks;
  readonly bootstrap: readonly Uint8Array[];
  readonly raftSettings: RaftSettings;
}

/** A place in the cluster: a disk and a store that outlive their processes. */
export class SimMember {
  readonly id: bigint;
  readonly disk = new SimDisk();
  readonly diskTiming: DiskTiming = { delayMsMin: 0.1, delayMsMax: 2, stalledUntilMs: 0 };
  readonly storeRules: StoreRules = { commitMsMax: 10, failure: undefined };
  readonly durable: DurableStore = { content: StoreContent.empty };
  readonly #site: MemberSite;
  readonly #world: World;
  readonly #random: Random;
  #process: SimProcess | undefined;
  #isRemoved = false;
  /** Fails this many of the next writes. */
  #diskErrors = 0;
  /** Called when a process ends. */
  #onEnd: (() => void)[] = [];

  constructor(options: SimMemberOptions) {
    const { id, world, network } = options;
    this.id = id;
    this.#world = world;
    this.#random = world.random(`member ${id}`);
    this.disk.rules.fail = (operation) => this.#diskError(operation);
    this.#site = {
      ...options,
      random: this.#random,
      disk: this.disk,
      diskTiming: this.diskTiming,
      durable: this.durable,
      storeRules: this.storeRules,
      shelf: new SnapshotShelf(),
      onFailure: (error) => this.#failed(error),
      onUp: () => world.trace.note(Number(id), "up"),
      onRemoved: () => this.#removed(),
    };
    network.attach(id, this.#receiver());
  }

  /** The process that runs now. */
  get process(): SimProcess | undefined {
    return this.#process;
  }

  get isUp(): boolean {
    return this.#process?.isUp === true;
  }

  /** It was removed from the cluster, and has ended for good. */
  get isRemoved(): boolean {
    return this.#isRemoved;
  }

  /** Starts a process, when none runs. */
  start(): void {
    if (this.#process !== undefined || this.#isRemoved) return;
    this.#world.trace.note(Number(this.id), "start");
    this.#process = new SimProcess(this.#site);
  }

  /** Ends the process, when one runs. With the power, what was not synced may be lost. */
  end(kind: EndKind): void {
    if (this.#process === undefined) return;
    this.#world.trace.note(Number(this.id), kind);
    this.#process.end();
    this.#process = undefined;
    if (kind === "kill") this.disk.kill();
    else this.disk.crash(this.#random, { tearSectors: this.#random.chance(0.5) });
    for (const told of this.#onEnd.splice(0)) told();
  }

  /** Calls back when the process that runs now has ended. */
  whenEnded(told: () => void): void {
    this.#onEnd.push(told);
  }

  /** The next writes fail. */
  failDisk(count: number): void {
    this.#diskErrors = count;
  }

  #receiver(): PeerReceiver {
    return {
      message: (from, message) => this.#process?.receive(from, message),
      asked: (from, question) => this.#process?.hear((driver) => driver.asked(from, question)),
      answered: (answer) => this.#process?.hear((driver) => driver.answered(answer)),
      hashReported: (from, report) =>
        this.#process?.hear((driver) => driver.hashReported(from, report)),
      snapshot: (_from, content) => this.#process?.receiveSnapshot(content) === true,
      removed: () => this.#process?.gate(() => this.#removed()),
      hasRemoved: (id) => this.#process?.peers.hasRemoved(id) === true,
    };
  }

  #diskError({ kind, path }: Operation): Error | null {
    const isWrite = kind === "write" || kind === "writeDurably" || kind === "sync";
    if (this.#diskErrors === 0 || !isWrite) return null;
    this.#diskErrors -= 1;
    return systemError("EIO", path);
  }

  #removed(): void {
    this.#isRemoved = true;
    // After the turn that has told it.
    this.#world.events.after(0, () => this.end("kill"));
  }

  /** A failure that the disk was told to have ends the process; any other is a bug. */
  #failed(error: unknown): void {
    if (!isInjected(error)) {
      this.#world.fail(error instanceof SimFailure ? error : wrapped(this.id, error));
      return;
    }
    this.#world.trace.say(Number(this.id), () => `dies: ${String(error)}`);
    // What did not reach the disk is lost when the machine goes down, too; a process's death alone keeps it.
    this.end(this.#random.chance(0.5) ? "powerCut" : "kill");
  }
}

function wrapped(id: bigint, error: unknown): SimFailure {
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return new SimFailure("no broken invariant", `member ${id}: ${text}`, { cause: error });
}

function isInjected(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return error.message.includes(INJECTED) || isInjected(error.cause);
}
