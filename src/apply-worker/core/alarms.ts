import { ErrorCode, type Outcome, refuse, succeed } from "../../shared/errors.js";
import {
  type AlarmMember,
  type AlarmRequest,
  AlarmRequest_AlarmAction,
  AlarmType,
} from "../../shared/gen/etcdserverpb/rpc.js";

/** What an alarm request did. */
export interface AlarmOutcome {
  /** The answer's alarms. */
  readonly alarms: readonly AlarmMember[];
  /** The set of raised alarms is another one now. */
  readonly changed: boolean;
}

/** The raised alarms: pairs of member and type, the same on every member (MT-10). */
export class Alarms {
  readonly #raised: AlarmMember[] = [];

  /** Whether any member's alarm of this type is raised. */
  has(type: AlarmType): boolean {
    return this.#raised.some(({ alarm }) => alarm === type);
  }

  /** Raised alarms of a type, of all members. */
  count(type: AlarmType): number {
    return this.#raised.filter(({ alarm }) => alarm === type).length;
  }

  /** All raised alarms. */
  all(): readonly AlarmMember[] {
    return this.#raised;
  }

  /** Takes a stored alarm in at start. */
  restore(alarm: AlarmMember): void {
    this.#raised.push(alarm);
  }

  /** Applies a request (MT-11 to MT-14). */
  apply(request: AlarmRequest): Outcome<AlarmOutcome> {
    switch (request.action) {
      case AlarmRequest_AlarmAction.GET:
        return succeed({ alarms: this.#ofType(request.alarm), changed: false });
      case AlarmRequest_AlarmAction.ACTIVATE:
        return succeed(this.#activate(request));
      case AlarmRequest_AlarmAction.DEACTIVATE:
        return succeed(this.#deactivate(request));
      default:
        return refuse(ErrorCode.unknownAlarmAction);
    }
  }

  #ofType(type: AlarmType): AlarmMember[] {
    return this.#raised.filter(({ alarm }) => type === AlarmType.NONE || alarm === type);
  }

  #activate(request: AlarmRequest): AlarmOutcome {
    if (request.alarm === AlarmType.NONE) return { alarms: [], changed: false };
    const existing = this.#raised[this.#find(request)];
    if (existing !== undefined) return { alarms: [existing], changed: false };
    const raised = { memberID: request.memberID, alarm: request.alarm };
    this.#raised.push(raised);
    return { alarms: [raised], changed: true };
  }

  #deactivate(request: AlarmRequest): AlarmOutcome {
    const at = this.#find(request);
    if (at < 0) return { alarms: [], changed: false };
    return { alarms: this.#raised.splice(at, 1), changed: true };
  }

  #find(request: AlarmRequest): number {
    return this.#raised.findIndex(
      ({ memberID, alarm }) => memberID === request.memberID && alarm === request.alarm,
    );
  }
}
