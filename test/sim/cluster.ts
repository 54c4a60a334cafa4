import type { RaftSettings } from "../../src/raft-worker/core/node.js";
import type { Member } from "../../src/shared/gen/etcdserverpb/rpc.js";
import { ConfChangeType, confChangePayload } from "../../src/shared/messages/conf-change.js";
import { ClusterChecks } from "./checks/cluster-checks.js";
import type { Profile } from "./faults/profile.js";
import { SimMember } from "./member/sim-member.js";
import { ELECTION_TICKS } from "./member/timing.js";
import { SimNetwork } from "./world/network.js";
import type { World } from "./world/world.js";

/** How long a member stays down. */
const DOWN_MS_MAX = 2000;

/** All members, and what is between them. */
export class SimCluster {
  readonly network: SimNetwork;
  readonly checks: ClusterChecks;
  readonly #members: SimMember[];
  readonly #world: World;
  readonly #profile: Profile;
  #lastId: bigint;

  constructor(world: World, profile: Profile) {
    this.#world = world;
    this.#profile = profile;
    this.network = new SimNetwork(world);
    const ids = Array.from({ length: profile.size }, (_, at) => BigInt(at + 1));
    this.#lastId = BigInt(profile.size);
    this.checks = new ClusterChecks(world, ids.length);
    const bootstrap = ids.map((id) =>
      confChangePayload({ type: ConfChangeType.addVoter, member: memberRecord(id, false) }),
    );
    this.#members = ids.map((id) => this.#makeMember(id, bootstrap));
  }

  /** Members that were not removed, and those that may become members. */
  get members(): readonly SimMember[] {
    return this.#members.filter(({ isRemoved }) => !isRemoved);
  }

  /** Those that clients know: members as somebody has applied it. */
  get serving(): readonly SimMember[] {
    const ids = new Set(this.checks.truth.members.map(({ ID }) => ID));
    const serving = this.members.filter(({ id }) => ids.has(id));
    return serving.length > 0 ? serving : this.members;
  }

  /** A member that leads, of the newest term if there are several. */
  leader(): SimMember | undefined {
    const leaders = this.members.filter((one) => one.process?.raft?.status().role === "leader");
    return leaders.sort((a, b) => termOf(b) - termOf(a))[0];
  }

  /** Starts every member, and again whenever one has ended. */
  start(): void {
    for (const member of this.members) member.start();
    this.#revive();
  }

  /** Starts a process that waits to be let in. */
  addMember(): SimMember {
    this.#lastId += 1n;
    const member = this.#makeMember(this.#lastId, []);
    this.#members.push(member);
    member.start();
    return member;
  }

  #makeMember(id: bigint, bootstrap: readonly Uint8Array[]): SimMember {
    const raftSettings = settingsFor(this.#profile);
    const { network, checks } = this;
    const world = this.#world;
    const member = new SimMember({ id, world, network, checks, bootstrap, raftSettings });
    member.diskTiming.delayMsMax = this.#profile.diskMsMax;
    member.storeRules.commitMsMax = this.#profile.storeMsMax;
    return member;
  }

  #revive(): void {
    const random = this.#world.random("revive");
    const look = (): void => {
      this.#world.events.after(random.next() * DOWN_MS_MAX, () => {
        const down = this.members.filter(({ process }) => process === undefined);
        if (down.length > 0) random.pick(down).start();
        look();
      });
    };
    look();
  }
}

/** A member as the membership holds it. */
export function memberRecord(ID: bigint, isLearner: boolean): Member {
  return { ID, name: "", peerURLs: [`http://member-${ID}`], clientURLs: [], isLearner };
}

function termOf(member: SimMember): number {
  return member.process?.raft?.status().term ?? 0;
}

function settingsFor(profile: Profile): RaftSettings {
  return {
    electionTicks: ELECTION_TICKS,
    heartbeatTicks: 1,
    inflightMessagesMax: 8,
    appendBytesMax: 1024,
    readsWaitingMax: 64,
    retention: { entriesMax: profile.retainedEntriesMax, bytesMax: 1024 * 1024 },
    snapshotRetainBytesMax: 64 * 1024,
    snapshotPatienceTicks: 5 * ELECTION_TICKS,
    unappliedBytesMax: 256 * 1024,
    preVote: profile.preVote,
    advanceFirstElection: true,
  };
}
