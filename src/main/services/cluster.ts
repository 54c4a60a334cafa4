import { ErrorCode } from "../../shared/errors.js";
import {
  Member,
  MemberAddRequest,
  MemberAddResponse,
  MemberListRequest,
  MemberListResponse,
  MemberPromoteRequest,
  MemberRemoveRequest,
  MemberUpdateRequest,
} from "../../shared/gen/etcdserverpb/rpc.js";
import { ConfChangeType } from "../../shared/messages/conf-change.js";
import { type ClusterContext, checkStrictly, proposeChange } from "../cluster/membership.js";
import { promoteThroughLeader } from "../cluster/promote.js";
import { checkAdd, checkRemove } from "../cluster/reconfiguration-checks.js";
import { addedMemberId } from "../config/member-id.js";
import type { AnswerHandler } from "../frontend/pending.js";
import type { RpcMethod, UnaryCall } from "../transport/method.js";
import { decodeRequest, failWith } from "./context.js";
import { checkPeerUrls } from "./member-urls.js";

/** etcdserverpb.Cluster (docs/facts/semantics.md section 11). No answer carries a revision (H-15). */
export function clusterMethods(context: ClusterContext): RpcMethod[] {
  return [
    unary("MemberList", (call, bytes) => list(context, call, bytes)),
    unary("MemberAdd", (call, bytes) => void add(context, call, bytes)),
    unary("MemberRemove", (call, bytes) => void remove(context, call, bytes)),
    unary("MemberUpdate", (call, bytes) => {
      const request = decodeRequest(call, MemberUpdateRequest, bytes);
      if (request === undefined) return;
      const { ID, peerURLs } = request;
      // Not looked at as URLs, unlike those of a new member (CL-08).
      const change = { type: ConfChangeType.update, member: Member.fromPartial({ ID, peerURLs }) };
      proposeChange(context, change, { client: call, handler: answerList(context, call) });
    }),
    unary("MemberPromote", (call, bytes) => {
      const request = decodeRequest(call, MemberPromoteRequest, bytes);
      if (request === undefined) return;
      const promotion = { id: request.ID, request: bytes, client: call };
      promoteThroughLeader(context, promotion, answerList(context, call));
    }),
  ];
}

function unary(name: string, handle: (call: UnaryCall, bytes: Uint8Array) => void): RpcMethod {
  return { kind: "unary", path: `/etcdserverpb.Cluster/${name}`, handle };
}

function list({ frontend, header }: ClusterContext, call: UnaryCall, bytes: Uint8Array): void {
  const request = decodeRequest(call, MemberListRequest, bytes);
  if (request === undefined) return;
  const answer = (): void => {
    const members = [...frontend.members()].sort((a, b) => (a.ID < b.ID ? -1 : 1));
    const body = MemberListResponse.encode({ header: undefined, members }).finish();
    call.reply(header.reply(0, body));
  };
  if (!request.linearizable) return answer();
  frontend.linearizable((code) => (code === 0 ? answer() : failWith(call, code)));
}

async function add(context: ClusterContext, call: UnaryCall, bytes: Uint8Array): Promise<void> {
  const request = decodeRequest(call, MemberAddRequest, bytes);
  if (request === undefined) return;
  const { isLearner } = request;
  const peerURLs = checkPeerUrls(request.peerURLs);
  if (peerURLs === undefined) return failWith(call, ErrorCode.badMemberUrls);
  const code = await checkStrictly(context, (state) => checkAdd(state, isLearner));
  if (code !== 0) return failWith(call, code);
  const ID = addedMemberId(peerURLs, Math.floor(Date.now() / 1000));
  const member = Member.fromPartial({ ID, peerURLs, isLearner });
  const type = isLearner ? ConfChangeType.addLearner : ConfChangeType.addVoter;
  const handler = answerWith(call, (body) => {
    const { members } = MemberListResponse.decode(body);
    const response = { header: undefined, member, members };
    call.reply(context.header.reply(0, MemberAddResponse.encode(response).finish()));
  });
  proposeChange(context, { type, member }, { client: call, handler });
}

async function remove(context: ClusterContext, call: UnaryCall, bytes: Uint8Array): Promise<void> {
  const request = decodeRequest(call, MemberRemoveRequest, bytes);
  if (request === undefined) return;
  const { ID } = request;
  const code = await checkStrictly(context, (state) => checkRemove(state, ID));
  if (code !== 0) return failWith(call, code);
  const change = { type: ConfChangeType.remove, member: Member.fromPartial({ ID }) };
  proposeChange(context, change, { client: call, handler: answerList(context, call) });
}

/** The new list as it comes: the answers to removal, update and promotion have it in the same place. */
function answerList({ header }: ClusterContext, call: UnaryCall): AnswerHandler {
  return answerWith(call, (body) => call.reply(header.reply(0, body)));
}

function answerWith(call: UnaryCall, reply: (body: Uint8Array) => void): AnswerHandler {
  return (code, _revision, bytes, offset, length) => {
    if (code === 0) reply(bytes.subarray(offset, offset + length));
    else failWith(call, code);
  };
}
