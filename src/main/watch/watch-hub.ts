import { ErrorCode, errorFacts } from "../../shared/errors.js";
import { KIB, MIB } from "../../shared/limits.js";
import type { DeltaRecord } from "../../shared/mvcc/delta-record.js";
import type { ReadView } from "../../shared/mvcc/read-view.js";
import type { PublishListener } from "../frontend/frontend.js";
import type { HeaderEncoder } from "../services/response-header.js";
import type { StreamCall, StreamReceiver } from "../transport/method.js";
import { CatchUp, type CatchUpLimits } from "./catch-up.js";
import { LiveDelivery } from "./live-delivery.js";
import { OwedProgress } from "./owed-progress.js";
import { ProgressTicker } from "./progress-ticker.js";
import { TurnBudget } from "./turn-budget.js";
import { WatchResponses } from "./watch-response.js";
import { type StreamHost, WatchStream } from "./watch-stream.js";
import type { Watcher } from "./watcher.js";

/** What a hub is made of. */
export interface WatchHubOptions {
  /** The view of the frontend that publishes to this hub. */
  readonly view: ReadView;
  readonly header: HeaderEncoder;
  /** Encoded size from which a response is sent in fragments to those who asked for it (W-45). */
  readonly fragmentBytes: number;
  /** Between two progress messages to an idle watcher (W-50). */
  readonly progressIntervalMs: number;
  /** Asks the frontend for a turn soon. */
  readonly wake: () => void;
  /** Why this member may serve no watches, for now; 0 when it may. Default: it always may. */
  readonly refusal?: () => ErrorCode | 0;
  /** Monotonic milliseconds. */
  readonly nowMs?: () => number;
  /** Numbers in [0, 1), for the spread of progress ticks. */
  readonly random?: () => number;
  /** Bounds of the work and of the memory; tests make them small. */
  readonly limits?: Partial<WatchLimits>;
}

/** Bounds of a hub's work and memory. */
export interface WatchLimits extends CatchUpLimits {
  /** Encoded events that wait for live delivery. */
  readonly liveQueueBytesMax: number;
  /** Written in one turn. */
  readonly turnBytesMax: number;
}

const DEFAULT_LIMITS: WatchLimits = {
  liveQueueBytesMax: 16 * MIB,
  turnBytesMax: 4 * MIB,
  batchSizeMax: 256,
  joinSpan: 10_000,
  sliceChangesMax: 2000,
  sliceBytesMax: 4 * MIB,
  responseBytesMax: 128 * KIB,
};

/** What a hub counts. */
export interface WatchStats {
  readonly streams: number;
  readonly watchers: number;
  /** Watchers that are not up to date. */
  readonly slowWatchers: number;
  /** Events taken in for live delivery and not sent. */
  readonly pendingEvents: number;
  /** Events sent since the start, once per watcher. */
  readonly eventsSent: number;
}

/**
 * The watchers of one frontend (docs/facts/semantics.md section 8): live delivery of what is published,
 * catching up from history, progress. Works in the frontend's turns, within a budget.
 */
export class WatchHub implements PublishListener, StreamHost {
  readonly view: ReadView;
  readonly responses: WatchResponses;
  readonly fragmentBytes: number;
  readonly #options: WatchHubOptions;
  readonly #nowMs: () => number;
  readonly #turnBytesMax: number;
  readonly #live: LiveDelivery;
  readonly #catchUp: CatchUp;
  readonly #ticker: ProgressTicker;
  readonly #owed: OwedProgress;
  readonly #streams = new Set<WatchStream>();
  readonly #drained = new Set<WatchStream>();
  #budget: TurnBudget | undefined;
  #watcherCount = 0;
  #eventsSent = 0;

  constructor(options: WatchHubOptions) {
    const limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.#options = options;
    this.view = options.view;
    this.responses = new WatchResponses(options.header);
    this.fragmentBytes = options.fragmentBytes;
    this.#nowMs = options.nowMs ?? (() => performance.now());
    this.#turnBytesMax = limits.turnBytesMax;
    this.#live = new LiveDelivery(this, limits.liveQueueBytesMax);
    this.#catchUp = new CatchUp(this, limits);
    this.#ticker = new ProgressTicker(options.progressIntervalMs, options.random ?? Math.random);
    this.#owed = new OwedProgress(() => this.#live.deliveredRevision);
  }

  get revision(): number {
    return this.view.revision;
  }

  /** Counters as of now. */
  get stats(): WatchStats {
    return {
      streams: this.#streams.size,
      watchers: this.#watcherCount,
      slowWatchers: this.#watcherCount - this.#live.watchers.size,
      pendingEvents: this.#live.pendingEvents,
      eventsSent: this.#eventsSent,
    };
  }

  /** Begins a Watch call. */
  open(call: StreamCall): StreamReceiver {
    const stream = new WatchStream(this, call);
    if (stream.closed) return stream;
    this.#streams.add(stream);
    this.#ticker.add(stream, this.#nowMs());
    return stream;
  }

  /** Ends all calls: the server stops (W-16). */
  close(): void {
    this.#endAll(ErrorCode.watchCanceled);
  }

  onChange(change: DeltaRecord): void {
    this.#live.offer(change);
  }

  /** Nothing to do at once: a turn follows every batch of messages that the frontend takes in. */
  onPublished(): void {}

  /**
   * Changes were passed over that nobody was shown: live watchers read them from history, or are cancelled when
   * they are compacted there. Those that catch up already go on from where they are.
   */
  onRestored(previousRevision: number): void {
    this.#live.abandon(previousRevision + 1);
  }

  hasWork(): boolean {
    return (
      this.#live.hasWork ||
      this.#catchUp.hasWork ||
      this.#ticker.hasWork ||
      this.#owed.hasWork ||
      this.#drained.size > 0
    );
  }

  turn(budgetMs: number): void {
    const refusal = this.#options.refusal?.() ?? 0;
    if (refusal !== 0) this.#endAll(refusal);
    this.#resumeDrained();
    // Half for each when both have work, so that neither starves the other.
    this.#live.deliver(this.#startBudget(budgetMs, this.#catchUp.hasWork ? 2 : 1));
    this.#owed.settle();
    this.#tick(this.#startBudget(budgetMs, 4));
    if (this.#catchUp.hasWork) {
      const behind = this.#startBudget(budgetMs, 2);
      do this.#catchUp.step(behind);
      while (this.#catchUp.hasWork && !behind.isSpentNow());
    }
    this.#budget = undefined;
  }

  admit(watcher: Watcher): void {
    this.#watcherCount += 1;
    if (watcher.nextRevision > this.view.revision) this.goLive(watcher);
    else this.lag(watcher, watcher.nextRevision);
  }

  dismiss(watcher: Watcher): void {
    watcher.selection?.home.remove(watcher);
    this.#endWatcher(watcher);
  }

  requestProgress(stream: WatchStream): void {
    if (!stream.isSynced(this.view.revision)) return;
    this.#owed.add(stream, this.view.revision);
    this.#owed.settle();
    if (this.#owed.hasWork) this.#options.wake();
  }

  wrote(bytes: number, events: number): void {
    this.#budget?.spend(bytes);
    this.#eventsSent += events;
  }

  drained(stream: WatchStream): void {
    // Perhaps in the middle of a write: what waits goes on in the next turn.
    this.#drained.add(stream);
    this.#options.wake();
  }

  closed(stream: WatchStream): void {
    this.#streams.delete(stream);
    this.#drained.delete(stream);
    this.#ticker.remove(stream);
  }

  lag(watcher: Watcher, nextRevision: number): void {
    watcher.selection?.home.remove(watcher);
    watcher.state = "lagging";
    watcher.nextRevision = nextRevision;
    if (watcher.outlet.blocked) return watcher.outlet.park(watcher);
    this.#catchUp.join(watcher);
    this.#options.wake();
  }

  goLive(watcher: Watcher): void {
    watcher.state = "live";
    this.#live.watchers.add(watcher);
  }

  compacted(watcher: Watcher): void {
    this.#endWatcher(watcher);
    watcher.outlet.sendCompacted(watcher, this.view.compactRevision);
  }

  #endAll(code: ErrorCode): void {
    for (const stream of [...this.#streams]) stream.end(errorFacts(code));
  }

  /** One that compaction has ended is still cancelled later, to free its id. */
  #endWatcher(watcher: Watcher): void {
    if (watcher.state !== "over") this.#watcherCount -= 1;
    watcher.state = "over";
  }

  #resumeDrained(): void {
    const drained = [...this.#drained];
    this.#drained.clear();
    for (const stream of drained) {
      for (const watcher of stream.unblock()) {
        // A request that was held back may have cancelled it just now.
        if (watcher.state === "lagging") this.#catchUp.join(watcher);
      }
    }
  }

  #tick(budget: TurnBudget): void {
    const now = this.#nowMs();
    while (!budget.isSpent()) {
      const stream = this.#ticker.take(now);
      if (stream === undefined) return;
      if (!stream.closed) stream.tick(this.#live.deliveredRevision);
    }
  }

  #startBudget(turnMs: number, shares: number): TurnBudget {
    const budget = new TurnBudget(this.#nowMs, {
      ms: turnMs / shares,
      bytes: this.#turnBytesMax / shares,
    });
    this.#budget = budget;
    return budget;
  }
}
