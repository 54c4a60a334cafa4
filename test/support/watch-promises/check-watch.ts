import {
  type Change,
  describeChange,
  describeView,
  type History,
} from "../linearizability/history.js";
import {
  isInRange,
  type Violation,
  type WatchEntry,
  type WatchedEvent,
  type WatchPromise,
  type WatchRecord,
} from "./watch-record.js";

/** What is known besides the history. */
export interface WatchFacts {
  /** The highest revision that anybody compacted; what is below may be refused, and prev_kv be missing. */
  readonly compactedRevision?: number;
  /** The watch ran long enough to have everything up to here, unless it was canceled. */
  readonly until?: number;
}

/** Holds one watch against the history; gives every promise that it broke. */
export function checkWatch(
  record: WatchRecord,
  history: History,
  facts: WatchFacts = {},
): Violation[] {
  return new WatchCheck(record, history, facts).run();
}

class WatchCheck {
  readonly #record: WatchRecord;
  readonly #history: History;
  readonly #facts: WatchFacts;
  readonly #violations: Violation[] = [];
  readonly #seen = new Set<string>();
  /** The revision up to which everything was delivered, or lies before the watch. */
  #deliveredTo: number | undefined;
  #firstRevision = 0;
  #newestRevision = 0;
  #bookmark = 0;
  #openFragment: number | undefined;
  #isCanceled = false;

  constructor(record: WatchRecord, history: History, facts: WatchFacts) {
    this.#record = record;
    this.#history = history;
    this.#facts = facts;
  }

  run(): Violation[] {
    for (const entry of this.#record.entries) this.#take(entry);
    const { until } = this.#facts;
    if (until !== undefined && !this.#isCanceled) this.#deliveredAll(until, "reliable");
    return this.#violations;
  }

  #take(entry: WatchEntry): void {
    if (entry.kind === "created") {
      if (this.#deliveredTo !== undefined) this.#broken("unique", "created twice");
      const { startRevision, calledAt } = this.#record;
      const since = startRevision === 0 ? entry.revision : startRevision - 1;
      this.#firstRevision =
        startRevision === 0 ? Math.min(calledAt ?? since, since) + 1 : startRevision;
      this.#deliveredTo ??= since;
      return;
    }
    if (this.#deliveredTo === undefined || this.#isCanceled) {
      this.#broken("initial revision", `${entry.kind} outside of the watch's life`);
      this.#deliveredTo ??= entry.kind === "canceled" ? 0 : entry.revision;
    }
    switch (entry.kind) {
      case "events":
        return this.#takeEvents(entry);
      case "progress":
        return this.#takeProgress(entry.revision);
      case "canceled":
        return this.#takeCancel(entry.compactRevision);
    }
  }

  #takeEvents(entry: Extract<WatchEntry, { kind: "events" }>): void {
    const fragmentOf = this.#openFragment;
    this.#openFragment = undefined;
    for (const [revision, events] of byRevision(entry.events)) {
      if (revision > entry.revision) {
        this.#broken("true", `an event of revision ${revision} under header ${entry.revision}`);
      }
      const isLast = revision === entry.events.at(-1)?.change.modRevision;
      const isOpen = entry.isFragment === true && isLast;
      for (const event of events) this.#takeEvent(event);
      this.#checkPlace(revision, fragmentOf);
      if (!isOpen) this.#checkWhole(revision);
      else this.#openFragment = revision;
      this.#newestRevision = Math.max(this.#newestRevision, revision);
    }
  }

  /** One event by itself: did it happen, was it asked for, is its past right. */
  #takeEvent({ change, previous }: WatchedEvent): void {
    const { key, modRevision } = change;
    const text = describeChange(change);
    if (this.#seen.has(`${modRevision} ${key}`)) this.#broken("unique", `${text} came again`);
    this.#seen.add(`${modRevision} ${key}`);
    const truth = this.#history.at(modRevision).find((one) => one.key === key);
    if (truth === undefined || describeChange(truth) !== text) {
      const told = truth === undefined ? "never happened" : `was ${describeChange(truth)}`;
      this.#broken("true", `${text} ${told}`);
    }
    if (!this.#isAskedFor(change)) this.#broken("filters", `${text} was not asked for`);
    if (modRevision < this.#firstRevision) {
      this.#broken("initial revision", `${text} is before revision ${this.#firstRevision}`);
    }
    if (modRevision <= this.#bookmark) {
      this.#broken("bookmarkable", `${text} came after progress ${this.#bookmark}`);
    }
    this.#checkPrevious(change, previous);
  }

  #checkPrevious(change: Change, previous: WatchedEvent["previous"]): void {
    const before = this.#history.stateAt(change.key, change.modRevision - 1);
    const expected = this.#record.prevKv ? before : undefined;
    if (describeView(previous) === describeView(expected)) return;
    const isCompacted = change.modRevision - 1 <= (this.#facts.compactedRevision ?? 0);
    if (previous === undefined && isCompacted) return;
    const told = `${describeView(previous)}, not ${describeView(expected)}`;
    this.#broken("prev_kv", `${describeChange(change)} with ${told}`);
  }

  /** A revision's place among what came before it. */
  #checkPlace(revision: number, fragmentOf: number | undefined): void {
    if (revision < this.#newestRevision) {
      this.#broken("ordered", `revision ${revision} after ${this.#newestRevision}`);
    } else if (revision === this.#newestRevision && revision !== fragmentOf) {
      this.#broken("atomic", `revision ${revision} is split over responses`);
    } else {
      const isFirst = this.#newestRevision === 0;
      // What it was registered in time for, before its created header, it has from there on without a gap.
      if (isFirst) this.#deliveredTo = Math.min(this.#deliveredTo ?? 0, revision - 1);
      this.#deliveredAll(revision - 1, isFirst ? this.#startPromise() : "reliable");
    }
  }

  #startPromise(): WatchPromise {
    return this.#record.startRevision === 0 ? "initial revision" : "resumable";
  }

  /** A revision that has come must have come whole. */
  #checkWhole(revision: number): void {
    const missing = this.#missing(revision);
    if (missing.length > 0)
      this.#broken("atomic", `revision ${revision} lacks ${missing.join("; ")}`);
    this.#deliveredTo = Math.max(this.#deliveredTo ?? 0, revision);
  }

  #takeProgress(revision: number): void {
    if (revision < this.#bookmark) {
      this.#broken("bookmarkable", `progress ${revision} after ${this.#bookmark}`);
    }
    this.#deliveredAll(revision, "bookmarkable");
    this.#bookmark = Math.max(this.#bookmark, revision);
  }

  #takeCancel(compactRevision: number): void {
    this.#isCanceled = true;
    if (compactRevision === 0) return;
    const next = (this.#deliveredTo ?? 0) + 1;
    const compacted = this.#facts.compactedRevision ?? 0;
    if (compactRevision > compacted || next >= compactRevision) {
      const told = `${compactRevision}, while it needs ${next} and ${compacted} is compacted`;
      this.#broken("resumable", `canceled for compaction at ${told}`);
    }
  }

  /** Everything asked for up to this revision must have come. */
  #deliveredAll(revision: number, promise: WatchPromise): void {
    const from = (this.#deliveredTo ?? 0) + 1;
    for (let one = from; one <= Math.min(revision, this.#history.last); one += 1) {
      const missing = this.#missing(one);
      if (missing.length > 0) this.#broken(promise, `nothing came of ${missing.join("; ")}`);
    }
    this.#deliveredTo = Math.max(this.#deliveredTo ?? 0, revision);
  }

  #missing(revision: number): string[] {
    return this.#history
      .at(revision)
      .filter((change) => this.#isAskedFor(change) && !this.#seen.has(`${revision} ${change.key}`))
      .map(describeChange);
  }

  #isAskedFor(change: Change): boolean {
    return isInRange(this.#record, change.key) && !this.#record.filters.includes(change.kind);
  }

  #broken(promise: WatchPromise, text: string): void {
    this.#violations.push({ promise, watch: this.#record.name, text });
  }
}

/** Runs of events of one revision, in the order in which they came. */
function byRevision(events: readonly WatchedEvent[]): [number, WatchedEvent[]][] {
  const runs: [number, WatchedEvent[]][] = [];
  for (const event of events) {
    const last = runs.at(-1);
    if (last?.[0] === event.change.modRevision) last[1].push(event);
    else runs.push([event.change.modRevision, [event]]);
  }
  return runs;
}
