import assert from "node:assert/strict";
import type { Effect } from "../../../src/raft-worker/core/effects.js";
import type { Entry, MemberId } from "../../../src/raft-worker/core/entry.js";
import type { TestCluster } from "./cluster.js";

/**
 * The safety properties of Raft (paper figure 3), checked as effects happen. It knows more than any
 * member: what was ever committed anywhere.
 */
export class SafetyChecker {
  /** Everything that some member was told is committed, by index from 1. */
  readonly committed: Entry[] = [];
  readonly #leaders = new Map<number, MemberId>();
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
    } else if (effect.kind === "readReady") {
      this.#readIsLinearizable(id, effect);
    }
  }

  /** If two logs hold an entry with the same index and term, they are equal up to it. */
  logMatching(): void {
    const logs = this.#members().map((member) => member.disk.entries);
    for (const [position, log] of logs.entries()) {
      for (const other of logs.slice(position + 1)) assertLogsMatch(log, other);
    }
  }

  #electionSafety(id: MemberId, term: number): void {
    const known = this.#leaders.get(term) ?? id;
    assert.equal(id, known, `election safety: term ${term} has leaders ${known} and ${id}`);
    this.#leaders.set(term, id);
  }

  #leaderCompleteness(id: MemberId): void {
    const raft = this.#member(id).raft;
    for (const entry of this.committed) {
      const term = raft?.termAt(entry.index);
      assert.equal(term, entry.term, `leader completeness: ${id} lacks entry ${entry.index}`);
    }
  }

  #stateMachineSafety(id: MemberId, upTo: number): void {
    const member = this.#member(id);
    for (let index = member.commitUpTo + 1; index <= upTo; index += 1) {
      const entry = member.raft?.entryAt(index);
      assert.ok(entry !== undefined);
      const onDisk = member.disk.entries[index - 1];
      assert.equal(onDisk?.term, entry.term, `${id} applies entry ${index} before it is on disk`);
      const known = this.committed[index - 1] ?? entry;
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

function assertLogsMatch(left: readonly Entry[], right: readonly Entry[]): void {
  let meets = false;
  for (let at = Math.min(left.length, right.length) - 1; at >= 0; at -= 1) {
    const same = left[at]?.term === right[at]?.term;
    assert.ok(same || !meets, `log matching: entry ${at + 1} differs below a common one`);
    meets ||= same;
    if (same) assert.deepEqual(left[at]?.payload, right[at]?.payload, `log matching: ${at + 1}`);
  }
}
