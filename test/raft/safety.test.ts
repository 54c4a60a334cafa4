import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { type Random, seededRandom } from "../../src/shared/prng.js";
import { TestCluster } from "./support/cluster.js";
import { SafetyChecker } from "./support/safety.js";

const SCALE = Number(process.env.CAPSTAN_TEST_SCALE ?? 1);
const STEPS = 4000;

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
  | "mend";

/**
 * How often things happen, drawn anew for each run: a schedule with slow disks, one with hardly any
 * network and one with constant crashes find different mistakes.
 */
function drawWeights(random: Random): [Action, number][] {
  const about = (weight: number): number => Math.ceil((weight * (1 + random.below(40))) / 20);
  return [
    ["network", about(400)],
    ["persist", about(200)],
    ["tick", about(120)],
    ["timeout", about(10)],
    ["propose", about(60)],
    ["read", about(60)],
    ["crash", about(10)],
    ["restart", about(30)],
    ["partition", about(10)],
    ["mend", about(15)],
  ];
}

/** A cluster under a random schedule of everything that can go wrong. */
class ChaosRun {
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
      seed: seed + 1,
      watch: (id, effect) => this.checker.watch(id, effect),
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
    const payload = Buffer.from("after the storm");
    const isDone = (): boolean =>
      this.cluster.running.every((member) => this.#hasApplied(member.id, payload));
    for (let tick = 0; tick < 400 && !isDone(); tick += 1) {
      for (const member of this.cluster.running) {
        this.cluster.step(member.id, { kind: "tick" });
        this.cluster.settle();
      }
      const leader = this.#leader();
      if (leader !== undefined) {
        this.cluster.step(leader, { kind: "propose", payloads: [payload] });
        this.#read(leader);
      }
      this.cluster.settle();
    }
    assert.ok(isDone(), "the group recovers when the faults end");
    this.checker.logMatching();
  }

  #oneStep(): void {
    const { cluster } = this;
    const random = this.#random;
    const id = BigInt(1 + random.below(cluster.members.size));
    const member = cluster.member(id);
    switch (this.#drawAction()) {
      case "network":
        return this.#network();
      case "persist":
        return cluster.persist(id, 1 + random.below(3));
      case "tick":
        return this.#ticks(id, 1);
      case "timeout":
        return this.#ticks(id, 20);
      case "propose":
        return this.#propose(id);
      case "read":
        return this.#read(id);
      case "crash":
        return member.crash(random.below(member.writes.length + 1));
      case "restart":
        return this.#restart(id);
      case "partition":
        return this.#partition();
      case "mend":
        return cluster.cut.clear();
    }
  }

  #drawAction(): Action {
    let dice = this.#random.below(this.#weightSum);
    for (const [action, weight] of this.#weights) {
      if (dice < weight) return action;
      dice -= weight;
    }
    return "network";
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
    // Proposals are the one message that a transport may not deliver twice.
    const mayCopy = network[position]?.message.kind !== "proposeRequest";
    if (dice < 6) network.splice(position, 1);
    else this.cluster.deliver(position, dice < 12 && mayCopy);
  }

  #propose(id: bigint): void {
    const count = 1 + this.#random.below(3);
    const payloads = Array.from({ length: count }, () => {
      this.#nextPayload += 1;
      return Buffer.from(`payload ${this.#nextPayload}`);
    });
    this.cluster.step(id, { kind: "propose", payloads });
  }

  #read(id: bigint): void {
    this.#nextRead += 1;
    this.checker.readAsked(id, this.#nextRead);
    this.cluster.step(id, { kind: "readIndex", id: this.#nextRead });
  }

  #restart(id: bigint): void {
    const member = this.cluster.member(id);
    if (member.raft !== undefined) return;
    // The store may hold any part of what was applied; the rest is given out again.
    const applied = Math.min(member.commitUpTo, member.disk.entries.length);
    this.cluster.start(id, this.#random.below(applied + 1));
  }

  #partition(): void {
    const groups: bigint[][] = [[], []];
    for (const id of this.cluster.members.keys()) groups[this.#random.below(2)]?.push(id);
    this.cluster.partition(groups);
  }

  #leader(): bigint | undefined {
    return this.cluster.running.find((member) => member.raft?.status().role === "leader")?.id;
  }

  #hasApplied(id: bigint, payload: Buffer): boolean {
    const member = this.cluster.member(id);
    const newest = this.checker.committed.findLastIndex((entry) => payload.equals(entry.payload));
    return newest >= 0 && member.commitUpTo > newest;
  }
}

for (const size of [3, 4, 5]) {
  test(`a group of ${size} stays safe under faults and recovers when they end`, (t) => {
    let committed = 0;
    let reads = 0;
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 31 }), (seed) => {
        const run = new ChaosRun(seed, size);
        run.disturb(STEPS);
        committed += run.checker.committed.length;
        reads += run.checker.readsAnswered;
        run.heal();
      }),
      { numRuns: Math.ceil(250 * SCALE) },
    );
    t.diagnostic(`${committed} committed, ${reads} reads`);
    // A schedule in which nothing ever happens would prove nothing.
    assert.ok(committed > 100, `only ${committed} entries were committed`);
    assert.ok(reads > 100, `only ${reads} reads were answered`);
  });
}
