/**
 * The one table of client-visible errors: code (what crosses the rings), gRPC status, exact text.
 * Source: docs/facts/errors.md, which gives the situation behind each.
 */

/** gRPC status codes (grpc/grpc doc/statuscodes.md). */
export const GrpcStatus = {
  OK: 0,
  CANCELLED: 1,
  UNKNOWN: 2,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  OUT_OF_RANGE: 11,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  DATA_LOSS: 15,
  UNAUTHENTICATED: 16,
} as const;
export type GrpcStatus = (typeof GrpcStatus)[keyof typeof GrpcStatus];

/** What a request can be refused with. The number is the wire code between threads: never reuse one. */
export const ErrorCode = {
  emptyKey: 1,
  keyNotFound: 2,
  valueProvided: 3,
  leaseProvided: 4,
  tooManyOps: 5,
  duplicateKey: 6,
  invalidSortOption: 7,
  compacted: 8,
  futureRevision: 9,
  noSpace: 10,
  leaseNotFound: 11,
  leaseExists: 12,
  leaseTtlTooLarge: 13,
  watchCanceled: 14,
  memberNotFound: 15,
  requestTooLarge: 16,
  tooManyRequests: 17,
  noLeader: 18,
  notLeader: 19,
  leaderChanged: 20,
  stopped: 21,
  timeout: 22,
  timeoutLeaderFail: 23,
  timeoutConnectionLost: 24,
  timeoutWaitAppliedIndex: 25,
  corrupt: 26,
  notSupportedForLearner: 27,
  invalidClientApiVersion: 28,
  proposalDropped: 29,
  deadlineExceeded: 30,
  canceled: 31,
  notPrimaryLessor: 32,
  rangeStreamSortOrder: 33,
  rangeStreamFilters: 34,
  unknownAlarmAction: 35,
  malformedRequest: 36,
  memberExists: 37,
  peerUrlExists: 38,
  notEnoughStarted: 39,
  badMemberUrls: 40,
  memberNotLearner: 41,
  learnerNotReady: 42,
  tooManyLearners: 43,
  unhealthy: 44,
  badLeaderTransferee: 45,
  timeoutLeaderTransfer: 46,
} as const;
export type ErrorCode = (typeof ErrorCode)[keyof typeof ErrorCode];

/** Status and text of one error, as the client sees them. */
export interface ErrorFacts {
  readonly status: GrpcStatus;
  readonly message: string;
}

const S = GrpcStatus;

const FACTS: { readonly [code in ErrorCode]: ErrorFacts } = {
  [ErrorCode.emptyKey]: { status: S.INVALID_ARGUMENT, message: "etcdserver: key is not provided" },
  [ErrorCode.keyNotFound]: { status: S.INVALID_ARGUMENT, message: "etcdserver: key not found" },
  [ErrorCode.valueProvided]: {
    status: S.INVALID_ARGUMENT,
    message: "etcdserver: value is provided",
  },
  [ErrorCode.leaseProvided]: {
    status: S.INVALID_ARGUMENT,
    message: "etcdserver: lease is provided",
  },
  [ErrorCode.tooManyOps]: {
    status: S.INVALID_ARGUMENT,
    message: "etcdserver: too many operations in txn request",
  },
  [ErrorCode.duplicateKey]: {
    status: S.INVALID_ARGUMENT,
    message: "etcdserver: duplicate key given in txn request",
  },
  [ErrorCode.invalidSortOption]: {
    status: S.INVALID_ARGUMENT,
    message: "etcdserver: invalid sort option",
  },
  [ErrorCode.compacted]: {
    status: S.OUT_OF_RANGE,
    message: "etcdserver: mvcc: required revision has been compacted",
  },
  [ErrorCode.futureRevision]: {
    status: S.OUT_OF_RANGE,
    message: "etcdserver: mvcc: required revision is a future revision",
  },
  [ErrorCode.noSpace]: {
    status: S.RESOURCE_EXHAUSTED,
    message: "etcdserver: mvcc: database space exceeded",
  },
  [ErrorCode.leaseNotFound]: {
    status: S.NOT_FOUND,
    message: "etcdserver: requested lease not found",
  },
  [ErrorCode.leaseExists]: {
    status: S.FAILED_PRECONDITION,
    message: "etcdserver: lease already exists",
  },
  [ErrorCode.leaseTtlTooLarge]: {
    status: S.OUT_OF_RANGE,
    message: "etcdserver: too large lease TTL",
  },
  [ErrorCode.watchCanceled]: { status: S.CANCELLED, message: "etcdserver: watch canceled" },
  [ErrorCode.memberNotFound]: { status: S.NOT_FOUND, message: "etcdserver: member not found" },
  [ErrorCode.requestTooLarge]: {
    status: S.INVALID_ARGUMENT,
    message: "etcdserver: request is too large",
  },
  // Code Unknown on the wire, not ResourceExhausted: errors.md section 3.
  [ErrorCode.tooManyRequests]: { status: S.UNKNOWN, message: "etcdserver: too many requests" },
  [ErrorCode.noLeader]: { status: S.UNAVAILABLE, message: "etcdserver: no leader" },
  [ErrorCode.notLeader]: { status: S.FAILED_PRECONDITION, message: "etcdserver: not leader" },
  [ErrorCode.leaderChanged]: { status: S.UNAVAILABLE, message: "etcdserver: leader changed" },
  [ErrorCode.stopped]: { status: S.UNAVAILABLE, message: "etcdserver: server stopped" },
  [ErrorCode.timeout]: { status: S.UNAVAILABLE, message: "etcdserver: request timed out" },
  [ErrorCode.timeoutLeaderFail]: {
    status: S.UNAVAILABLE,
    message: "etcdserver: request timed out, possibly due to previous leader failure",
  },
  [ErrorCode.timeoutConnectionLost]: {
    status: S.UNAVAILABLE,
    message: "etcdserver: request timed out, possibly due to connection lost",
  },
  [ErrorCode.timeoutWaitAppliedIndex]: {
    status: S.UNAVAILABLE,
    message: "etcdserver: request timed out, waiting for the applied index took too long",
  },
  [ErrorCode.corrupt]: { status: S.DATA_LOSS, message: "etcdserver: corrupt cluster" },
  [ErrorCode.notSupportedForLearner]: {
    status: S.FAILED_PRECONDITION,
    message: "etcdserver: rpc not supported for learner",
  },
  [ErrorCode.invalidClientApiVersion]: {
    status: S.INVALID_ARGUMENT,
    message: "etcdserver: invalid client api version",
  },
  [ErrorCode.proposalDropped]: { status: S.UNKNOWN, message: "raft proposal dropped" },
  [ErrorCode.deadlineExceeded]: {
    status: S.DEADLINE_EXCEEDED,
    message: "context deadline exceeded",
  },
  [ErrorCode.canceled]: { status: S.CANCELLED, message: "etcdserver: request canceled" },
  [ErrorCode.notPrimaryLessor]: { status: S.UNKNOWN, message: "not a primary lessor" },
  [ErrorCode.rangeStreamSortOrder]: {
    status: S.UNIMPLEMENTED,
    message: "RangeStream does not support custom sort orders",
  },
  [ErrorCode.rangeStreamFilters]: {
    status: S.UNIMPLEMENTED,
    message: "RangeStream does not support revision filters",
  },
  [ErrorCode.unknownAlarmAction]: {
    status: S.INVALID_ARGUMENT,
    message: "etcdserver: unknown alarm action",
  },
  [ErrorCode.malformedRequest]: {
    status: S.INTERNAL,
    message: "grpc: error unmarshalling request",
  },
  [ErrorCode.memberExists]: {
    status: S.FAILED_PRECONDITION,
    message: "etcdserver: member ID already exist",
  },
  [ErrorCode.peerUrlExists]: {
    status: S.FAILED_PRECONDITION,
    message: "etcdserver: Peer URLs already exists",
  },
  // Code Unknown on the wire, not FailedPrecondition: errors.md section 3.
  [ErrorCode.notEnoughStarted]: {
    status: S.UNKNOWN,
    message: "etcdserver: re-configuration failed due to not enough started members",
  },
  [ErrorCode.badMemberUrls]: {
    status: S.INVALID_ARGUMENT,
    message: "etcdserver: given member URLs are invalid",
  },
  [ErrorCode.memberNotLearner]: {
    status: S.FAILED_PRECONDITION,
    message: "etcdserver: can only promote a learner member",
  },
  [ErrorCode.learnerNotReady]: {
    status: S.FAILED_PRECONDITION,
    message: "etcdserver: can only promote a learner member which is in sync with leader",
  },
  [ErrorCode.tooManyLearners]: {
    status: S.FAILED_PRECONDITION,
    message: "etcdserver: too many learner members in cluster",
  },
  [ErrorCode.unhealthy]: { status: S.UNAVAILABLE, message: "etcdserver: unhealthy cluster" },
  [ErrorCode.badLeaderTransferee]: {
    status: S.FAILED_PRECONDITION,
    message: "etcdserver: bad leader transferee",
  },
  [ErrorCode.timeoutLeaderTransfer]: {
    status: S.UNKNOWN,
    message: "etcdserver: request timed out, leader transfer took too long",
  },
};

/** Status and exact text of an error code. */
export function errorFacts(code: ErrorCode): ErrorFacts {
  return FACTS[code];
}

/** The outcome of something a client asked for: a value, or one named refusal. */
export type Outcome<T> = { readonly ok: true; readonly value: T } | Refusal;

/** A refusal by name. The client's or the cluster's condition, never our bug. */
export interface Refusal {
  readonly ok: false;
  readonly code: ErrorCode;
}

/** Makes a refusal. */
export function refuse(code: ErrorCode): Refusal {
  return { ok: false, code };
}

/** Makes a success. */
export function succeed<T>(value: T): Outcome<T> {
  return { ok: true, value };
}
