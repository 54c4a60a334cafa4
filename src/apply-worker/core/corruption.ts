import { AlarmType } from "../../shared/gen/etcdserverpb/rpc.js";
import type { Alarms } from "./alarms.js";
import type { Members } from "./members.js";

/**
 * Whom a CORRUPT alarm stops. One that names a member which has other voters beside it stops that member
 * alone: its frontends refuse everything, the others go on. One of a former member has done its work. Any
 * other stops the writes of all (MT-26). The same on every member, since alarms and members are.
 */
export type CorruptReach = "nobody" | "member" | "everybody";

/** The reach of one CORRUPT alarm. */
export function corruptReach(members: Members, memberId: bigint): CorruptReach {
  if (members.isRemoved(memberId)) return "nobody";
  const isOneOfMany = members.get(memberId) !== undefined && members.hasVotersBeside(memberId);
  return isOneOfMany ? "member" : "everybody";
}

/** Whether an alarm stops the writes of all members. */
export function isCorruptEverywhere(alarms: Alarms, members: Members): boolean {
  // Nearly always there is none, and this is asked for every entry.
  if (!alarms.has(AlarmType.CORRUPT)) return false;
  return alarms
    .all()
    .some(
      ({ alarm, memberID }) =>
        alarm === AlarmType.CORRUPT && corruptReach(members, memberID) === "everybody",
    );
}

/** Whether an alarm names this member and leaves the others alone: it must serve nothing. */
export function isCorruptHere(alarms: Alarms, members: Members, memberId: bigint): boolean {
  return alarms
    .all()
    .some(
      ({ alarm, memberID }) =>
        alarm === AlarmType.CORRUPT &&
        memberID === memberId &&
        corruptReach(members, memberID) === "member",
    );
}
