import { MainToApply, readHashRevision, readNumber } from "../shared/messages/main-to-apply.js";
import { EMPTY_BODY } from "../shared/response-body.js";
import type { StateMachine } from "./core/state-machine.js";
import type { FrontendPorts } from "./frontend-port.js";
import type { Hasher } from "./hasher.js";
import type { Queries, QueryMessage } from "./queries.js";
import type { StoreKeeper } from "./store-keeper.js";
import type { WaitingAnswers } from "./waiting-answers.js";

/** Who has the answers. */
export interface FrontendRequestsOptions {
  readonly machine: StateMachine;
  readonly ports: FrontendPorts;
  readonly keeper: StoreKeeper;
  readonly hasher: Hasher;
  readonly queries: Queries;
  readonly waiting: WaitingAnswers;
}

/** What frontends send beside the log: each message goes to whom it is for. */
export class FrontendRequests {
  readonly #options: FrontendRequestsOptions;

  constructor(options: FrontendRequestsOptions) {
    this.#options = options;
  }

  /** Handles one message. The answer may come later. */
  handle(message: QueryMessage, nowMs: number): void {
    const { ports, keeper, queries } = this.#options;
    switch (message.type) {
      case MainToApply.released:
        return keeper.released(message.frontend, readNumber(message.view, message.offset));
      case MainToApply.defragment:
        return this.#onDefragment(message);
      case MainToApply.hash:
      case MainToApply.hashKv:
        return this.#onHash(message);
      default: {
        const answer = queries.answer(message, nowMs);
        if (answer !== undefined) ports.answer(answer);
      }
    }
  }

  /**
   * Pages are reused online, so there is nothing to stop for: the answer comes when what was applied is
   * on disk and what was compacted has made room (MT-25, MT-30).
   */
  #onDefragment({ frontend, view, offset }: QueryMessage): void {
    const { machine, ports, keeper, waiting } = this.#options;
    const { revision, compactRevision } = machine.space.view;
    const requestId = readNumber(view, offset);
    const answer = { frontend, requestId, revision, code: 0, body: EMPTY_BODY } as const;
    keeper.wantCheckpoint();
    const { appliedIndex } = machine;
    if (!waiting.add({ answer, appliedIndex, compactRevision })) ports.answer(answer);
  }

  #onHash({ frontend, type, view, offset }: QueryMessage): void {
    const { machine, keeper, hasher } = this.#options;
    const request = {
      kind: type === MainToApply.hash ? ("hash" as const) : ("hashKv" as const),
      frontend,
      requestId: readNumber(view, offset),
      revision: readHashRevision(view, offset),
    };
    if (!hasher.request(request, machine.appliedIndex)) keeper.wantCheckpoint();
  }
}
