import { EMPTY_CONFIGURATION } from "../../../src/raft-worker/core/configuration.js";
import type { Effect } from "../../../src/raft-worker/core/effects.js";
import type { MemberId } from "../../../src/raft-worker/core/entry.js";
import type { RaftEvent } from "../../../src/raft-worker/core/events.js";
import type { Message } from "../../../src/raft-worker/core/messages.js";
import type { RaftSettings } from "../../../src/raft-worker/core/node.js";
import { Raft } from "../../../src/raft-worker/core/raft.js";
import { assert } from "../../../src/shared/assert.js";
import { type Random, seededRandom } from "../../../src/shared/prng.js";
import { TEST_CODEC, votersOnly } from "./conf-change.js";
import { type StoreState, TestMember } from "./member.js";

/** Settings that make interesting things happen early. */
export const TEST_SETTINGS: RaftSettings = {
  electionTicks: 10,
  heartbeatTicks: 1,
  inflightMessagesMax: 4,
  appendBytesMax: 64,
  readsWaitingMax: 64,
  retention: { entriesMax: 100_000, bytesMax: 1 << 30 },
  snapshotRetainBytesMax: 1 << 30,
  snapshotPatienceTicks: 100,
  unappliedBytesMax: 1 << 30,
  preVote: true,
  advanceFirstElection: false,
};

/** A message on its way. */
export interface Packet {
  readonly from: MemberId;
  readonly to: MemberId;
  readonly message: Message;
}

/** Sees every effect of every member as it happens; safety checks and logs are watchers. */
export type EffectWatcher = (id: MemberId, effect: Effect) => void;

/** Sees every message when it leaves its sender. */
export type PacketWatcher = (packet: Packet) => void;

/** A snapshot on its way. */
export interface SnapshotPacket {
  readonly from: MemberId;
  readonly to: MemberId;
  readonly state: StoreState;
}

/** A group of members in one thread, where the test decides what happens next. */
export class TestCluster {
  readonly members: ReadonlyMap<MemberId, TestMember>;
  readonly settings: RaftSettings;
  network: Packet[] = [];
  snapshots: SnapshotPacket[] = [];
  /** Links that lose everything, as "from>to". */
  readonly cut = new Set<string>();
  readonly #ids: readonly MemberId[];
  readonly #watch: EffectWatcher;
  readonly #watchPacket: PacketWatcher;
  readonly #random: Random;

  /**
   * `size` voters that know each other from the start. With `spares`, which nobody knows yet, they
   * learn of each other as a new cluster does: from the first entries of their logs.
   */
  constructor(options: {
    readonly size: number;
    readonly spares?: number;
    readonly seed: number;
    readonly watch: EffectWatcher;
    readonly watchPacket: PacketWatcher;
    readonly settings?: Partial<RaftSettings>;
  }) {
    const { size, spares = 0 } = options;
    this.#ids = Array.from({ length: size + spares }, (_, position) => BigInt(position + 1));
    const voters = this.#ids.slice(0, size);
    const known = spares > 0 ? EMPTY_CONFIGURATION : votersOnly(voters);
    this.members = new Map(this.#ids.map((id) => [id, new TestMember(id, known)]));
    if (spares > 0) for (const id of voters) this.member(id).bootstrap(voters);
    this.settings = { ...TEST_SETTINGS, ...options.settings };
    this.#watch = options.watch;
    this.#watchPacket = options.watchPacket;
    this.#random = seededRandom(options.seed);
  }

  /** A member by id. */
  member(id: MemberId): TestMember {
    const member = this.members.get(id);
    assert(member !== undefined, "no such member", { id });
    return member;
  }

  /** Members that are not crashed, in id order. */
  get running(): TestMember[] {
    return [...this.members.values()].filter((member) => member.raft !== undefined);
  }

  /** Starts a member from its disk; its store stands where it was flushed, or at `storeIndex`. */
  start(id: MemberId, storeIndex?: number): void {
    const member = this.member(id);
    member.recover(storeIndex === undefined ? member.flushed : member.storeAt(storeIndex));
    const { disk, store } = member;
    member.raft = new Raft({
      id,
      configuration: store.configuration,
      configuredIndex: store.index,
      ...TEST_CODEC,
      settings: this.settings,
      random: seededRandom(this.#random.below(0x1_0000_0000)),
      hardState: disk.hardState,
      log: { base: disk.base, entries: [...disk.entries] },
      appliedIndex: store.index,
    });
    this.step(id, { kind: "start" });
  }

  /** Starts every member. */
  startAll(): void {
    for (const id of this.#ids) this.start(id);
  }

  /** Gives a running member one event and carries its effects out, except for finishing writes. */
  step(id: MemberId, event: RaftEvent): readonly Effect[] {
    const member = this.member(id);
    if (member.raft === undefined) return [];
    const effects = member.raft.step(event);
    for (const effect of effects) {
      this.#watch(id, effect);
      if (effect.kind === "persist") member.writes.push(effect);
      else if (effect.kind === "send") member.held.push(effect);
      else if (effect.kind === "commit") member.commitUpTo = effect.upTo;
      else if (effect.kind === "sendSnapshot") member.snapshotsWanted.add(effect.to);
    }
    this.#release(member);
    return effects;
  }

  /** Finishes a member's oldest writes and tells it. */
  persist(id: MemberId, count = Number.MAX_SAFE_INTEGER): void {
    const member = this.member(id);
    if (member.raft === undefined || member.writes.length === 0) return;
    const sequence = member.finishWrites(count);
    this.#release(member);
    this.step(id, { kind: "persisted", sequence });
  }

  /** Applies up to `count` committed entries of a member. */
  apply(id: MemberId, count = Number.MAX_SAFE_INTEGER): void {
    const member = this.member(id);
    if (member.raft === undefined) return;
    const index = member.handOver();
    this.step(id, { kind: "applied", index });
    for (let done = 0; done < count && member.inbox.length > 0; done += 1) {
      const changed = member.applyNext();
      if (changed !== undefined) this.step(id, { kind: "configured", ...changed });
    }
  }

  /** Puts a member's store on disk, and lets go of log below it if told to. */
  flush(id: MemberId, truncatesLog = false): void {
    const member = this.member(id);
    if (member.raft === undefined) return;
    this.step(id, { kind: "flushed", index: member.flush(truncatesLog) });
  }

  /** Sends a snapshot that a member's core has asked for. */
  startSnapshot(id: MemberId): void {
    const member = this.member(id);
    const [to] = member.snapshotsWanted;
    if (to === undefined) return;
    member.snapshotsWanted.delete(to);
    this.flush(id);
    this.snapshots.push({ from: id, to, state: member.store });
    this.step(id, { kind: "snapshotStarted", to, index: member.store.index });
  }

  /** Brings a snapshot to its receiver, or loses it, and tells the sender. */
  finishSnapshot(position: number, arrives: boolean): void {
    const [snapshot] = this.snapshots.splice(position, 1);
    assert(snapshot !== undefined, "no such snapshot", { position });
    const { from, to, state } = snapshot;
    const ok = arrives && this.member(to).raft !== undefined && !this.cut.has(`${from}>${to}`);
    if (ok) this.member(to).files.push(state);
    this.step(from, { kind: "snapshotFinished", to, index: state.index, ok });
  }

  /** Installs a snapshot that a member has received. */
  installSnapshot(id: MemberId): void {
    const member = this.member(id);
    if (member.raft === undefined || !member.installSnapshot()) return;
    const { index, term } = member.store;
    this.step(id, { kind: "configured", ...member.store });
    this.step(id, { kind: "snapshotInstalled", index, term });
  }

  /** Delivers the packet at `position` of the network; it stays there if `copy`. */
  deliver(position: number, copy = false): void {
    const packet = this.network[position];
    assert(packet !== undefined, "no such packet", { position });
    if (!copy) this.network.splice(position, 1);
    if (this.cut.has(`${packet.from}>${packet.to}`)) return;
    this.step(packet.to, { kind: "message", from: packet.from, message: packet.message });
  }

  /** Finishes all writes, delivers everything and applies all, until nothing is left to do. */
  settle(): void {
    for (let round = 0; round < 10_000; round += 1) {
      for (const member of this.running) this.#advance(member);
      if (this.network.length > 0) this.deliver(0);
      else if (this.snapshots.length > 0) this.finishSnapshot(0, true);
      else if (this.running.every((member) => member.isAtRest)) return;
    }
    assert(false, "the cluster never comes to rest");
  }

  /** Loses every link between the groups, both ways, and mends all others. */
  partition(groups: readonly (readonly MemberId[])[]): void {
    this.cut.clear();
    for (const [position, group] of groups.entries()) {
      const others = groups.filter((_, other) => other !== position).flat();
      for (const from of group) for (const to of others) this.cut.add(`${from}>${to}`);
    }
  }

  #advance({ id }: TestMember): void {
    this.persist(id);
    this.apply(id);
    this.startSnapshot(id);
    this.installSnapshot(id);
  }

  #release(member: TestMember): void {
    for (const { to, message } of member.takeReleased()) {
      const packet = { from: member.id, to, message };
      this.#watchPacket(packet);
      this.network.push(packet);
    }
  }
}
