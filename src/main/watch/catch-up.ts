// Hot file: watchers that are behind read history here.
import { assert } from "../../shared/assert.js";
import { WATCH_CATCH_UP_REVISIONS_MAX } from "../../shared/limits.js";
import { keyString } from "../../shared/mvcc/key-string.js";
import type { ReadView } from "../../shared/mvcc/read-view.js";
import type { Change } from "../../shared/mvcc/types.js";
import { EncodedEvent } from "./encoded-event.js";
import { previousValue } from "./previous-value.js";
import { SelectionIndex } from "./selection-index.js";
import type { TurnBudget } from "./turn-budget.js";
import type { Selection, Watcher } from "./watcher.js";

/** What catching up needs of the hub. */
export interface CatchUpHost {
  readonly view: ReadView;
  /** Takes a watcher that has been sent everything up to the view's revision. */
  goLive(watcher: Watcher): void;
  /** Takes a watcher whose next revision is compacted. */
  compacted(watcher: Watcher): void;
}

/** Bounds of the work of catching up; tests make them small. */
export interface CatchUpLimits {
  /** Watchers that share one scan. */
  readonly batchSizeMax: number;
  /** Revisions that a watcher may be ahead of a scan that it joins. */
  readonly joinSpan: number;
  /** Changes read, and event bytes gathered, in one slice, rounded up to whole revisions. */
  readonly sliceChangesMax: number;
  readonly sliceBytesMax: number;
  /** Event bytes that end a response, rounded up to whole revisions. */
  readonly responseBytesMax: number;
}

/** Watchers at about the same place in history, which one scan serves. */
interface Scan {
  readonly members: SelectionIndex;
  /** The next revision to read; no member needs an older one. */
  cursor: number;
}

/** How many scans a joining watcher is compared with: the newest ones. */
const JOIN_TRIES = 8;

/**
 * Brings lagging watchers to the present (W-21, W-41): scans of the history, shared by watchers at about the
 * same place, a slice at a time, round robin. A watcher whose stream is blocked leaves its scan and comes back
 * when the stream was taken from, so that a stream never holds more than its window and one response.
 */
export class CatchUp {
  readonly #host: CatchUpHost;
  readonly #limits: CatchUpLimits;
  readonly #previous: (event: EncodedEvent) => Uint8Array | undefined;
  /** The scan to go on with comes first. */
  #scans: Scan[] = [];

  constructor(host: CatchUpHost, limits: CatchUpLimits) {
    this.#host = host;
    this.#limits = limits;
    this.#previous = (event) => previousValue(host.view, event);
  }

  /** Whether `step` has something to do. */
  get hasWork(): boolean {
    return this.#scans.length > 0;
  }

  /** Takes a lagging watcher, whose stream is not blocked. */
  join(watcher: Watcher): void {
    const { batchSizeMax, joinSpan } = this.#limits;
    const next = watcher.nextRevision;
    const scan = this.#scans
      .slice(-JOIN_TRIES)
      .find(
        ({ cursor, members }) =>
          cursor <= next && next - cursor <= joinSpan && members.size < batchSizeMax,
      );
    if (scan !== undefined) return scan.members.add(watcher, next);
    const members = new SelectionIndex();
    members.add(watcher, next);
    this.#scans.push({ members, cursor: next });
  }

  /** Does one slice of one scan. */
  step(budget: TurnBudget): void {
    // Off the list while it runs: nobody may join a scan that is half-way through a slice.
    const scan = this.#scans.shift();
    if (scan === undefined) return;
    this.#cancelCompacted(scan);
    if (scan.members.size > 0) this.#slice(scan, budget);
    if (scan.members.size > 0) this.#scans.push(scan);
  }

  #slice(scan: Scan, budget: TurnBudget): void {
    const { view } = this.#host;
    const { sliceChangesMax, sliceBytesMax } = this.#limits;
    const { members } = scan;
    let main = 0;
    let changes = 0;
    let bytes = 0;
    let stop = 0;
    let touched: Selection[] = [];
    view.changes(scan.cursor, (change) => {
      if (change.main !== main) {
        // Responses and slices end between revisions only (W-42).
        this.#endRevision(touched, main);
        touched = [];
        const full = changes >= sliceChangesMax || bytes >= sliceBytesMax;
        if (changes > 0 && (full || members.size === 0 || budget.isSpent())) {
          stop = change.main;
          return false;
        }
        main = change.main;
      }
      changes += 1;
      bytes += this.#gather(members, change, touched);
      return true;
    });
    if (stop === 0) stop = view.revision + 1;
    assert(stop > scan.cursor, "catching up does not move", { stop, cursor: scan.cursor });
    for (const selection of [...members.selections]) this.#flush(selection, stop);
    scan.cursor = stop;
    if (stop > view.revision) this.#finish(scan);
  }

  /** Gives a change to those who want it; returns the bytes that their responses grew by. */
  #gather(members: SelectionIndex, change: Change, touched: Selection[]): number {
    const { main } = change;
    const keyText = keyString(change.key);
    let event: EncodedEvent | undefined;
    let bytes = 0;
    members.visit(keyText, (selection) => {
      if (selection.next > main || !selection.wants(change)) return;
      event ??= new EncodedEvent(change, keyText);
      if (selection.gather(event, this.#previous)) touched.push(selection);
      bytes += event.plain.length;
    });
    return bytes;
  }

  #endRevision(touched: readonly Selection[], main: number): void {
    const { responseBytesMax } = this.#limits;
    for (const selection of touched) {
      const full =
        selection.revisions >= WATCH_CATCH_UP_REVISIONS_MAX ||
        (selection.batch?.bytes ?? 0) >= responseBytesMax;
      if (full) this.#flush(selection, main + 1);
    }
  }

  /** Sends what was gathered. Afterwards the members have everything below `next`, or have left. */
  #flush(selection: Selection, next: number): void {
    selection.next = Math.max(selection.next, next);
    const batch = selection.takeBatch();
    for (const watcher of selection.members) {
      if (batch !== undefined && watcher.outlet.blocked) {
        // Its next revision is still that of the last flush: it will read this part again.
        selection.home.remove(watcher);
        watcher.outlet.park(watcher);
        continue;
      }
      watcher.nextRevision = selection.next;
      // The store's revision of now, though older events may still follow (W-41).
      if (batch !== undefined) watcher.outlet.sendEvents(watcher, this.#host.view.revision, batch);
    }
  }

  #finish({ members }: Scan): void {
    for (const selection of [...members.selections]) {
      for (const watcher of [...selection.members]) {
        members.remove(watcher);
        this.#host.goLive(watcher);
      }
    }
  }

  /** Lets go of the members that compaction has overtaken (C-13, W-30). */
  #cancelCompacted(scan: Scan): void {
    const { compactRevision } = this.#host.view;
    if (scan.cursor >= compactRevision) return;
    for (const selection of [...scan.members.selections]) {
      if (selection.next >= compactRevision) continue;
      for (const watcher of [...selection.members]) {
        scan.members.remove(watcher);
        this.#host.compacted(watcher);
      }
    }
    scan.cursor = compactRevision;
  }
}
