import { ErrorCode } from "../../../src/shared/errors.js";
import type { ConfChangeType } from "../../../src/shared/messages/conf-change.js";

/** A member for comparing. */
export interface PlainMember {
  readonly id: bigint;
  readonly urls: readonly string[];
  readonly isLearner: boolean;
  readonly name: string;
}

/** A change of the membership by name. */
export interface MemberChange extends PlainMember {
  readonly type: keyof typeof ConfChangeType;
}

/** The slow, obvious twin of the members: lists, and the rules of the contract one after the other. */
export class MembersTwin {
  #members: readonly PlainMember[] = [];
  #removed: readonly bigint[] = [];

  members(): PlainMember[] {
    return [...this.#members].sort((a, b) => Number(a.id - b.id));
  }

  apply(change: MemberChange): number {
    const { type, id, urls, name } = change;
    const old = this.#members.find((one) => one.id === id);
    const others = this.#members.filter((one) => one.id !== id);
    const isUrlTaken = urls.some((url) => others.some((other) => other.urls.includes(url)));
    if (this.#removed.includes(id)) return ErrorCode.memberNotFound;
    if (type === "addVoter" || type === "addLearner") {
      if (old) return ErrorCode.memberExists;
      if (isUrlTaken) return ErrorCode.peerUrlExists;
      const isLearner = type === "addLearner";
      if (isLearner && others.some((other) => other.isLearner)) return ErrorCode.tooManyLearners;
      this.#members = [...others, { id, urls, isLearner, name }];
      return 0;
    }
    if (!old) return ErrorCode.memberNotFound;
    if (type === "promote") {
      if (!old.isLearner) return ErrorCode.memberNotLearner;
      this.#members = [...others, { ...old, isLearner: false }];
    } else if (type === "update") {
      if (isUrlTaken) return ErrorCode.peerUrlExists;
      this.#members = [...others, { ...old, urls }];
    } else {
      const isLastVoter = !old.isLearner && !others.some((other) => !other.isLearner);
      if (isLastVoter) return ErrorCode.notEnoughStarted;
      this.#members = others;
      this.#removed = [...this.#removed, id];
    }
    return 0;
  }
}
