import { ErrorCode } from "../../shared/errors.js";
import type { Member } from "../../shared/gen/etcdserverpb/rpc.js";
import { LEARNERS_MAX } from "../../shared/limits.js";
import { type ConfChange, ConfChangeType } from "../../shared/messages/conf-change.js";

/**
 * The members of the cluster by id, and the ids that were members once, as the log has made them. Every
 * change is checked here, where it is applied, so that whatever was proposed side by side leads to the same
 * members everywhere.
 */
export class Members {
  readonly #members = new Map<bigint, Member>();
  readonly #removed = new Set<bigint>();

  /** All members, ascending by id. */
  all(): Member[] {
    return [...this.#members.values()].sort((a, b) => compareIds(a.ID, b.ID));
  }

  /** Ids that are never given out again, ascending. */
  removed(): bigint[] {
    return [...this.#removed].sort(compareIds);
  }

  /** The member of an id. */
  get(id: bigint): Member | undefined {
    return this.#members.get(id);
  }

  /** Whether the id was a member's once and is no more. */
  isRemoved(id: bigint): boolean {
    return this.#removed.has(id);
  }

  /** Whether the member has other voters beside it. */
  hasVotersBeside(id: bigint): boolean {
    return this.#voters().some(({ ID }) => ID !== id);
  }

  /** Takes a stored member in at start. */
  restore(member: Member): void {
    this.#members.set(member.ID, member);
  }

  /** Takes the stored id of a former member in at start. */
  restoreRemoved(id: bigint): void {
    this.#removed.add(id);
  }

  /**
   * Applies what a member tells of itself when it starts: its name and where clients find it. Undefined when
   * it is none of the members: it was removed while this was on its way.
   */
  publish({ ID, name, clientURLs }: Member): Member | undefined {
    const known = this.#members.get(ID);
    if (known === undefined) return undefined;
    return this.#set({ ...known, name, clientURLs });
  }

  /** Why a change must not be made, 0 if it may (CL-04 to CL-09). */
  check({ type, member }: ConfChange): ErrorCode | 0 {
    const known = this.#members.get(member.ID);
    // A survivor that was removed by the others may be all that is left.
    if (type === ConfChangeType.forceNewCluster) return 0;
    if (this.#removed.has(member.ID)) return ErrorCode.memberNotFound;
    const isAdded = type === ConfChangeType.addVoter || type === ConfChangeType.addLearner;
    if (isAdded && known !== undefined) return ErrorCode.memberExists;
    if (!isAdded && known === undefined) return ErrorCode.memberNotFound;
    switch (type) {
      case ConfChangeType.addVoter:
      case ConfChangeType.update:
        return this.#checkUrls(member);
      case ConfChangeType.addLearner:
        return this.#checkUrls(member) || this.#checkLearners();
      case ConfChangeType.promote:
        return known?.isLearner ? 0 : ErrorCode.memberNotLearner;
      case ConfChangeType.remove:
        return known?.isLearner || this.hasVotersBeside(member.ID) ? 0 : ErrorCode.notEnoughStarted;
    }
  }

  /** Makes a change that `check` lets pass. Gives the ids whose member, or whose end, is to be stored. */
  change({ type, member }: ConfChange): bigint[] {
    const known = this.#members.get(member.ID);
    switch (type) {
      case ConfChangeType.addVoter:
        return this.#store({ ...member, isLearner: false });
      case ConfChangeType.addLearner:
        return this.#store({ ...member, isLearner: true });
      case ConfChangeType.promote:
        return known ? this.#store({ ...known, isLearner: false }) : [];
      case ConfChangeType.update:
        return known ? this.#store({ ...known, peerURLs: member.peerURLs }) : [];
      case ConfChangeType.remove:
        return this.#remove(member.ID);
      case ConfChangeType.forceNewCluster:
        return this.#leaveAlone({ ...(known ?? member), isLearner: false });
    }
  }

  #leaveAlone(member: Member): bigint[] {
    const others = [...this.#members.keys()].filter((id) => id !== member.ID);
    this.#removed.delete(member.ID);
    return [...others.flatMap((id) => this.#remove(id)), ...this.#store(member)];
  }

  #store(member: Member): bigint[] {
    return [this.#set(member).ID];
  }

  #set(member: Member): Member {
    this.#members.set(member.ID, member);
    return member;
  }

  #remove(id: bigint): bigint[] {
    this.#members.delete(id);
    this.#removed.add(id);
    return [id];
  }

  #checkUrls({ ID, peerURLs }: Member): ErrorCode | 0 {
    const others = [...this.#members.values()].filter((other) => other.ID !== ID);
    const isUsed = others.some((other) => other.peerURLs.some((url) => peerURLs.includes(url)));
    return isUsed ? ErrorCode.peerUrlExists : 0;
  }

  #checkLearners(): ErrorCode | 0 {
    const learners = this.#members.size - this.#voters().length;
    return learners >= LEARNERS_MAX ? ErrorCode.tooManyLearners : 0;
  }

  #voters(): Member[] {
    return [...this.#members.values()].filter(({ isLearner }) => !isLearner);
  }
}

function compareIds(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
