import {
  type AlarmRequest,
  AlarmRequest_AlarmAction,
  AlarmResponse,
  type Member,
  MemberListResponse,
} from "../../shared/gen/etcdserverpb/rpc.js";
import type { ConfChange } from "../../shared/messages/conf-change.js";
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

/** Applies what a member tells of itself when it starts; of one that is no member (any more), nothing. */
export function applyMemberAttributes(context: MachineContext, member: Member): ApplyResult {
  const published = context.members.publish(member);
  if (published === undefined) return answered(context);
  context.tables.putMember(published);
  context.membersChanged = true;
  return answered(context);
}

/** Applies a change of the membership; answered by the new list (CL-03). */
export function applyConfChange(context: MachineContext, change: ConfChange): ApplyResult {
  const { members, tables } = context;
  const code = members.check(change);
  if (code !== 0) return refused(context, code);
  const wereRemoved = new Set(members.removed());
  for (const id of members.change(change)) {
    const member = members.get(id);
    if (member === undefined) tables.removeMember(id);
    else tables.putMember(member);
    // A survivor that had been removed is a member again.
    if (member !== undefined && wereRemoved.has(id)) tables.restoreMember(id);
  }
  context.membersChanged = true;
  const response = { header: undefined, members: members.all() };
  return answered(context, MemberListResponse.encode(response).finish());
}
