import assert from "node:assert/strict";
import { isJoint, memberIds } from "../../../src/raft-worker/core/configuration.js";
import type { RaftSettings } from "../../../src/raft-worker/core/node.js";
import { isVoter } from "../../../src/raft-worker/core/quorum.js";
import type { RaftStatus } from "../../../src/raft-worker/core/status.js";
import { type Random, seededRandom } from "../../../src/shared/prng.js";
import { TestCluster } from "./cluster.js";
import { ONCE, SafetyChecker } from "./safety.js";

const AFTER_THE_STORM = Buffer.from("after the storm");

type Action =
  | "network"
  | "persist"
  | "tick"
  | "timeout"
  | "propose"
  | "read"
  | "crash"
  | "restart"
  | "partition"
  | "mend"
  | "apply"
  | "flush"
  | "change"
  | "transfer"
  | "snapshot"
  | "unreachable";

/**
 * How often things happen, drawn anew for each run: a schedule with slow disks, one with hardly any
 * network and one with constant crashes find different mistakes.
 */
function drawWeights(random: Random): [Action, number][] {
  const about = (weight: number): number => Math.ceil((weight * (1 + random.below(40))) / 20);
  return [
    ["network", about(800)],
    ["persist", about(300)],
    ["tick", about(100)],
    ["timeout", about(10)],
    ["propose", about(60)],
    ["read", about(60)],
    ["crash", about(8)],
    ["restart", about(60)],
    ["partition", about(5)],
    ["mend", about(6)],
    ["apply", about(200)],
    ["flush", about(20)],
    ["change", about(20)],
    ["transfer", about(6)],
    ["snapshot", about(60)],
    ["unreachable", about(10)],
  ];
}

/** Members of different minds about time and memory: what must be safe in all of them. */
function drawSettings(random: Random): Partial<RaftSettings> {
  const entriesMax = random.below(2) === 0 ? 100_000 : random.below(12);
  return {
    preVote: random.below(4) > 0,
    advanceFirstElection: random.below(2) === 0,
    retention: { entriesMax, bytesMax: 1 << 30 },
    snapshotRetainBytesMax: random.below(2) === 0 ? 1 << 30 : 100,
    snapshotPatienceTicks: 5 + random.below(60),
    unappliedBytesMax: random.below(4) === 0 ? 60 : 1 << 30,
  };
}

const SPARES = 2;

/** A cluster under a random schedule of everything that can go wrong. */
export class ChaosRun {
  readonly cluster: TestCluster;
  readonly checker = new SafetyChecker();
  readonly #random: Random;
  readonly #weights: [Action, number][];
  readonly #weightSum: number;
  #nextPayload = 1;
  #nextRead = 1;

  constructor(seed: number, size: number) {
    this.#random = seededRandom(seed);
    this.#weights = drawWeights(this.#random);
    this.#weightSum = this.#weights.reduce((sum, [, weight]) => sum + weight, 0);
    this.cluster = new TestCluster({
      size,
      spares: SPARES,
      seed: seed + 1,
      settings: drawSettings(this.#random),
      watch: (id, effect) => this.checker.watch(id, effect),
      watchPacket: (packet) => this.checker.watchPacket(packet),
    });
    this.checker.attach(this.cluster);
    this.cluster.startAll();
  }

  /** Safety phase: anything may happen. */
  disturb(steps: number): void {
    for (let step = 0; step < steps; step += 1) {
      this.#oneStep();
      if (step % 50 === 0) this.checker.logMatching();
    }
    this.checker.logMatching();
  }

  /** Liveness phase: the faults end, and the group must agree on something new. */
  heal(): void {
    this.cluster.cut.clear();
    for (const member of this.cluster.members.values()) {
      if (member.raft === undefined) this.cluster.start(member.id);
    }
    for (let tick = 0; tick < 600 && !this.#isHealed(); tick += 1) {
      for (const member of this.cluster.running) {
        this.cluster.step(member.id, { kind: "tick" });
        this.cluster.settle();
      }
      const leader = this.#leader();
      if (leader !== undefined) {
        this.cluster.step(leader, { kind: "propose", payloads: [AFTER_THE_STORM] });
        this.#read(leader);
      }
      this.cluster.settle();
    }
    assert.ok(this.#isHealed(), "the group recovers when the faults end");
    this.checker.logMatching();
  }

  #oneStep(): void {
    const { cluster } = this;
    const random = this.#random;
    const id = this.#drawMember();
    const member = cluster.member(id);
    switch (this.#drawAction()) {
      case "network":
        return this.#network();
      case "persist":
        return cluster.persist(id, 1 + random.below(3));
      case "tick":
        return this.#tick(id);
      case "timeout":
        return this.#ticks(id, 20);
      case "propose":
        return this.#propose(id);
      case "read":
        return this.#read(this.#drawLeader() ?? id);
      case "crash":
        return member.crash(random.below(member.writes.length + 1));
      case "restart":
        return this.#restart(id);
      case "partition":
        return this.#partition();
      case "mend":
        return cluster.cut.clear();
      case "apply":
        return cluster.apply(id, 1 + random.below(8));
      case "flush":
        return cluster.flush(id, random.below(2) === 0);
      case "change":
        return this.#change(id);
      case "transfer":
        return this.#transfer(id);
      case "snapshot":
        return this.#snapshot(id);
      case "unreachable":
        return this.#unreachable(id);
    }
  }

  /** Half the time one that believes to lead: those who are wrong must not answer. */
  #drawLeader(): bigint | undefined {
    if (this.#random.below(2) === 0) return undefined;
    const leaders = this.cluster.running.filter(({ raft }) => raft?.status().role === "leader");
    return leaders.length === 0 ? undefined : leaders[this.#random.below(leaders.length)]?.id;
  }

  /** Mostly one that belongs to the group, so that things get done. */
  #drawMember(): bigint {
    const leader = this.#leader();
    const ids = [...this.cluster.members.keys()];
    const inGroup =
      leader === undefined ? [] : memberIds(this.cluster.member(leader).store.configuration);
    const chosen = inGroup.length > 0 && this.#random.below(6) > 0 ? inGroup : ids;
    return chosen[this.#random.below(chosen.length)] ?? 1n;
  }

  #drawAction(): Action {
    let dice = this.#random.below(this.#weightSum);
    for (const [action, weight] of this.#weights) {
      if (dice < weight) return action;
      dice -= weight;
    }
    return "network";
  }

  /** Clocks mostly go together; sometimes one runs ahead. */
  #tick(id: bigint): void {
    const together = this.#random.below(4) > 0;
    for (const member of together ? this.cluster.running : [this.cluster.member(id)]) {
      this.cluster.step(member.id, { kind: "tick" });
    }
  }

  #ticks(id: bigint, count: number): void {
    for (let tick = 0; tick < count; tick += 1) this.cluster.step(id, { kind: "tick" });
  }

  #network(): void {
    const burst = 1 + this.#random.below(6);
    for (let count = 0; count < burst; count += 1) this.#packet();
  }

  #packet(): void {
    const { network } = this.cluster;
    if (network.length === 0) return;
    // Mostly from the front, so that things get done; sometimes any, so that they get reordered.
    const position = this.#random.below(this.#random.below(4) === 0 ? network.length : 1);
    const dice = this.#random.below(100);
    // Proposals are the one thing that a transport may not deliver twice.
    const kind = network[position]?.message.kind;
    const mayCopy = kind !== "proposeRequest" && kind !== "proposeRefused";
    if (dice < 6) network.splice(position, 1);
    else this.cluster.deliver(position, dice < 12 && mayCopy);
  }

  #propose(id: bigint): void {
    const count = 1 + this.#random.below(3);
    const payloads = Array.from({ length: count }, () => {
      this.#nextPayload += 1;
      return Buffer.from(`${ONCE}${this.#nextPayload}`);
    });
    this.cluster.step(id, { kind: "propose", payloads });
  }

  #read(id: bigint): void {
    this.#nextRead += 1;
    this.checker.readAsked(id, this.#nextRead);
    this.cluster.step(id, { kind: "readIndex", id: this.#nextRead });
  }

  #restart(id: bigint): void {
    if (this.cluster.member(id).raft === undefined) this.cluster.start(id);
  }

  /** Proposes changes of the configuration, mostly to a leader: simple or joint, sensible or not. */
  #change(id: bigint): void {
    const random = this.#random;
    const payloads = Array.from({ length: 1 + random.below(3) }, () => this.#drawChange());
    const proposer = random.below(4) === 0 ? id : (this.#leader() ?? id);
    this.cluster.step(proposer, { kind: "propose", payloads });
  }

  #drawChange(): Buffer {
    const random = this.#random;
    const words = Array.from({ length: 1 + random.below(2) * random.below(4) }, () => {
      const kind = "+++~~--"[random.below(7)] ?? "";
      return `${kind}${1 + random.below(this.cluster.members.size)}`;
    });
    return Buffer.from(`conf ${words.join(" ")}`);
  }

  #transfer(id: bigint): void {
    const to = this.#random.below(3) === 0 ? undefined : id;
    this.cluster.step(this.#leader() ?? id, { kind: "transferLeader", to });
  }

  #unreachable(id: bigint): void {
    const other = BigInt(1 + this.#random.below(this.cluster.members.size));
    this.cluster.step(id, { kind: "unreachable", id: other });
  }

  #snapshot(id: bigint): void {
    const { cluster } = this;
    cluster.startSnapshot(id);
    cluster.installSnapshot(id);
    const { length } = cluster.snapshots;
    if (length === 0) return;
    cluster.finishSnapshot(this.#random.below(length), this.#random.below(4) > 0);
  }

  /** Any two sides; often the leader on one of them, alone or nearly so. */
  #partition(): void {
    const leader = this.#leader();
    if (leader !== undefined && this.#random.below(2) === 0) {
      const ids = [...this.cluster.members.keys()];
      const few = ids.filter((id) => id === leader || this.#random.below(5) === 0);
      this.cluster.partition([few, ids.filter((id) => !few.includes(id))]);
      return;
    }
    const groups: bigint[][] = [[], []];
    for (const id of this.cluster.members.keys()) groups[this.#random.below(2)]?.push(id);
    this.cluster.partition(groups);
  }

  /** The newest leader: a deposed one may not know it yet. */
  #leader(): bigint | undefined {
    let newest: RaftStatus | undefined;
    let leader: bigint | undefined;
    for (const { id, raft } of this.cluster.running) {
      const status = raft?.status();
      if (status?.role !== "leader" || status.term < (newest?.term ?? 0)) continue;
      newest = status;
      leader = id;
    }
    return leader;
  }

  /** Whether all that the newest leader counts as members have applied something new. */
  #isHealed(): boolean {
    const leader = this.#leader();
    if (leader === undefined) return false;
    const newest = this.checker.committed.findLastIndex((entry) =>
      AFTER_THE_STORM.equals(entry.payload),
    );
    const { configuration } = this.cluster.member(leader).store;
    if (newest < 0 || isJoint(configuration) || !isVoter(configuration.voters, leader))
      return false;
    return memberIds(configuration).every((id) => this.cluster.member(id).store.index > newest);
  }
}
