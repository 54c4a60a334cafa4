import type { DecodableType } from "../../shared/decode-message.js";
import { ErrorCode } from "../../shared/errors.js";
import {
  LeaseKeepAliveRequest,
  LeaseTimeToLiveRequest,
  MemberPromoteRequest,
} from "../../shared/gen/etcdserverpb/rpc.js";
import { PeerAsk } from "../../shared/messages/peer-ask.js";
import type { PeerReply, QuestionHandler } from "../frontend/peer-questions.js";
import type { AnswerHandler } from "../frontend/pending.js";
import { decodeRequest } from "../services/context.js";
import type { LeaderLessor } from "./leader-lessor.js";
import type { ClusterContext } from "./membership.js";
import { promoteAsLeader } from "./promote.js";

/** What other members are answered from. */
export interface PeerAnswersContext extends ClusterContext {
  readonly lessor: LeaderLessor;
}

/** Answers the questions of other members (peer-ask.ts). */
export function peerAnswers(context: PeerAnswersContext): QuestionHandler {
  const { lessor } = context;
  return ({ kind, payload }, reply) => {
    const decode = <T>(type: DecodableType<T>): T | undefined =>
      decodeRequest({ fail: () => reply(ErrorCode.malformedRequest) }, type, payload);
    switch (kind) {
      case PeerAsk.leaseRenew: {
        const request = decode(LeaseKeepAliveRequest);
        return request && lessor.renew(request.ID, passOn(reply));
      }
      case PeerAsk.leaseTimeToLive: {
        const request = decode(LeaseTimeToLiveRequest);
        return request && lessor.timeToLive(request.ID, request.keys, passOn(reply));
      }
      case PeerAsk.memberPromote: {
        const request = decode(MemberPromoteRequest);
        const promotion = request && { id: request.ID, client: undefined };
        if (promotion) void promoteAsLeader(context, promotion, passOn(reply));
        return;
      }
      default:
        // Of a later version: whoever asked is told.
        return reply(ErrorCode.malformedRequest);
    }
  };
}

/** Passes an answer on. A leader that is stopping leads no longer: whoever asked looks for the next one. */
function passOn(reply: PeerReply): AnswerHandler {
  return (code, _revision, bytes, offset, length) => {
    if (code === 0) reply(0, bytes.subarray(offset, offset + length));
    else reply(code === ErrorCode.stopped ? ErrorCode.notLeader : code);
  };
}
