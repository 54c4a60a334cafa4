import type { EncodedEvent } from "./encoded-event.js";
import { EventBatch } from "./event-batch.js";
import { watchIdField } from "./watch-response.js";

/** Where a watcher's responses go: its stream, as delivery sees it. */
export interface Outlet {
  /** More was written than the client has taken: events have to wait (W-47). */
  readonly blocked: boolean;
  /** Sends events as one response, or as fragments when the watcher wants that. */
  sendEvents(watcher: Watcher, revision: number, batch: EventBatch): void;
  /** Tells that compaction has overtaken the watcher. */
  sendCompacted(watcher: Watcher, compactRevision: number): void;
  /** Keeps a lagging watcher until the stream is no longer blocked. */
  park(watcher: Watcher): void;
}

/** The keys of a watcher, as latin1 strings: start <= key < end, or exactly `start`. */
export interface WatchedKeys {
  readonly start: string;
  /** Undefined: no upper bound. Unused when `single`. */
  readonly end: string | undefined;
  readonly single: boolean;
}

/** What a watcher was created with. */
export interface WatcherOptions {
  readonly id: bigint;
  readonly outlet: Outlet;
  readonly keys: WatchedKeys;
  /** As asked for; 0: from now on. */
  readonly startRevision: number;
  readonly prevKv: boolean;
  readonly fragment: boolean;
  readonly progressNotify: boolean;
  readonly noPut: boolean;
  readonly noDelete: boolean;
}

/**
 * Where a watcher stands. Live: it is sent changes as they are published. Lagging: it catches up from
 * history, or waits for its stream to be taken from. Over: compacted or cancelled; nothing is sent any more.
 */
export type WatcherState = "live" | "lagging" | "over";

/** One watcher of one stream. */
export class Watcher {
  readonly options: WatcherOptions;
  readonly outlet: Outlet;
  /** The id as it stands in responses. */
  readonly idField: Uint8Array;
  state: WatcherState = "lagging";
  /**
   * The lowest revision whose events this watcher may still be sent. Everything below was sent, or was
   * not asked for.
   */
  nextRevision: number;
  /** No events since the last tick (W-50). */
  idle = true;
  /** Where it is looked up by key; undefined while it is parked or over. */
  selection: Selection | undefined;

  constructor(options: WatcherOptions, nextRevision: number) {
    this.options = options;
    this.outlet = options.outlet;
    this.idField = watchIdField(options.id);
    this.nextRevision = nextRevision;
  }
}

/** An index that selections live in. */
export interface SelectionHome {
  remove(watcher: Watcher): void;
}

/** Watchers that want the same events of the same keys: found, filtered and encoded for once. */
export class Selection {
  readonly home: SelectionHome;
  readonly keys: WatchedKeys;
  readonly prevKv: boolean;
  readonly noPut: boolean;
  readonly noDelete: boolean;
  readonly members = new Set<Watcher>();
  /** Events below are not for the members. Used while catching up; live members differ and say it themselves. */
  next: number;
  /** Events found and not sent yet, and the number of revisions they are of. */
  batch: EventBatch | undefined;
  revisions = 0;
  /** The newest revision among them. */
  newest = 0;

  /** Tells it from other selections of the same keys. */
  readonly variant: number;

  constructor(place: {
    readonly home: SelectionHome;
    readonly options: WatcherOptions;
    readonly next: number;
    readonly variant: number;
  }) {
    const { home, options, next, variant } = place;
    this.home = home;
    this.variant = variant;
    this.keys = options.keys;
    this.prevKv = options.prevKv;
    this.noPut = options.noPut;
    this.noDelete = options.noDelete;
    this.next = next;
  }

  /** Whether the filters let a change pass (W-27). */
  wants(change: { readonly tombstone: boolean }): boolean {
    return change.tombstone ? !this.noDelete : !this.noPut;
  }

  /** Takes an event. True when it is the first of its revision here. */
  gather(event: EncodedEvent, previous: (event: EncodedEvent) => Uint8Array | undefined): boolean {
    this.batch ??= new EventBatch();
    this.batch.add(this.prevKv ? event.withPrevious(previous) : event.plain);
    if (this.newest === event.main) return false;
    this.newest = event.main;
    this.revisions += 1;
    return true;
  }

  /** Gives what was gathered, if anything, and starts over. */
  takeBatch(): EventBatch | undefined {
    const batch = this.batch;
    this.batch = undefined;
    this.revisions = 0;
    this.newest = 0;
    return batch;
  }
}
