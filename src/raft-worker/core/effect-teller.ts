import type { Effect, RoleName } from "./effects.js";
import type { HardState, MemberId } from "./entry.js";
import type { Node } from "./node.js";
import type { Role } from "./role.js";
import { leaderOf } from "./status.js";

/** Turns what has changed since the last step into effects, so that each change is told once. */
export class EffectTeller {
  #term: number;
  #vote: MemberId;
  #role: RoleName = "follower";
  #leaderId: MemberId | undefined;
  #commit: number;

  /** What the shell knows before the first step. */
  constructor(hardState: HardState, appliedIndex: number) {
    this.#term = hardState.term;
    this.#vote = hardState.vote;
    this.#commit = appliedIndex;
  }

  /** The state machine holds everything up to `index` by another way. */
  skipCommitsTo(index: number): void {
    this.#commit = Math.max(this.#commit, index);
  }

  /** The effects of one step, in the order in which they must be carried out. */
  tell(node: Node, role: Role): Effect[] {
    const effects: Effect[] = [];
    const isNewTerm = node.term !== this.#term;
    this.#tellWrite(node, effects);
    if (isNewTerm || this.#isNewRole(node, role)) this.#tellRole(node, role, effects);
    // Only what this disk holds may be applied: the store must never be ahead of the log after a crash.
    const commit = Math.min(node.log.commitIndex, node.log.persistedIndex);
    if (commit > this.#commit) {
      effects.push({ kind: "commit", upTo: commit });
      this.#commit = commit;
    }
    effects.push(...node.takeOutbox());
    return effects;
  }

  #tellWrite(node: Node, effects: Effect[]): void {
    const { term, vote, log } = node;
    if (term === this.#term && vote === this.#vote && !log.hasUnpersisted) return;
    this.#term = term;
    this.#vote = vote;
    effects.push({
      kind: "persist",
      snapshot: log.takeRestart(),
      entries: log.takeUnpersisted(),
      sequence: node.startWrite(),
      hardState: { term, vote, commit: log.commitIndex },
    });
  }

  #isNewRole(node: Node, role: Role): boolean {
    return role.kind !== this.#role || leaderOf(node, role) !== this.#leaderId;
  }

  #tellRole(node: Node, role: Role, effects: Effect[]): void {
    this.#role = role.kind;
    this.#leaderId = leaderOf(node, role);
    const { term } = node;
    effects.push({ kind: "roleChanged", role: role.kind, term, leaderId: this.#leaderId });
  }
}
