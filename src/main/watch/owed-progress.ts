import type { WatchStream } from "./watch-stream.js";

/** A progress request that waits for live delivery to reach a revision. */
interface Owed {
  readonly stream: WatchStream;
  readonly revision: number;
}

/** Requests of one stream that may wait; more are dropped, as a request may be (W-53). */
const OWED_PER_STREAM_MAX = 16;

/**
 * Manual progress (W-51, W-52): answered when everything that was published when it was asked for has been
 * sent, which is mostly at once. A stream that falls behind meanwhile gets no answer (W-53).
 */
export class OwedProgress {
  readonly #deliveredRevision: () => number;
  /** By ascending revision: requests come in that order. */
  #owed: Owed[] = [];

  constructor(deliveredRevision: () => number) {
    this.#deliveredRevision = deliveredRevision;
  }

  /** Whether some answer waits. */
  get hasWork(): boolean {
    return this.#owed.length > 0;
  }

  /** Takes a request of a synced stream, to be answered when `revision` is delivered. */
  add(stream: WatchStream, revision: number): void {
    if (stream.progressOwed >= OWED_PER_STREAM_MAX) return;
    stream.progressOwed += 1;
    this.#owed.push({ stream, revision });
  }

  /** Answers what can be answered. */
  settle(): void {
    if (this.#owed.length === 0) return;
    const delivered = this.#deliveredRevision();
    const later: Owed[] = [];
    for (const owed of this.#owed) {
      const { stream } = owed;
      // A watcher that has just caught up may be ahead of live delivery: no step back for its client.
      const ready = owed.revision <= delivered && stream.sentRevision <= delivered;
      if (!ready && !stream.closed) {
        later.push(owed);
        continue;
      }
      stream.progressOwed -= 1;
      if (!stream.closed && stream.isSynced(delivered)) stream.sendProgress(delivered);
    }
    this.#owed = later;
  }
}
