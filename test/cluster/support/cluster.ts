import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import type { TestContext } from "node:test";
import { eventually } from "../../process/support/eventually.js";
import { LoopbackNetwork } from "./loopback-network.js";
import { MemberClient } from "./member-client.js";
import { MemberProcess } from "./member-process.js";
import { NamespaceNetwork, skipWithoutNamespaces } from "./namespace-network.js";
import type { Network } from "./network.js";
import { type Subject, subjectCommand } from "./subject.js";

const READY_TIMEOUT_MS = 60_000;
const LEADER_TIMEOUT_MS = 60_000;
const STATUS_TIMEOUT_MS = 500;

/** How to start a cluster. */
export interface ClusterOptions {
  readonly subject: Subject;
  readonly size: number;
  /** Namespaces for this many members, when some are to be added later. */
  readonly places?: number;
  /** Where a member's data is, by its number; a temporary directory by default. */
  readonly dataDir?: (member: number) => string | undefined;
  readonly flags?: readonly string[];
}

/**
 * A cluster of real processes, each in a network namespace of its own, or else on ports of the loopback.
 * Members are numbered from 1.
 */
export class Cluster {
  readonly subject: Subject;
  readonly network: Network;
  readonly #options: ClusterOptions;
  readonly #folder = mkdtempSync(join(tmpdir(), "capstan-cluster-"));
  readonly #processes = new Map<number, MemberProcess>();
  readonly #clients = new Map<number, MemberClient>();
  /** Members that are in the cluster, whether they run or not. */
  readonly #members = new Set<number>();

  readonly #onExit = (): void => this.#removeFolder();

  private constructor(options: ClusterOptions, network: Network) {
    process.once("exit", this.#onExit);
    this.subject = options.subject;
    this.#options = options;
    this.network = network;
  }

  /** Starts all members and waits until they serve. It ends with the test. */
  static async start(t: TestContext, options: ClusterOptions): Promise<Cluster> {
    const places = options.places ?? options.size;
    const network = skipWithoutNamespaces()
      ? await LoopbackNetwork.make(places)
      : await NamespaceNetwork.make(places);
    const cluster = new Cluster(options, network);
    t.after(() => cluster.dispose());
    const members = Array.from({ length: options.size }, (_, index) => index + 1);
    for (const member of members) cluster.#members.add(member);
    try {
      for (const member of members) cluster.launch(member, "new");
      await Promise.all(members.map((member) => cluster.ready(member)));
    } catch (error) {
      await cluster.dispose();
      throw error;
    }
    return cluster;
  }

  /** The network's faults. Throws where there are none to make: such a test is to be skipped. */
  get faults(): NamespaceNetwork {
    if (this.network instanceof NamespaceNetwork) return this.network;
    throw new Error("the loopback cannot be cut");
  }

  /** Numbers of the members, in order. */
  get members(): readonly number[] {
    return [...this.#members].sort((a, b) => a - b);
  }

  /** Numbers of the members whose processes run. */
  get running(): readonly number[] {
    return this.members.filter((member) => this.#processes.get(member)?.isRunning === true);
  }

  client(member: number): MemberClient {
    const client = this.#clients.get(member) ?? new MemberClient(this.network.target(member));
    this.#clients.set(member, client);
    return client;
  }

  process(member: number): MemberProcess {
    const found = this.#processes.get(member);
    if (found === undefined) throw new Error(`member ${member} was never started`);
    return found;
  }

  dataDir(member: number): string {
    return this.#options.dataDir?.(member) ?? join(this.#folder, `m${member}`);
  }

  /** Starts a member's process; `ready` waits for it. */
  launch(member: number, state: "new" | "existing"): void {
    const { network } = this;
    const clientUrl = network.url(member, "client");
    const peerUrl = network.url(member, "peer");
    const roster = this.members.map((one) => `m${one}=${network.url(one, "peer")}`).join(",");
    const command = [
      ...network.commandPrefix(member),
      ...subjectCommand(this.subject),
      ...["--name", `m${member}`, "--data-dir", this.dataDir(member)],
      ...["--listen-client-urls", clientUrl, "--advertise-client-urls", clientUrl],
      ...["--listen-peer-urls", peerUrl, "--initial-advertise-peer-urls", peerUrl],
      ...["--initial-cluster", roster, "--initial-cluster-state", state],
      ...["--initial-cluster-token", `capstan-test-${process.pid}`],
      ...(this.#options.flags ?? []),
    ];
    this.#processes.set(member, new MemberProcess(command, `${basename(this.#folder)}-m${member}`));
  }

  /** Waits until a member that was launched serves. */
  async ready(member: number): Promise<void> {
    await this.process(member).ready(READY_TIMEOUT_MS);
    this.client(member).reconnect();
  }

  /** Starts a member again on its own data, and waits until it serves. */
  async restart(member: number): Promise<void> {
    this.launch(member, "existing");
    await this.ready(member);
  }

  /** Ends a member's process. */
  async end(member: number, signal: NodeJS.Signals): Promise<number | null> {
    return this.process(member).end(signal);
  }

  /** The member that is leader, by what a majority of them say; undefined without one. */
  async leader(): Promise<number | undefined> {
    const answers = await Promise.all(this.running.map((member) => this.#statusOf(member)));
    const heard = answers.filter((answer) => answer !== undefined);
    const quorum = Math.floor(this.#members.size / 2) + 1;
    return heard.find(
      ({ id, leader }) =>
        id === leader && heard.filter((other) => other.leader === id).length >= quorum,
    )?.member;
  }

  /** Waits until there is a leader, another than `notThis`; gives its number. */
  untilLeader(notThis?: number): Promise<number> {
    return eventually(LEADER_TIMEOUT_MS, async () => {
      const leader = await this.leader();
      return leader === notThis ? undefined : leader;
    });
  }

  /** A member that is not the leader. */
  async follower(): Promise<number> {
    const leader = await this.untilLeader();
    const found = this.running.find((member) => member !== leader);
    if (found === undefined) throw new Error("no follower runs");
    return found;
  }

  /** Takes a member out of the cluster, removes its data, and adds it anew, empty. */
  async wipeAndReAdd(member: number): Promise<void> {
    const other = this.client(this.running.find((one) => one !== member) ?? 0);
    await this.end(member, "SIGKILL");
    const id = await this.idOf(member);
    // Strict checks refuse until the others have been connected for a while.
    await untilDone(() => other.memberRemove(id));
    rmSync(this.dataDir(member), { recursive: true, force: true });
    await untilDone(() => other.memberAdd(this.network.url(member, "peer")));
    this.launch(member, "existing");
    await this.ready(member);
  }

  /** Adds a member, empty, and starts it. */
  async add(member: number, isLearner = false): Promise<void> {
    const other = this.client(this.running[0] ?? 0);
    await untilDone(() => other.memberAdd(this.network.url(member, "peer"), isLearner));
    await this.join(member);
  }

  /** Starts a member, empty, that was added already. */
  async join(member: number): Promise<void> {
    this.#members.add(member);
    this.launch(member, "existing");
    await this.ready(member);
  }

  /** Knows that a member was removed; waits until it has ended by itself, and gives its exit code. */
  async leave(member: number): Promise<number | null> {
    this.#members.delete(member);
    return this.process(member).exited;
  }

  /** Makes a learner a voter, as soon as it is in sync. */
  async promote(id: bigint): Promise<void> {
    const leader = this.client(await this.untilLeader());
    await untilDone(() => leader.memberPromote(id));
  }

  /** Takes a running member out of the cluster, and waits until it has ended by itself; its exit code. */
  async remove(member: number): Promise<number | null> {
    const other = this.client(this.running.find((one) => one !== member) ?? 0);
    const id = await this.idOf(member);
    await untilDone(() => other.memberRemove(id));
    return this.leave(member);
  }

  /** Hands leadership to a member, and waits until it has it. */
  async moveLeader(member: number): Promise<void> {
    const id = await this.idOf(member);
    await untilDone(async () => {
      const leader = await this.untilLeader();
      if (leader !== member) await this.client(leader).moveLeader(id);
    });
    await eventually(LEADER_TIMEOUT_MS, async () => (await this.leader()) === member || undefined);
  }

  /** The id of a member, as the cluster knows it by its peer URL. */
  async idOf(member: number): Promise<bigint> {
    const other = this.running.find((one) => one !== member) ?? member;
    const url = this.network.url(member, "peer");
    const list = await untilDone(() => this.client(other).memberList());
    const found = list.find(({ peerURLs }) => peerURLs.includes(url));
    if (found === undefined) throw new Error(`member ${member} is not in the list`);
    return found.ID;
  }

  /** Ends all processes and removes everything. May be called again. */
  async dispose(): Promise<void> {
    for (const client of this.#clients.values()) client.close();
    for (const one of this.#processes.values()) await one.end("SIGKILL");
    await this.network.dispose();
    process.removeListener("exit", this.#onExit);
    this.#removeFolder();
  }

  #removeFolder(): void {
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  }

  async #statusOf(
    member: number,
  ): Promise<{ member: number; id: bigint; leader: bigint } | undefined> {
    try {
      const { header, leader } = await this.client(member).status(STATUS_TIMEOUT_MS);
      return { member, id: header?.memberId ?? 0n, leader };
    } catch {
      return undefined;
    }
  }
}

/** Calls until it is done; rejects with the last error after a while. */
export async function untilDone<T>(call: () => Promise<T>): Promise<T> {
  let last: unknown;
  try {
    return await eventually(LEADER_TIMEOUT_MS, async () => {
      try {
        return { done: await call() };
      } catch (error) {
        last = error;
        return undefined;
      }
    }).then(({ done }) => done);
  } catch (cause) {
    throw new Error(`never done: ${String(last)}`, { cause });
  }
}
