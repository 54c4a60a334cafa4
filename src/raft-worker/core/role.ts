import type { MemberId } from "./entry.js";
import type { Progress } from "./progress.js";
import type { ReadRounds } from "./read-index.js";

/** Follows a leader, or waits for one. */
export interface Follower {
  readonly kind: "follower";
  leaderId: MemberId | undefined;
  /** Ticks since the leader was last heard. */
  elapsedTicks: number;
  readonly timeoutTicks: number;
}

/**
 * Asks for votes. A pre-candidate only asks whether it would get them, in the term after its own,
 * which it does not enter (Raft thesis section 9.6).
 */
export interface Candidate {
  readonly kind: "preCandidate" | "candidate";
  readonly votes: Map<MemberId, boolean>;
  elapsedTicks: number;
  readonly timeoutTicks: number;
  /** The write that holds the candidate's own vote; it counts once that is on disk. */
  readonly voteSequence: number;
}

/** Leads. */
export interface Leader {
  readonly kind: "leader";
  /** Of every voter, this member included, in id order. */
  readonly progress: ReadonlyMap<MemberId, Progress>;
  readonly rounds: ReadRounds;
  /** Ticks since the quorum was last checked. */
  elapsedTicks: number;
  heartbeatElapsedTicks: number;
}

/** What a member is, with the state that only that role has. */
export type Role = Follower | Candidate | Leader;

/** What a role wants to become. Only the facade carries it out. */
export type Transition =
  | {
      readonly to: "follower";
      readonly term: number;
      readonly leaderId: MemberId | undefined;
    }
  | { readonly to: "preCandidate" }
  | { readonly to: "candidate" }
  | { readonly to: "leader" };
