import type {
  Checkpointed,
  DeltaPosition,
  Published,
} from "../../shared/messages/apply-to-main.js";
import { DELTA_START } from "../../shared/mvcc/delta-reader.js";
import type { ReadView } from "../../shared/mvcc/read-view.js";

/** A part of the delta that a reader of another thread needs. */
export interface DeltaPin {
  /** The delta is readable from here on. */
  readonly from: DeltaPosition;
  readonly release: () => void;
}

/**
 * How much of the delta a frontend still reads: everything from the newest checkpoint that its base shows,
 * and that no pin is older than.
 */
export class DeltaHold {
  readonly #view: ReadView;
  readonly #released: (checkpointId: number) => void;
  /** Checkpoints not released yet, oldest first: the base or a pin holds them back. */
  #unreleased: Checkpointed[] = [];
  #newest: Checkpointed = { checkpointId: 0, position: DELTA_START, revision: 0 };
  /** Each with the newest checkpoint when it was taken. */
  readonly #pins = new Set<{ readonly since: number }>();

  /** `released` tells the apply worker of a checkpoint that nobody here reads behind any more. */
  constructor(view: ReadView, released: (checkpointId: number) => void) {
    this.#view = view;
    this.#released = released;
  }

  /** Keeps the delta from the newest checkpoint on readable until the pin is released. */
  pin(): DeltaPin {
    const pin = { since: this.#newest.checkpointId };
    this.#pins.add(pin);
    return {
      from: this.#newest.position,
      release: () => {
        this.#pins.delete(pin);
        this.release();
      },
    };
  }

  /** A checkpoint is on disk. */
  checkpointed(checkpoint: Checkpointed): void {
    this.#newest = checkpoint;
    this.#unreleased.push(checkpoint);
    this.release();
  }

  /**
   * A snapshot took the place of the store: what the delta held is void for whoever begins to read now. Pins
   * of before still hold it, for threads that are reading it: the checkpoint that follows waits for them.
   */
  restored({ end, revision }: Published): void {
    this.#newest = { checkpointId: this.#newest.checkpointId, position: end, revision };
  }

  /** Lets go of the delta before the newest checkpoint that no pin older than it still reads. */
  release(): void {
    let oldestPin = Number.POSITIVE_INFINITY;
    for (const { since } of this.#pins) oldestPin = Math.min(oldestPin, since);
    const released = this.#unreleased.findLast(({ checkpointId }) => checkpointId <= oldestPin);
    if (released === undefined || !this.#view.checkpointed(released)) return;
    this.#unreleased = this.#unreleased.filter(
      ({ checkpointId }) => checkpointId > released.checkpointId,
    );
    this.#view.delta.dropBefore(released.position);
    this.#released(released.checkpointId);
  }
}
