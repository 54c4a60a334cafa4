import type { RpcMethod } from "../transport/method.js";

/** One RPC as the gRPC metrics name it. */
export interface RpcMethodName {
  readonly service: string;
  readonly method: string;
  readonly kind: RpcMethod["kind"];
}

type Streams = { readonly [method: string]: RpcMethod["kind"] };

const UNARY_METHODS: { readonly [service: string]: string } = {
  "etcdserverpb.Auth":
    "AuthEnable AuthDisable AuthStatus Authenticate UserAdd UserGet UserList UserDelete " +
    "UserChangePassword UserGrantRole UserRevokeRole RoleAdd RoleGet RoleList RoleDelete " +
    "RoleGrantPermission RoleRevokePermission",
  "etcdserverpb.Cluster": "MemberAdd MemberRemove MemberUpdate MemberList MemberPromote",
  "etcdserverpb.KV": "Range Put DeleteRange Txn Compact",
  "etcdserverpb.Lease": "LeaseGrant LeaseRevoke LeaseTimeToLive LeaseLeases",
  "etcdserverpb.Maintenance": "Alarm Status Defragment Hash HashKV MoveLeader Downgrade",
  "grpc.health.v1.Health": "Check List",
};

const STREAM_METHODS: { readonly [service: string]: Streams } = {
  "etcdserverpb.KV": { RangeStream: "server-stream" },
  "etcdserverpb.Lease": { LeaseKeepAlive: "bidi" },
  "etcdserverpb.Maintenance": { Snapshot: "server-stream" },
  "etcdserverpb.Watch": { Watch: "bidi" },
  "grpc.health.v1.Health": { Watch: "server-stream" },
};

/**
 * Every RPC whose series exist from the start, served here or not: alerts divide by them
 * (docs/facts/metrics.md section 3). Lock and Election appear with their first call.
 */
export const COUNTED_METHODS: readonly RpcMethodName[] = [
  ...Object.entries(UNARY_METHODS).flatMap(([service, methods]) =>
    methods.split(" ").map((method) => ({ service, method, kind: "unary" as const })),
  ),
  ...Object.entries(STREAM_METHODS).flatMap(([service, methods]) =>
    Object.entries(methods).map(([method, kind]) => ({ service, method, kind })),
  ),
];
