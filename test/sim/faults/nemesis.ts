import type { Random } from "../../support/random.js";
import { systemError } from "../../wal/support/sim-disk.js";
import type { SimCluster } from "../cluster.js";
import type { SimMember } from "../member/sim-member.js";
import { CALM_NETWORK } from "../world/network.js";
import type { World } from "../world/world.js";
import type { FaultKind, Profile } from "./profile.js";

/** Does everything to a cluster that can be done to it, until it is told to stop. */
export class Nemesis {
  readonly #world: World;
  readonly #random: Random;
  readonly #cluster: SimCluster;
  readonly #profile: Profile;
  #isStopped = false;

  constructor(world: World, cluster: SimCluster, profile: Profile) {
    this.#world = world;
    this.#random = world.random("nemesis");
    this.#cluster = cluster;
    this.#profile = profile;
  }

  /** Begins. */
  start(): void {
    this.#cluster.network.rules = this.#profile.network;
    if (this.#profile.faults.length > 0) this.#next();
  }

  /** Takes everything back that it did, and does no more. */
  stop(): void {
    this.#isStopped = true;
    this.#cluster.network.mend();
    this.#cluster.network.rules = CALM_NETWORK;
    for (const member of this.#cluster.members) {
      member.process?.resume();
      member.diskTiming.stalledUntilMs = 0;
      member.diskTiming.delayMsMax = this.#profile.diskMsMax;
      member.disk.rules.capacityBytes = Number.POSITIVE_INFINITY;
      member.storeRules.failure = undefined;
      member.failDisk(0);
      member.start();
    }
  }

  #next(): void {
    const { faultEveryMs, faults } = this.#profile;
    this.#world.events.after(this.#random.next() * 2 * faultEveryMs, () => {
      if (this.#isStopped) return;
      const kind = this.#random.weighted(faults);
      const member = this.#random.pick(this.#cluster.members);
      this.#world.trace.note(Number(member.id), `fault ${kind}`);
      this.#do(kind, member);
      this.#next();
    });
  }

  #do(kind: FaultKind, member: SimMember): void {
    switch (kind) {
      case "kill":
      case "powerCut":
        return this.#end(member, kind);
      case "allDown":
        for (const one of this.#cluster.members) {
          if (this.#random.chance(0.9)) this.#end(one, this.#random.pick(["kill", "powerCut"]));
        }
        return;
      case "pause":
        return this.#pause(this.#random.chance(0.5) ? (this.#cluster.leader() ?? member) : member);
      case "partition":
        return this.#partition();
      case "oneWay":
        return this.#oneWay(member);
      case "isolateLeader":
        return this.#isolate(this.#cluster.leader() ?? member);
      case "mend":
        return this.#cluster.network.mend();
      case "slowDisk":
        member.diskTiming.delayMsMax = this.#random.pick([20, 100]);
        return this.#later(1500, () => {
          member.diskTiming.delayMsMax = this.#profile.diskMsMax;
        });
      case "stalledDisk":
        member.diskTiming.stalledUntilMs = this.#world.nowMs + this.#random.integer(300, 4000);
        return;
      case "diskError":
        return member.failDisk(1);
      case "diskFull":
        return this.#fillDisk(member);
      case "transfer":
        return this.#transfer();
      case "storeError":
        member.storeRules.failure = systemError("EIO", "store");
        return;
    }
  }

  #end(member: SimMember, kind: "kill" | "powerCut"): void {
    if (member.process !== undefined) member.end(kind);
  }

  #pause(member: SimMember): void {
    const { process } = member;
    process?.pause();
    this.#later(this.#random.pick([200, 1500, 3000, 5000]), () => process?.resume());
  }

  #partition(): void {
    const { members, network } = this.#cluster;
    const side = new Set(members.filter(() => this.#random.chance(0.5)));
    for (const a of members) {
      for (const b of members) if (side.has(a) !== side.has(b)) network.cut(a.id, b.id);
    }
  }

  #oneWay(member: SimMember): void {
    const { members, network } = this.#cluster;
    const isDeaf = this.#random.chance(0.5);
    for (const { id } of members) {
      if (this.#random.chance(0.7)) network.cut(isDeaf ? id : member.id, isDeaf ? member.id : id);
    }
  }

  #isolate(member: SimMember): void {
    const { members, network } = this.#cluster;
    for (const { id } of members) {
      network.cut(id, member.id);
      network.cut(member.id, id);
    }
  }

  #fillDisk(member: SimMember): void {
    member.disk.rules.capacityBytes = member.disk.usedBytes() + this.#random.integer(0, 4000);
    this.#later(1500, () => {
      member.disk.rules.capacityBytes = Number.POSITIVE_INFINITY;
    });
  }

  #transfer(): void {
    const leader = this.#cluster.leader();
    const isAny = this.#random.chance(0.3);
    const to = isAny ? undefined : this.#random.pick(this.#cluster.members).id;
    leader?.process?.hear((driver) => driver.transferLeader(to));
  }

  #later(meanMs: number, run: () => void): void {
    this.#world.events.after(this.#random.next() * 2 * meanMs, () => {
      if (!this.#isStopped) run();
    });
  }
}
