import { ErrorCode } from "../../shared/errors.js";
import {
  type AlarmMember,
  AlarmRequest,
  AlarmRequest_AlarmAction,
  AlarmResponse,
  AlarmType,
  DefragmentRequest,
  HashKVRequest,
  HashRequest,
  MoveLeaderRequest,
  StatusRequest,
  StatusResponse,
} from "../../shared/gen/etcdserverpb/rpc.js";
import { EntryKind } from "../../shared/messages/entry.js";
import { MainToApply } from "../../shared/messages/main-to-apply.js";
import { BoardSlot } from "../../shared/status-board.js";
import { API_VERSION, STORAGE_VERSION } from "../../shared/version.js";
import type { ClusterContext } from "../cluster/membership.js";
import type { AnswerHandler } from "../frontend/pending.js";
import type { RpcMethod, UnaryCall } from "../transport/method.js";
import { decodeRequest, failWith } from "./context.js";
import { moveLeader } from "./move-leader.js";
import { answerUnary } from "./propose.js";

/** etcdserverpb.Maintenance of one member (docs/facts/semantics.md section 12). */
export function maintenanceMethods(context: ClusterContext): RpcMethod[] {
  const { frontend } = context;
  return [
    unary("Alarm", (call, bytes) => alarm(context, call, bytes)),
    unary("Status", (call, bytes) => {
      if (decodeRequest(call, StatusRequest, bytes) === undefined) return;
      frontend.queryNumber(MainToApply.alarmList, statusAnswer(context, call));
    }),
    unary("Defragment", (call, bytes) => {
      if (decodeRequest(call, DefragmentRequest, bytes) === undefined) return;
      // Nothing stops: pages are reused online. The answer has no header (H-16).
      frontend.queryNumber(MainToApply.defragment, (code) => {
        if (code === 0) call.reply(NO_BYTES);
        else failWith(call, code);
      });
    }),
    unary("Hash", (call, bytes) => {
      if (decodeRequest(call, HashRequest, bytes) === undefined) return;
      frontend.queryHash(
        { type: MainToApply.hash, revision: 0n },
        answerUnary(call, context.header),
      );
    }),
    unary("HashKV", (call, bytes) => {
      const request = decodeRequest(call, HashKVRequest, bytes);
      if (request === undefined) return;
      const { revision } = request;
      frontend.queryHash({ type: MainToApply.hashKv, revision }, answerUnary(call, context.header));
    }),
    unary("MoveLeader", (call, bytes) => {
      const request = decodeRequest(call, MoveLeaderRequest, bytes);
      if (request !== undefined) void moveLeader(context, call, request.targetID);
    }),
  ];
}

const NO_BYTES = new Uint8Array(0);

function unary(name: string, handle: (call: UnaryCall, bytes: Uint8Array) => void): RpcMethod {
  return { kind: "unary", path: `/etcdserverpb.Maintenance/${name}`, handle };
}

/** Every alarm request goes through the log, GET too (MT-10, G-14). */
function alarm(context: ClusterContext, call: UnaryCall, bytes: Uint8Array): void {
  const request = decodeRequest(call, AlarmRequest, bytes);
  if (request === undefined) return;
  const known = Object.values(AlarmRequest_AlarmAction).includes(request.action);
  if (!known || request.action < 0) return failWith(call, ErrorCode.unknownAlarmAction);
  context.frontend.propose(EntryKind.alarm, bytes, answerUnary(call, context.header));
}

function statusAnswer(context: ClusterContext, call: UnaryCall): AnswerHandler {
  const { board, quota, frontend, header, standing } = context;
  return (code, _revision, bytes, offset, length) => {
    if (code !== 0) return failWith(call, code);
    const { alarms } = AlarmResponse.decode(bytes.subarray(offset, offset + length));
    const leader = board.getId(BoardSlot.leaderId);
    const errors = leader === 0n ? ["etcdserver: no leader"] : [];
    const body = StatusResponse.encode({
      header: undefined,
      version: API_VERSION,
      dbSize: BigInt(board.get(BoardSlot.storeBytes)),
      leader,
      raftIndex: BigInt(board.get(BoardSlot.commitIndex)),
      raftTerm: BigInt(board.get(BoardSlot.term)),
      raftAppliedIndex: BigInt(board.get(BoardSlot.appliedIndex)),
      errors: [...errors, ...alarms.map(alarmText)],
      dbSizeInUse: BigInt(board.get(BoardSlot.storeBytesInUse)),
      isLearner: standing.isLearner,
      storageVersion: STORAGE_VERSION,
      dbSizeQuota: BigInt(quota.bytes),
      downgradeInfo: { enabled: false, targetVersion: "" },
    }).finish();
    call.reply(header.reply(frontend.revision, body));
  };
}

/** An alarm as Status spells it (MT-04). */
function alarmText(alarm: AlarmMember): string {
  const type = Object.entries(AlarmType).find(([, number]) => number === alarm.alarm)?.[0];
  return `memberID:${alarm.memberID} alarm:${type ?? alarm.alarm}`;
}
