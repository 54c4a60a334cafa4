import {
  AlarmRequest,
  AlarmRequest_AlarmAction,
  AlarmType,
} from "../../shared/gen/etcdserverpb/rpc.js";
import { EntryKind } from "../../shared/messages/entry.js";
import { BoardSlot, type StatusBoard } from "../../shared/status-board.js";
import type { Frontend } from "../frontend/frontend.js";

/**
 * The check of the space quota before a proposal (MT-20, MT-21). It is an early word only: the one that
 * counts is made again where the entry is applied.
 */
export class SpaceQuota {
  readonly #frontend: Frontend;
  readonly #board: StatusBoard;
  readonly #memberId: bigint;
  readonly #quotaBytes: number;

  /** `quotaBytes` 0 switches the check off. */
  constructor(options: {
    readonly frontend: Frontend;
    readonly board: StatusBoard;
    readonly memberId: bigint;
    readonly quotaBytes: number;
  }) {
    this.#frontend = options.frontend;
    this.#board = options.board;
    this.#memberId = options.memberId;
    this.#quotaBytes = options.quotaBytes;
  }

  /** The limit in bytes, 0 for none. */
  get bytes(): number {
    return this.#quotaBytes;
  }

  /** Whether a request of this cost fits. When it does not, the NOSPACE alarm is raised on the way. */
  admits(costBytes: number): boolean {
    if (this.#quotaBytes === 0 || costBytes === 0) return true;
    if (this.#board.get(BoardSlot.storeBytesInUse) + costBytes < this.#quotaBytes) return true;
    if (this.#board.get(BoardSlot.noSpaceAlarms) === 0) this.#raiseAlarm();
    return false;
  }

  #raiseAlarm(): void {
    const request = AlarmRequest.encode({
      action: AlarmRequest_AlarmAction.ACTIVATE,
      memberID: this.#memberId,
      alarm: AlarmType.NOSPACE,
    }).finish();
    // Nobody waits for the answer: if it fails, the next request without room raises it again.
    this.#frontend.propose(EntryKind.alarm, request, () => {});
  }
}
