import type { Member } from "../../shared/gen/etcdserverpb/rpc.js";

/** The members of the cluster by id, as the log has made them. */
export class Members {
  readonly #members = new Map<bigint, Member>();

  /** All members, ascending by id. */
  all(): Member[] {
    return [...this.#members.values()].sort((a, b) => (a.ID < b.ID ? -1 : 1));
  }

  /** Takes a stored member in at start. */
  restore(member: Member): void {
    this.#members.set(member.ID, member);
  }

  /** Applies what a member tells of itself when it starts: name, URLs, learner or not. */
  publish(member: Member): void {
    this.#members.set(member.ID, member);
  }
}
