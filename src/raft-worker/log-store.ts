import type { SharedHistogram } from "../shared/histogram.js";
import { WAL_SEGMENTS_RETAINED_MAX } from "../shared/limits.js";
import { BoardSlot, type StatusBoard } from "../shared/status-board.js";
import type { Wal } from "../wal/wal.js";
import type { Entry, HardState, LogPosition } from "./core/entry.js";

/** What is to be made durable together. */
export interface StoreBatch {
  /** The log starts anew after this place, and the entries follow it. */
  readonly snapshot?: LogPosition;
  /** Consecutive; they replace what was stored at their indexes and after. */
  readonly entries: readonly Entry[];
  readonly hardState: HardState;
}

/** What a store may let go of. */
export interface Truncation {
  /** Entries below this are of no use to anybody. */
  readonly wantedFrom: number;
  /** Entries below this are held elsewhere, durably. Those that are wanted go when it costs too much to keep them. */
  readonly heldBefore: number;
}

/** Where the driver keeps log and hard state: the WAL, or a simulated disk. */
export interface LogStore {
  /**
   * Writes a batch; calls `done` when it would survive a power cut. One at a time. A store that fails
   * never calls `done` and ends the actor by itself: after a failed write nothing may go on.
   */
  append(batch: StoreBatch, done: () => void): void;
  /** Lets go of entries at the log's beginning. */
  truncate(truncation: Truncation): void;
  /** Ends in order; no append may be under way. */
  close(): Promise<void>;
}

/** What the WAL store reports to. */
export interface WalLogStoreOptions {
  readonly wal: Wal;
  readonly board: StatusBoard;
  readonly syncSeconds: SharedHistogram;
  /** Monotonic milliseconds. */
  readonly nowMs: () => number;
  /** Must not return to business: the first failed write or sync ends the process. */
  readonly fatal: (error: unknown) => void;
}

/** The log store over the real WAL, with its metrics. */
export class WalLogStore implements LogStore {
  readonly #options: WalLogStoreOptions;

  constructor(options: WalLogStoreOptions) {
    this.#options = options;
  }

  append(batch: StoreBatch, done: () => void): void {
    const { wal, nowMs, fatal } = this.#options;
    const startMs = nowMs();
    wal.append({ ...batch, sync: true }).then(() => {
      this.#measure(startMs);
      done();
    }, fatal);
  }

  truncate({ wantedFrom, heldBefore }: Truncation): void {
    const { wal } = this.#options;
    // A member that starts again and again writes little into many files: they would never be too many bytes.
    const crowdedOut = wal.lastIndexBeyond(WAL_SEGMENTS_RETAINED_MAX) + 1;
    wal.truncateBefore(Math.min(heldBefore, Math.max(wantedFrom, crowdedOut)));
  }

  close(): Promise<void> {
    return this.#options.wal.close();
  }

  #measure(startMs: number): void {
    const { wal, board, syncSeconds, nowMs } = this.#options;
    syncSeconds.observe((nowMs() - startMs) / 1000);
    board.set(BoardSlot.walSyncs, wal.syncCount);
    board.set(BoardSlot.walBytes, wal.bytesWritten);
  }
}
