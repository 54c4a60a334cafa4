import {
  type AlarmRequest,
  AlarmRequest_AlarmAction,
  AlarmResponse,
  type Member,
} from "../../shared/gen/etcdserverpb/rpc.js";
import { type ApplyResult, answered, type MachineContext, refused } from "./machine-context.js";

/** Applies an Alarm request (MT-10 to MT-14). */
export function applyAlarm(context: MachineContext, request: AlarmRequest): ApplyResult {
  const outcome = context.alarms.apply(request);
  if (!outcome.ok) return refused(context, outcome.code);
  const { alarms, changed } = outcome.value;
  if (changed) {
    const raised = request.action === AlarmRequest_AlarmAction.ACTIVATE;
    for (const alarm of alarms) context.tables.setAlarm(alarm, raised);
  }
  const response = { header: undefined, alarms: [...alarms] };
  return answered(context, AlarmResponse.encode(response).finish());
}

/** Applies what a member tells of itself when it starts. */
export function applyMemberAttributes(context: MachineContext, member: Member): ApplyResult {
  context.members.publish(member);
  context.tables.putMember(member);
  context.membersChanged = true;
  return answered(context);
}
