import type { Effect } from "../../../src/raft-worker/core/effects.js";
import type { RaftEvent } from "../../../src/raft-worker/core/events.js";
import { Raft, type RaftOptions } from "../../../src/raft-worker/core/raft.js";

/** The real core; somebody looks at each step's effects. */
export class CheckedRaft extends Raft {
  readonly #onStep: (raft: Raft, event: RaftEvent, effects: readonly Effect[]) => void;

  constructor(
    options: RaftOptions,
    onStep: (raft: Raft, event: RaftEvent, effects: readonly Effect[]) => void,
  ) {
    super(options);
    this.#onStep = onStep;
  }

  override step(event: RaftEvent): Effect[] {
    const effects = super.step(event);
    this.#onStep(this, event, effects);
    return effects;
  }
}
