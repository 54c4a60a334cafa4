/** A member of the group. Ids are unsigned 64-bit; 0 is never a member. */
export type MemberId = bigint;

/** "Nobody": the vote of a term in which no vote was given. */
export const NO_MEMBER: MemberId = 0n;

/** One entry of the Raft log. `payload` is never changed once the entry exists. */
export interface Entry {
  readonly index: number;
  readonly term: number;
  readonly payload: Uint8Array;
}

/**
 * What a member must never forget (Raft paper figure 2, "persistent state"). `commit` is a hint that
 * saves work at restart: losing it loses nothing, so it is written only along with something else.
 */
export interface HardState {
  readonly term: number;
  readonly vote: MemberId;
  readonly commit: number;
}

/** A place in the log. */
export interface LogPosition {
  readonly index: number;
  readonly term: number;
}
