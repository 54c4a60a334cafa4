import { ErrorCode } from "../../shared/errors.js";
import type { Member } from "../../shared/gen/etcdserverpb/rpc.js";
import { BoardSlot, type StatusBoard } from "../../shared/status-board.js";

/** Where the standing of a member is read from. */
export interface StandingSources {
  readonly memberId: bigint;
  readonly board: StatusBoard;
  /** The same array until the members change. */
  members(): readonly Member[];
}

/** What this member is in its cluster at the moment: asked for with every request, so nothing is searched. */
export class Standing {
  readonly #sources: StandingSources;
  #members: readonly Member[] | undefined;
  #isLearner = false;
  #voters = 0;
  #isVoter = false;

  constructor(sources: StandingSources) {
    this.#sources = sources;
  }

  /** Whether it has no vote yet (CL-10). */
  get isLearner(): boolean {
    this.#look();
    return this.#isLearner;
  }

  /** Whether it is all the voters there are: nobody else can lead. */
  get isSoleVoter(): boolean {
    this.#look();
    return this.#isVoter && this.#voters === 1;
  }

  /** Whether it leads, as far as it knows. */
  get leads(): boolean {
    const { board, memberId } = this.#sources;
    return board.getId(BoardSlot.leaderId) === memberId;
  }

  /** Whether an alarm says that what this member holds differs from what the others hold. */
  get isCorrupt(): boolean {
    return this.#sources.board.get(BoardSlot.corruptHere) !== 0;
  }

  /** Why it may serve nobody, 0 when it may. */
  get refusal(): ErrorCode | 0 {
    return this.isCorrupt ? ErrorCode.corrupt : 0;
  }

  #look(): void {
    const { memberId } = this.#sources;
    const members = this.#sources.members();
    if (members === this.#members) return;
    this.#members = members;
    const own = members.find(({ ID }) => ID === memberId);
    this.#isLearner = own?.isLearner === true;
    this.#isVoter = own?.isLearner === false;
    this.#voters = members.filter(({ isLearner }) => !isLearner).length;
  }
}
