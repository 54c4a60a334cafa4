import type { LeaseTimeToLiveRequest } from "../../shared/gen/etcdserverpb/rpc.js";
import { ASK_LEADER, PeerAsk } from "../../shared/messages/peer-ask.js";
import type { Frontend } from "../frontend/frontend.js";
import type { AnswerHandler } from "../frontend/pending.js";
import type { LeaderCalls } from "./leader-calls.js";
import type { LeaderLessor } from "./leader-lessor.js";
import type { Standing } from "./standing.js";

/** What finds the leader's lessor. */
export interface LeaseRouterSources {
  readonly frontend: Frontend;
  readonly standing: Standing;
  readonly lessor: LeaderLessor;
  readonly calls: LeaderCalls;
}

/** Who asks: false when nobody waits any more. */
type IsWanted = () => boolean;

/** Questions about leases: the leader answers them, wherever they are asked (L-26, L-34). */
export class LeaseRouter {
  readonly #sources: LeaseRouterSources;

  constructor(sources: LeaseRouterSources) {
    this.#sources = sources;
  }

  /** Renews a lease; `request` is the LeaseKeepAliveRequest's bytes. */
  renew(
    lease: { readonly id: bigint; readonly request: Uint8Array },
    isWanted: IsWanted,
    handler: AnswerHandler,
  ): void {
    const { calls, frontend, lessor, standing } = this.#sources;
    const attempt = (done: AnswerHandler): void => {
      if (standing.leads) return lessor.renew(lease.id, done);
      const question = { peer: ASK_LEADER, kind: PeerAsk.leaseRenew, payload: lease.request };
      frontend.ask(question, done);
    };
    calls.make({ attempt, isWanted }, handler);
  }

  /** Looks a lease up; `bytes` is the encoded request. */
  timeToLive(
    { request, bytes }: { readonly request: LeaseTimeToLiveRequest; readonly bytes: Uint8Array },
    isWanted: IsWanted,
    handler: AnswerHandler,
  ): void {
    const { calls, frontend, lessor, standing } = this.#sources;
    const attempt = (done: AnswerHandler): void => {
      if (standing.leads) return lessor.timeToLive(request.ID, request.keys, done);
      frontend.ask({ peer: ASK_LEADER, kind: PeerAsk.leaseTimeToLive, payload: bytes }, done);
    };
    calls.make({ attempt, isWanted }, handler);
  }
}
