import { errorFacts } from "../../shared/errors.js";
import { CompactionRequest } from "../../shared/gen/etcdserverpb/rpc.js";
import type { Logger } from "../../shared/logger.js";
import { EntryKind } from "../../shared/messages/entry.js";
import { BoardSlot, type StatusBoard } from "../../shared/status-board.js";
import type { Frontend } from "../frontend/frontend.js";
import type { CompactionPlan } from "./auto-compaction.js";

/** Runs a compaction plan against the log, on the leader only (C-14). Call `stop` at the end. */
export class AutoCompactor {
  readonly #timer: NodeJS.Timeout;

  constructor(options: {
    readonly plan: CompactionPlan;
    readonly frontend: Frontend;
    readonly board: StatusBoard;
    readonly memberId: bigint;
    readonly logger: Logger;
  }) {
    const { plan, frontend, board, memberId, logger } = options;
    this.#timer = setInterval(() => {
      const target = plan.sample(frontend.revision);
      const leads = board.getId(BoardSlot.leaderId) === memberId;
      if (target === undefined || !leads || target <= frontend.view.compactRevision) return;
      const request = CompactionRequest.encode({
        revision: BigInt(target),
        physical: false,
      }).finish();
      frontend.propose(EntryKind.compact, request, (code) => {
        if (code === 0) logger.info("completed auto revision compaction", { revision: target });
        else
          logger.warn("failed auto compaction", {
            revision: target,
            error: errorFacts(code).message,
          });
      });
    }, plan.sampleEveryMs);
  }

  /** Ends it. */
  stop(): void {
    clearInterval(this.#timer);
  }
}
