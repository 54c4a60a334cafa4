import type { Effect, PersistEffect, SendEffect } from "../../../src/raft-worker/core/effects.js";
import type { Entry, HardState, MemberId } from "../../../src/raft-worker/core/entry.js";
import type { RaftEvent } from "../../../src/raft-worker/core/events.js";
import type { Message } from "../../../src/raft-worker/core/messages.js";
import type { RaftSettings } from "../../../src/raft-worker/core/node.js";
import { Raft } from "../../../src/raft-worker/core/raft.js";
import { assert } from "../../../src/shared/assert.js";
import { type Random, seededRandom } from "../../../src/shared/prng.js";

/** Settings that make interesting things happen early. */
export const TEST_SETTINGS: RaftSettings = {
  electionTicks: 10,
  heartbeatTicks: 1,
  inflightMessagesMax: 4,
  appendBytesMax: 64,
  readsWaitingMax: 64,
  retention: { entriesMax: 100_000, bytesMax: 1 << 30 },
};

/** A message on its way. */
export interface Packet {
  readonly from: MemberId;
  readonly to: MemberId;
  readonly message: Message;
}

/** Sees every effect of every member as it happens; safety checks and logs are watchers. */
export type EffectWatcher = (id: MemberId, effect: Effect) => void;

/**
 * One member with a simulated disk: writes wait in order until they are finished, and a crash keeps
 * some first part of them.
 */
export class TestMember {
  readonly id: MemberId;
  /** What a crash cannot take. */
  readonly disk: { hardState: HardState; entries: Entry[] } = {
    hardState: { term: 0, vote: 0n, commit: 0 },
    entries: [],
  };
  /** Writes under way, oldest first. */
  writes: PersistEffect[] = [];
  /** Messages that wait for a write. */
  held: SendEffect[] = [];
  /** Undefined while crashed. */
  raft: Raft | undefined;
  commitUpTo = 0;
  #finishedSequence = 0;

  constructor(id: MemberId) {
    this.id = id;
  }

  /** Puts the first `count` writes on disk and returns the newest one's number. */
  finishWrites(count: number): number {
    for (const write of this.writes.splice(0, count)) {
      const first = write.entries[0];
      if (first !== undefined) this.disk.entries.length = first.index - 1;
      this.disk.entries.push(...write.entries);
      this.disk.hardState = write.hardState;
      this.#finishedSequence = write.sequence;
    }
    return this.#finishedSequence;
  }

  /** Messages that need not wait any more. */
  takeReleased(): SendEffect[] {
    const released = this.held.filter((send) => send.after <= this.#finishedSequence);
    this.held = this.held.filter((send) => send.after > this.#finishedSequence);
    return released;
  }

  /** Loses everything but the disk and the first `keptWrites` writes under way. */
  crash(keptWrites: number): void {
    this.finishWrites(keptWrites);
    this.writes = [];
    this.held = [];
    this.raft = undefined;
    this.#finishedSequence = 0;
  }
}

/** A group of members in one thread, where the test decides what happens next. */
export class TestCluster {
  readonly members: ReadonlyMap<MemberId, TestMember>;
  readonly settings: RaftSettings;
  network: Packet[] = [];
  /** Links that lose everything, as "from>to". */
  readonly cut = new Set<string>();
  readonly #ids: readonly MemberId[];
  readonly #watch: EffectWatcher;
  readonly #random: Random;

  constructor(options: {
    readonly size: number;
    readonly seed: number;
    readonly watch: EffectWatcher;
    readonly settings?: Partial<RaftSettings>;
  }) {
    this.#ids = Array.from({ length: options.size }, (_, position) => BigInt(position + 1));
    this.members = new Map(this.#ids.map((id) => [id, new TestMember(id)]));
    this.settings = { ...TEST_SETTINGS, ...options.settings };
    this.#watch = options.watch;
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

  /** Starts a member from its disk, whose store holds everything up to `appliedIndex`. */
  start(id: MemberId, appliedIndex = 0): void {
    const member = this.member(id);
    member.raft = new Raft({
      id,
      voters: [this.#ids],
      settings: this.settings,
      random: seededRandom(this.#random.below(0x1_0000_0000)),
      hardState: member.disk.hardState,
      log: { base: { index: 0, term: 0 }, entries: [...member.disk.entries] },
      appliedIndex,
    });
    member.commitUpTo = appliedIndex;
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

  /** Delivers the packet at `position` of the network; it stays there if `copy`. */
  deliver(position: number, copy = false): void {
    const packet = this.network[position];
    assert(packet !== undefined, "no such packet", { position });
    if (!copy) this.network.splice(position, 1);
    if (this.cut.has(`${packet.from}>${packet.to}`)) return;
    this.step(packet.to, { kind: "message", from: packet.from, message: packet.message });
  }

  /** Finishes all writes and delivers all packets until nothing is left to do. */
  settle(): void {
    for (let round = 0; round < 10_000; round += 1) {
      for (const member of this.running) this.persist(member.id);
      if (this.network.length > 0) this.deliver(0);
      else if (this.running.every((member) => member.writes.length === 0)) return;
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

  #release(member: TestMember): void {
    for (const { to, message } of member.takeReleased()) {
      this.network.push({ from: member.id, to, message });
    }
  }
}
