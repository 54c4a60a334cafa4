import type { ErrorCode } from "../shared/errors.js";
import {
  AlarmResponse,
  LeaseKeepAliveResponse,
  LeaseLeasesResponse,
  LeaseTimeToLiveResponse,
} from "../shared/gen/etcdserverpb/rpc.js";
import {
  MainToApply,
  readFlag,
  readLeaseId,
  readNumber,
} from "../shared/messages/main-to-apply.js";
import { EMPTY_BODY } from "../shared/response-body.js";
import type { Totals } from "./board-slots.js";
import type { RenewalAnswer } from "./core/renewal-queue.js";
import type { StateMachine } from "./core/state-machine.js";
import type { Answer } from "./frontend-port.js";

/** A query as it stands in a ring. */
export interface QueryMessage {
  readonly frontend: number;
  readonly type: number;
  readonly view: DataView;
  readonly offset: number;
}

/** Answers what frontends ask of leases and alarms beside the log. */
export class Queries {
  readonly #machine: StateMachine;
  readonly #totals: Totals;

  constructor(machine: StateMachine, totals: Totals) {
    this.#machine = machine;
    this.#totals = totals;
  }

  /** Answers a query; undefined: later, through `takeRenewals`, or it is none of these. */
  answer(message: QueryMessage, nowMs: number): Answer | undefined {
    const { frontend, type, view, offset } = message;
    const requestId = readNumber(view, offset);
    switch (type) {
      case MainToApply.leaseRenew: {
        const request = { frontend, requestId, id: readLeaseId(view, offset) };
        const renewal = this.#machine.lessor.renew(request, nowMs);
        return renewal && this.#renewal(renewal);
      }
      case MainToApply.leaseTimeToLive:
        return this.#timeToLive(message, requestId, nowMs);
      case MainToApply.leaseLeases: {
        const leases = this.#machine.lessor.list().map((ID) => ({ ID }));
        const body = LeaseLeasesResponse.encode({ header: undefined, leases }).finish();
        return this.#answer({ frontend, requestId, code: 0, body });
      }
      case MainToApply.alarmList: {
        const alarms = [...this.#machine.alarms.all()];
        const body = AlarmResponse.encode({ header: undefined, alarms }).finish();
        return this.#answer({ frontend, requestId, code: 0, body });
      }
      default:
        return undefined;
    }
  }

  /** Answers to renewals that had to wait for the log. */
  takeRenewals(): Answer[] {
    return this.#machine.lessor.takeAnswers().map((renewal) => this.#renewal(renewal));
  }

  #renewal({ frontend, requestId, id, code, ttlSeconds }: RenewalAnswer): Answer {
    if (code !== 0) return this.#answer({ frontend, requestId, code, body: EMPTY_BODY });
    if (ttlSeconds > 0) this.#totals.leasesRenewed += 1;
    const response = { header: undefined, ID: id, TTL: BigInt(ttlSeconds) };
    const body = LeaseKeepAliveResponse.encode(response).finish();
    return this.#answer({ frontend, requestId, code: 0, body });
  }

  #timeToLive(message: QueryMessage, requestId: number, nowMs: number): Answer {
    const { frontend, view, offset } = message;
    const id = readLeaseId(view, offset);
    const outcome = this.#machine.lessor.timeToLive(id, nowMs);
    if (!outcome.ok) {
      return this.#answer({ frontend, requestId, code: outcome.code, body: EMPTY_BODY });
    }
    const { remainingSeconds, grantedSeconds } = outcome.value;
    const withKeys = readFlag(view, offset) && grantedSeconds > 0;
    const response = {
      header: undefined,
      ID: id,
      TTL: BigInt(remainingSeconds),
      grantedTTL: BigInt(grantedSeconds),
      keys: withKeys ? this.#machine.leaseKeys.keys(id) : [],
    };
    const body = LeaseTimeToLiveResponse.encode(response).finish();
    return this.#answer({ frontend, requestId, code: 0, body });
  }

  #answer(answer: {
    readonly frontend: number;
    readonly requestId: number;
    readonly code: ErrorCode | 0;
    readonly body: Uint8Array;
  }): Answer {
    return { ...answer, revision: this.#machine.space.view.revision };
  }
}
