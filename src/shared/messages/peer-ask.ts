/**
 * Questions that one member asks another beside the log: a follower's frontend asks through its Raft worker,
 * the peer stream and the other Raft worker, and a frontend of the other member answers. Never delivered
 * twice, perhaps lost: whoever asks has a timeout.
 */
export const PeerAsk = {
  /** Renew a lease; the leader answers. Payload: LeaseKeepAliveRequest; answer: LeaseKeepAliveResponse. */
  leaseRenew: 1,
  /** Payload: LeaseTimeToLiveRequest; answer: LeaseTimeToLiveResponse. The leader answers. */
  leaseTimeToLive: 2,
  /** Payload: MemberPromoteRequest; answer: MemberPromoteResponse without header. The leader answers. */
  memberPromote: 3,
  // 4 and 5 had a meaning once: not to be used again.
} as const;
export type PeerAsk = (typeof PeerAsk)[keyof typeof PeerAsk];

/** "The leader, whoever that is", where a member to ask is named. */
export const ASK_LEADER = 0n;
