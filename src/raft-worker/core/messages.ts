import type { Entry } from "./entry.js";

/** Replicates entries after (`prevIndex`, `prevTerm`). Raft paper figure 2, AppendEntries. */
export interface AppendRequest {
  readonly kind: "appendRequest";
  readonly term: number;
  readonly prevIndex: number;
  readonly prevTerm: number;
  readonly entries: readonly Entry[];
  readonly commitIndex: number;
}

/** The sender's log equals the leader's up to `matchIndex`, on disk. */
export interface AppendAccepted {
  readonly kind: "appendAccepted";
  readonly term: number;
  readonly matchIndex: number;
}

/**
 * The sender has no entry (`prevIndex`, the leader's term there). The logs may meet at `hintIndex`
 * at best, where the sender's term is `hintTerm` (Raft paper section 5.3, last paragraphs).
 */
export interface AppendRejected {
  readonly kind: "appendRejected";
  readonly term: number;
  readonly prevIndex: number;
  readonly hintIndex: number;
  readonly hintTerm: number;
}

/** The leader is alive. `commitIndex` never exceeds what the receiver is known to hold. */
export interface Heartbeat {
  readonly kind: "heartbeat";
  readonly term: number;
  readonly commitIndex: number;
  /** Newest read-index round of this leader; 0 before the first. */
  readonly round: number;
}

/** The sender followed this leader when the heartbeat of `round` reached it. */
export interface HeartbeatAck {
  readonly kind: "heartbeatAck";
  readonly term: number;
  readonly round: number;
}

/**
 * What the sender knows to be committed. It travels with votes because commit indexes get lost in
 * crashes: a member that has forgotten that a change of the configuration is committed goes by voters
 * of old, and those who know better may be no voters any more, and never campaign.
 */
export interface KnownCommit {
  readonly commitIndex: number;
  /** Term of the entry there: whoever holds it may take it for committed. */
  readonly commitTerm: number;
}

/** Asks for a vote. A pre-vote carries the term that the sender would campaign in (thesis section 9.6). */
export interface VoteRequest extends KnownCommit {
  readonly kind: "voteRequest";
  readonly term: number;
  readonly preVote: boolean;
  /** The leader itself asked for this campaign: a receiver that hears the leader may vote all the same. */
  readonly transfer: boolean;
  readonly lastIndex: number;
  readonly lastTerm: number;
}

/** Answers a vote request; a granted pre-vote carries the term asked for, all else the sender's own. */
export interface VoteResponse extends KnownCommit {
  readonly kind: "voteResponse";
  readonly term: number;
  readonly preVote: boolean;
  readonly granted: boolean;
}

/** Tells a deposed leader that its term is over; pre-vote and leases would let it go on forever. */
export interface TermNotice {
  readonly kind: "termNotice";
  readonly term: number;
}

/** Asks the leader for a read index. `context` is unique among all requests of the sender, ever. */
export interface ReadRequest {
  readonly kind: "readRequest";
  readonly term: number;
  readonly context: number;
}

/** The read index of the request with this `context`. */
export interface ReadResponse {
  readonly kind: "readResponse";
  readonly term: number;
  readonly context: number;
  readonly index: number;
}

/**
 * Proposals forwarded to the leader. Acknowledged only by a refusal: a lost one ends in the client's
 * timeout. The transport must never deliver one twice, since the leader would append it twice.
 */
export interface ProposeRequest {
  readonly kind: "proposeRequest";
  readonly term: number;
  readonly payloads: readonly Uint8Array[];
}

/**
 * These proposals of the receiver were not appended, and may be proposed again. As with the request,
 * a transport must never deliver one twice.
 */
export interface ProposeRefused {
  readonly kind: "proposeRefused";
  readonly term: number;
  readonly payloads: readonly Uint8Array[];
}

/** The leader hands over: campaign at once, without a pre-vote (Raft thesis section 3.10). */
export interface TimeoutNow {
  readonly kind: "timeoutNow";
  readonly term: number;
}

/** Everything that members say to each other. `term` is the sender's, except as VoteResponse says. */
export type Message =
  | AppendRequest
  | AppendAccepted
  | AppendRejected
  | Heartbeat
  | HeartbeatAck
  | VoteRequest
  | VoteResponse
  | TermNotice
  | ReadRequest
  | ReadResponse
  | ProposeRequest
  | ProposeRefused
  | TimeoutNow;
