import { checkLinearizable } from "../support/linearizability/check.js";
import { KV_MODEL } from "../support/linearizability/kv-model.js";
import type { Random } from "../support/random.js";
import { LeaseChecks } from "./checks/lease-checks.js";
import { ReadChecks } from "./checks/read-checks.js";
import { WatchCheck, type WatchSpec } from "./checks/watch-checks.js";
import { AdminClient } from "./clients/admin-client.js";
import { History } from "./clients/history.js";
import { KvClient } from "./clients/kv-client.js";
import { LeaseClient } from "./clients/lease-client.js";
import { MemberPort } from "./clients/member-port.js";
import { WatchClient } from "./clients/watch-client.js";
import { SimCluster } from "./cluster.js";
import { Nemesis } from "./faults/nemesis.js";
import { drawProfile, type Profile } from "./faults/profile.js";
import { promise } from "./world/failure.js";
import { World } from "./world/world.js";

/** How long everything may take to heal. */
const HEAL_MS = 30_000;
/** Longer than any lease that nobody renews lives. */
const LEASES_END_MS = 15_000;

/** What a run came to. */
export interface Outcome {
  readonly traceHash: string;
  readonly events: number;
  readonly committed: number;
  readonly operations: number;
  readonly elections: number;
  readonly reads: number;
  readonly watchEvents: number;
  readonly leases: number;
  readonly snapshots: number;
  readonly restarts: number;
  readonly changes: number;
}

/** One cluster and its clients, from one seed. */
export class Simulation {
  readonly world: World;
  readonly profile: Profile;
  readonly #random: Random;
  readonly #cluster: SimCluster;
  readonly #nemesis: Nemesis;
  readonly #history = new History();
  readonly #leases: LeaseChecks;
  readonly #kvClients: KvClient[];
  readonly #leaseClients: LeaseClient[];
  readonly #watchChecks: WatchCheck[] = [];
  readonly #watchClients: WatchClient[];
  readonly #admin: AdminClient | undefined;

  constructor(
    seed: number,
    trace: { readonly keep: boolean; readonly print?: (line: string) => void },
  ) {
    this.world = new World(seed, trace);
    this.#random = this.world.random("simulation");
    this.profile = drawProfile(this.world.random("profile"));
    this.#cluster = new SimCluster(this.world, this.profile);
    this.#nemesis = new Nemesis(this.world, this.#cluster, this.profile);
    this.#leases = new LeaseChecks(this.world);
    this.#cluster.checks.truth.onRevoked = (id) => this.#leases.revoked(id);
    this.#kvClients = this.#makeKvClients();
    this.#leaseClients = this.#makeLeaseClients();
    this.#watchClients = this.#makeWatchClients();
    this.#admin = this.#makeAdmin();
  }

  /** Runs both phases. Throws `SimFailure` when a promise is broken. */
  async run(): Promise<Outcome> {
    const { world, profile } = this;
    this.#cluster.start();
    for (const client of this.#clients()) client.start();
    world.events.after(1500, () => {
      this.#nemesis.start();
      this.#admin?.start();
    });
    await world.runUntil(profile.safetyMs);
    world.trace.note(0, "faults end");
    this.#nemesis.stop();
    this.#admin?.stop();
    await this.#heal();
    this.#checkHistory();
    return this.#outcome();
  }

  async #heal(): Promise<void> {
    const { world } = this;
    const served = this.#kvClients.map(({ succeeded }) => succeeded + 5);
    const isServed = (): boolean =>
      this.#kvClients.every(({ succeeded }, at) => succeeded >= served[at]!);
    const didServe = await world.runUntil(world.nowMs + HEAL_MS, isServed);
    promise(didServe, "the cluster heals", () => `clients are not served; ${this.#describe()}`);
    for (const client of [...this.#kvClients, ...this.#leaseClients]) client.stop();
    for (const client of this.#watchClients) client.hurry();
    const didSettle = await world.runUntil(world.nowMs + HEAL_MS, () => this.#isSettled());
    promise(didSettle, "the cluster heals", () => `members differ; ${this.#describe()}`);
    if (this.#leases.count > 0) {
      await world.runUntil(world.nowMs + LEASES_END_MS, () => this.#leases.overdue().length === 0);
      const overdue = this.#leases.overdue();
      promise(
        overdue.length === 0,
        "leases end",
        () => `leases ${overdue.join(", ")} are still there`,
      );
    }
  }

  /** Every member has applied everything, and every watcher was told everything. */
  #isSettled(): boolean {
    const { truth, raft } = this.#cluster.checks;
    if (truth.appliedIndex < raft.committedIndex) return false;
    const up = new Set(this.#cluster.members.filter(({ isUp }) => isUp).map(({ id }) => id));
    const isLagging = truth.members.some(
      ({ ID }) => !up.has(ID) || truth.appliedBy(ID) < truth.appliedIndex,
    );
    if (isLagging) return false;
    return this.#watchClients.every((client) => client.isCompleteTo(truth.revision));
  }

  #checkHistory(): void {
    const { raft, truth } = this.#cluster.checks;
    const operations = this.#history.operations((request) => {
      const index = raft.indexOf(request);
      return index === undefined ? undefined : truth.resultAt(index);
    });
    const verdict = checkLinearizable(KV_MODEL, operations);
    promise(verdict.verdict === "linearizable", "the history is linearizable", () => verdict.text);
  }

  #describe(): string {
    const { truth, raft } = this.#cluster.checks;
    const members = this.#cluster.members.map(({ id, process }) => {
      const status = process?.raft?.status();
      if (status === undefined) return `${id}: down`;
      const { role, term, commitIndex, lastIndex, leaderId } = status;
      return `${id}: ${role} of term ${term} under ${leaderId}, log to ${lastIndex}, committed ${commitIndex}, applied ${truth.appliedBy(id)}`;
    });
    const watches = this.#watchClients.map((client) => client.isCompleteTo(truth.revision));
    return `committed ${raft.committedIndex}; ${members.join("; ")}; watches complete: ${watches.join(" ")}`;
  }

  #outcome(): Outcome {
    const { checks } = this.#cluster;
    return {
      traceHash: this.world.trace.hash,
      events: this.world.trace.count,
      committed: checks.raft.committedIndex,
      operations: this.#history.answered,
      elections: checks.raft.elections,
      reads: checks.raft.readsAnswered,
      watchEvents: this.#watchChecks.reduce((sum, { events }) => sum + events, 0),
      leases: this.#leases.count,
      snapshots: checks.snapshots,
      restarts: checks.restarts,
      changes: checks.truth.changes - this.profile.size,
    };
  }

  #clients(): readonly { start(): void }[] {
    return [...this.#kvClients, ...this.#leaseClients, ...this.#watchClients];
  }

  #port(name: string): MemberPort {
    return new MemberPort(this.world, this.world.random(name), () => this.#cluster.serving);
  }

  #makeAdmin(): AdminClient | undefined {
    const { changeEveryMs } = this.profile;
    if (changeEveryMs === undefined) return undefined;
    return new AdminClient({
      world: this.world,
      random: this.world.random("admin"),
      port: this.#port("admin port"),
      cluster: this.#cluster,
      everyMs: changeEveryMs,
    });
  }

  #makeKvClients(): KvClient[] {
    const reads = new ReadChecks(this.#cluster.checks.truth);
    const { keys, thinkMsMax, clients } = this.profile;
    return Array.from({ length: clients }, (_, at) => {
      const name = `client ${at}`;
      return new KvClient({
        number: at + 1,
        world: this.world,
        random: this.world.random(name),
        port: this.#port(`${name} port`),
        history: this.#history,
        reads,
        keys,
        thinkMsMax,
      });
    });
  }

  #makeLeaseClients(): LeaseClient[] {
    return Array.from({ length: this.profile.leaseClients }, (_, at) => {
      const name = `lease client ${at}`;
      return new LeaseClient({
        number: at + 1,
        world: this.world,
        random: this.world.random(name),
        port: this.#port(`${name} port`),
        leases: this.#leases,
      });
    });
  }

  #makeWatchClients(): WatchClient[] {
    return Array.from({ length: this.profile.watchClients }, (_, at) => {
      const spec = this.#drawSpec();
      const check = new WatchCheck(this.#cluster.checks.truth, `watcher ${at}`, spec);
      this.#watchChecks.push(check);
      return new WatchClient({
        world: this.world,
        random: this.world.random(`watch client ${at}`),
        members: () => this.#cluster.serving,
        spec,
        check,
      });
    });
  }

  #drawSpec(): WatchSpec {
    const random = this.#random;
    const isAll = random.chance(0.6);
    const filter = random.integer(0, 5);
    return {
      key: isAll ? "\0" : random.pick(this.profile.keys),
      end: isAll ? "\0" : "",
      prevKv: random.chance(0.5),
      noPut: filter === 0,
      noDelete: filter === 1,
    };
  }
}
