import type { MemberId } from "./entry.js";
import type { Progress } from "./progress.js";
import type { WaitingChanges } from "./proposals.js";
import type { ReadRounds } from "./read-index.js";

/** Follows a leader, or waits for one. */
export interface Follower {
  readonly kind: "follower";
  leaderId: MemberId | undefined;
  /** Ticks since the leader was last heard. */
  elapsedTicks: number;
  readonly timeoutTicks: number;
  /** Ticks for which it counts that the leader handed over to this member, if it may not campaign yet. */
  campaignWantedTicks: number;
  /** The leader takes no proposals now: until the next tick they wait here. */
  proposalsPaused: boolean;
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
  /** Of every member of the configuration, this one included, in id order. */
  progress: ReadonlyMap<MemberId, Progress>;
  readonly rounds: ReadRounds;
  readonly waitingChanges: WaitingChanges;
  transfer: Transfer | undefined;
  /** Ticks since the quorum was last checked. */
  elapsedTicks: number;
  heartbeatElapsedTicks: number;
}

/** A leader's way of handing over: no proposals, until the target has everything and campaigns. */
export interface Transfer {
  readonly target: MemberId;
  elapsedTicks: number;
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
  /** `transfer`: the leader asked for it. */
  | { readonly to: "candidate"; readonly transfer: boolean }
  | { readonly to: "leader" };
