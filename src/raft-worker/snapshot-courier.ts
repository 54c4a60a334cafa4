import type { MemberId } from "./core/entry.js";

/** How a snapshot on its way fares. */
export interface SnapshotProgress {
  /** A store at this index is being sent. */
  started(index: number): void;
  /** The member has it, or does not. */
  finished(ok: boolean): void;
}

/** Sends this member's store to another one. */
export interface SnapshotOutbox {
  sendSnapshot(to: MemberId, progress: SnapshotProgress): void;
}

/** What the courier tells its owner. */
export interface CourierHandlers {
  /** Asks the apply worker to bring the store up to date on disk. */
  checkpointWanted(): void;
  started(to: MemberId, index: number): void;
  finished(to: MemberId, index: number, ok: boolean): void;
}

/**
 * Brings the store to members that the log cannot help any more: first a checkpoint, so that what is sent
 * connects with the log in memory, then the stream. One at a time per member.
 */
export class SnapshotCourier {
  readonly #outbox: SnapshotOutbox;
  readonly #handlers: CourierHandlers;
  readonly #waiting = new Set<MemberId>();
  readonly #sending = new Set<MemberId>();

  constructor(outbox: SnapshotOutbox, handlers: CourierHandlers) {
    this.#outbox = outbox;
    this.#handlers = handlers;
  }

  /** A member needs the store. */
  send(to: MemberId): void {
    if (this.#waiting.has(to) || this.#sending.has(to)) return;
    this.#waiting.add(to);
    this.#handlers.checkpointWanted();
  }

  /** The store is up to date on disk. */
  checkpointed(): void {
    for (const to of this.#waiting) this.#start(to);
    this.#waiting.clear();
  }

  #start(to: MemberId): void {
    this.#sending.add(to);
    let index = 0;
    this.#outbox.sendSnapshot(to, {
      started: (position) => {
        index = position;
        this.#handlers.started(to, index);
      },
      finished: (ok) => {
        this.#sending.delete(to);
        this.#handlers.finished(to, index, ok);
      },
    });
  }
}
