import { ErrorCode } from "../../shared/errors.js";
import { LeaseKeepAliveResponse } from "../../shared/gen/etcdserverpb/rpc.js";
import { MainToApply } from "../../shared/messages/main-to-apply.js";
import { BoardSlot, type StatusBoard } from "../../shared/status-board.js";
import type { Frontend } from "../frontend/frontend.js";
import type { AnswerHandler } from "../frontend/pending.js";
import type { Standing } from "./standing.js";

/** What a leader's lessor is asked through. */
export interface LeaderLessorSources {
  readonly frontend: Frontend;
  readonly board: StatusBoard;
  readonly standing: Standing;
}

const NO_BYTES = new Uint8Array(0);

/**
 * The leases of this member while it leads. What it says is fenced: a quorum has confirmed that it led, in one
 * and the same term, after a renewal was made, and before a lease is called unknown. A leader that was
 * deposed without knowing it so never promises a lease more life than its successor will give it. Where
 * nobody else can lead, nobody has to confirm.
 */
export class LeaderLessor {
  readonly #sources: LeaderLessorSources;
  /** Everything of earlier terms is applied here, as far as it ever will be. */
  #caughtUpTerm: number | undefined;

  constructor(sources: LeaderLessorSources) {
    this.#sources = sources;
  }

  /** Renews a lease; answered by a LeaseKeepAliveResponse without header, or notLeader. */
  renew(leaseId: bigint, handler: AnswerHandler): void {
    const term = this.#term();
    if (term === undefined) return refuseNow(handler, ErrorCode.notLeader);
    const renew = (): void => this.#renew(leaseId, { term, isCaughtUp: false }, handler);
    if (this.#sources.standing.isSoleVoter || this.#caughtUpTerm === term) return renew();
    // The log of a new leader may end with its predecessor's revoke of this very lease.
    this.#confirm(term, (code) => {
      if (code !== 0) return refuseNow(handler, code);
      this.#caughtUpTerm = term;
      renew();
    });
  }

  /** Looks a lease up; answered by a LeaseTimeToLiveResponse without header, or notLeader. */
  timeToLive(leaseId: bigint, keys: boolean, handler: AnswerHandler): void {
    const { frontend, standing } = this.#sources;
    const term = this.#term();
    if (term === undefined) return refuseNow(handler, ErrorCode.notLeader);
    const query = { type: MainToApply.leaseTimeToLive, leaseId, flag: keys } as const;
    if (standing.isSoleVoter) return frontend.queryLease(query, handler);
    this.#confirm(term, (code) => {
      if (code !== 0) refuseNow(handler, code);
      else frontend.queryLease(query, handler);
    });
  }

  #renew(
    leaseId: bigint,
    state: { readonly term: number; readonly isCaughtUp: boolean },
    handler: AnswerHandler,
  ): void {
    const { frontend, standing } = this.#sources;
    const query = { type: MainToApply.leaseRenew, leaseId, flag: false } as const;
    frontend.queryLease(query, (code, revision, bytes, offset, length) => {
      if (code !== 0 || standing.isSoleVoter) return handler(code, revision, bytes, offset, length);
      const body = Uint8Array.from(bytes.subarray(offset, offset + length));
      const isAlive = LeaseKeepAliveResponse.decode(body).TTL > 0n;
      // Unknown at a time at which everything that was granted had been applied: that is final.
      if (!isAlive && state.isCaughtUp) return handler(0, revision, body, 0, body.length);
      this.#confirm(state.term, (refusal) => {
        if (refusal !== 0) refuseNow(handler, refusal);
        else if (isAlive) handler(0, revision, body, 0, body.length);
        else this.#renew(leaseId, { term: state.term, isCaughtUp: true }, handler);
      });
    });
  }

  /** Tells whether this member has led through all of the term up to now, as a quorum confirms it. */
  #confirm(term: number, told: (code: ErrorCode | 0) => void): void {
    this.#sources.frontend.linearizable((code) => {
      if (code !== 0) told(code);
      // A read index may have been confirmed by the next leader.
      else told(this.#term() === term ? 0 : ErrorCode.notLeader);
    });
  }

  /** The term that this member leads in, as far as it knows. */
  #term(): number | undefined {
    const { board, standing } = this.#sources;
    return standing.leads ? board.get(BoardSlot.term) : undefined;
  }
}

function refuseNow(handler: AnswerHandler, code: ErrorCode): void {
  handler(code, 0, NO_BYTES, 0, 0);
}
