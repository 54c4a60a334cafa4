import assert from "node:assert/strict";
import type { Effect } from "../../../src/raft-worker/core/effects.js";
import type { Entry, MemberId } from "../../../src/raft-worker/core/entry.js";
import type { Packet, TestCluster } from "./cluster.js";
import type { DiskLog } from "./member.js";

/** How a payload begins that a test proposes only once. */
export const ONCE = "payload ";

/**
 * The safety properties of Raft (paper figure 3), checked as effects happen. It knows more than any
 * member: what was ever committed anywhere.
 */
export class SafetyChecker {
  /** Everything that some member was told is committed, by index from 1. */
  readonly committed: Entry[] = [];
  readonly #leaders = new Map<number, MemberId>();
  /** Payloads that must not be committed (again): each is proposed once, or given back. */
  readonly #spent = new Set<string>();
  /** Highest committed index anywhere at the moment a read was asked for. */
  readonly #readFloors = new Map<string, number>();
  readsAnswered = 0;
  #cluster: TestCluster | undefined;

  /** Names the cluster to look into. */
  attach(cluster: TestCluster): void {
    this.#cluster = cluster;
  }

  /** Notes that a read begins now. */
  readAsked(id: MemberId, readId: number): void {
    this.#readFloors.set(`${id}/${readId}`, this.committed.length);
  }

  /** Checks one effect of a member. */
  watch(id: MemberId, effect: Effect): void {
    if (effect.kind === "roleChanged" && effect.role === "leader") {
      this.#electionSafety(id, effect.term);
      this.#leaderCompleteness(id);
    } else if (effect.kind === "commit") {
      this.#stateMachineSafety(id, effect.upTo);
    } else if (effect.kind === "proposalsRefused") {
      for (const payload of effect.payloads) this.#spend(payload);
    } else if (effect.kind === "readReady") {
      this.#readIsLinearizable(id, effect);
    }
  }

  /** A message promises nothing that its sender's disk could forget. */
  watchPacket({ from, to, message }: Packet): void {
    const { disk } = this.#member(from);
    if (message.kind === "appendAccepted") {
      // In a later term it may have been cut off again: the message was true, and is late.
      const isLate = disk.hardState.term > message.term;
      const isOnDisk = lastOf(disk) >= message.matchIndex;
      assert.ok(isOnDisk || isLate, `${from} accepts what is not on its disk`);
    } else if (message.kind === "voteRequest" && !message.preVote) {
      assert.ok(disk.hardState.term >= message.term, `${from} could campaign twice in a term`);
    } else if (message.kind === "voteResponse" && message.granted && !message.preVote) {
      const { term, vote } = disk.hardState;
      const isKept = term > message.term || (term === message.term && vote === to);
      assert.ok(isKept, `${from} could vote twice in a term`);
    }
  }

  /** If two logs hold an entry with the same index and term, they are equal up to it. */
  logMatching(): void {
    const logs = this.#members().map((member) => member.disk);
    for (const [position, log] of logs.entries()) {
      for (const other of logs.slice(position + 1)) assertLogsMatch(log, other);
    }
  }

  /** A proposal is committed once at most, and never when it was refused. */
  #newlyCommitted(entry: Entry): Entry {
    this.#spend(entry.payload);
    return entry;
  }

  #spend(payload: Uint8Array): void {
    const text = Buffer.from(payload).toString();
    if (!text.startsWith(ONCE)) return;
    assert.ok(!this.#spent.has(text), `${text} was refused, or committed before`);
    this.#spent.add(text);
  }

  #electionSafety(id: MemberId, term: number): void {
    const known = this.#leaders.get(term) ?? id;
    assert.equal(id, known, `election safety: term ${term} has leaders ${known} and ${id}`);
    this.#leaders.set(term, id);
  }

  #leaderCompleteness(id: MemberId): void {
    const { raft } = this.#member(id);
    assert.ok(raft !== undefined);
    const { firstIndex } = raft.status();
    // What the log let go, the store was given; the position before its first entry still counts.
    for (const entry of this.committed.slice(Math.max(0, firstIndex - 2))) {
      const term = raft.termAt(entry.index);
      assert.equal(term, entry.term, `leader completeness: ${id} lacks entry ${entry.index}`);
    }
  }

  #stateMachineSafety(id: MemberId, upTo: number): void {
    const member = this.#member(id);
    for (let index = member.commitUpTo + 1; index <= upTo; index += 1) {
      const entry = member.raft?.entryAt(index);
      assert.ok(entry !== undefined);
      const onDisk = member.entryOnDisk(index);
      assert.equal(onDisk?.term, entry.term, `${id} applies entry ${index} before it is on disk`);
      const known = this.committed[index - 1] ?? this.#newlyCommitted(entry);
      assert.equal(entry.term, known.term, `state machine safety: entry ${index} at ${id}`);
      assert.deepEqual(entry.payload, known.payload);
      this.committed[index - 1] = known;
    }
  }

  #readIsLinearizable(id: MemberId, effect: Extract<Effect, { kind: "readReady" }>): void {
    const floor = this.#readFloors.get(`${id}/${effect.id}`);
    assert.ok(floor !== undefined, `${id} answers read ${effect.id} that nobody asked`);
    assert.ok(effect.index >= floor, `read ${effect.id} at ${id}: ${effect.index} < ${floor}`);
    this.#readFloors.delete(`${id}/${effect.id}`);
    this.readsAnswered += 1;
  }

  #member(id: MemberId) {
    assert.ok(this.#cluster !== undefined);
    return this.#cluster.member(id);
  }

  #members() {
    assert.ok(this.#cluster !== undefined);
    return [...this.#cluster.members.values()];
  }
}

function assertLogsMatch(left: DiskLog, right: DiskLog): void {
  const first = Math.max(left.base.index, right.base.index) + 1;
  let meets = false;
  for (let index = Math.min(lastOf(left), lastOf(right)); index >= first; index -= 1) {
    const ours = left.entries[index - left.base.index - 1];
    const theirs = right.entries[index - right.base.index - 1];
    const same = ours?.term === theirs?.term;
    assert.ok(same || !meets, `log matching: entry ${index} differs below a common one`);
    meets ||= same;
    if (same) assert.deepEqual(ours?.payload, theirs?.payload, `log matching: ${index}`);
  }
}

function lastOf({ base, entries }: DiskLog): number {
  return base.index + entries.length;
}
