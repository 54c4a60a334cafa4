import { MemberListRequest, MemberListResponse } from "../../shared/gen/etcdserverpb/rpc.js";
import type { RpcMethod, UnaryCall } from "../transport/method.js";
import { decodeRequest, failWith, type ServiceContext } from "./context.js";

/** etcdserverpb.Cluster, the reading part (docs/facts/semantics.md CL-01, CL-02). */
export function clusterMethods(context: ServiceContext): RpcMethod[] {
  const answer = (call: UnaryCall): void => {
    const members = [...context.frontend.members()].sort((a, b) => (a.ID < b.ID ? -1 : 1));
    const body = MemberListResponse.encode({ header: undefined, members }).finish();
    // Membership answers carry no revision (H-15).
    call.reply(context.header.reply(0, body));
  };
  return [
    {
      kind: "unary",
      path: "/etcdserverpb.Cluster/MemberList",
      handle: (call, bytes) => {
        const request = decodeRequest(call, MemberListRequest, bytes);
        if (request === undefined) return;
        if (!request.linearizable) return answer(call);
        context.frontend.linearizable((code) => (code === 0 ? answer(call) : failWith(call, code)));
      },
    },
  ];
}
