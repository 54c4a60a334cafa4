// Hot file: from a published change to the responses of the watchers that are up to date.
import type { DeltaRecord } from "../../shared/mvcc/delta-record.js";
import type { ReadView } from "../../shared/mvcc/read-view.js";
import { EncodedEvent } from "./encoded-event.js";
import type { EventBatch } from "./event-batch.js";
import { previousValue } from "./previous-value.js";
import { SelectionIndex } from "./selection-index.js";
import type { TurnBudget } from "./turn-budget.js";
import type { Selection, Watcher } from "./watcher.js";

/** What the live path needs of the hub. */
export interface LiveHost {
  readonly view: ReadView;
  /** Takes a watcher that left the live path: it needs everything from a revision on. */
  lag(watcher: Watcher, nextRevision: number): void;
}

/** The responses of one revision, on their way out. */
interface Delivery {
  readonly main: number;
  readonly targets: readonly Watcher[];
  /** One per target; equal watchers share it. */
  readonly batches: readonly EventBatch[];
  sent: number;
}

/** What an event waiting for delivery costs besides its bytes. */
const EVENT_OVERHEAD_BYTES = 200;

/**
 * The live path. A change is looked up and encoded while it is published, because delta memory does not
 * wait; its responses, one per watcher and revision (W-40), go out in the hub's turns. The queue between the two
 * is bounded: when it is full, the live watchers go to catch-up, which sends many revisions at once.
 */
export class LiveDelivery {
  /** The watchers that are up to date. */
  readonly watchers = new SelectionIndex();
  readonly #host: LiveHost;
  readonly #queueBytesMax: number;
  readonly #previous: (event: EncodedEvent) => Uint8Array | undefined;
  #queue: EncodedEvent[] = [];
  #head = 0;
  #queuedBytes = 0;
  #delivery: Delivery | undefined;

  constructor(host: LiveHost, queueBytesMax: number) {
    this.#host = host;
    this.#queueBytesMax = queueBytesMax;
    this.#previous = (event) => previousValue(host.view, event);
  }

  /** Whether `deliver` has something to do. */
  get hasWork(): boolean {
    return this.#delivery !== undefined || this.#head < this.#queue.length;
  }

  /** Events taken and not delivered yet. */
  get pendingEvents(): number {
    return this.#queue.length - this.#head;
  }

  /** Every live watcher was sent everything up to here. Not to be asked while a state is being published. */
  get deliveredRevision(): number {
    return this.#undelivered === undefined ? this.#host.view.revision : this.#undelivered - 1;
  }

  /** Takes a change of the state that is being published. */
  offer(change: DeltaRecord): void {
    if (this.watchers.size === 0) return;
    const keyText = change.keyText;
    if (!this.watchers.has(keyText)) return;
    if (this.#queuedBytes > this.#queueBytesMax) return this.abandon(change.main);
    const event = new EncodedEvent(change, keyText);
    this.#queuedBytes += event.plain.length + EVENT_OVERHEAD_BYTES;
    this.#queue.push(event);
  }

  /** Sends responses until there are none left or the budget is spent. */
  deliver(budget: TurnBudget): void {
    for (;;) {
      this.#delivery ??= this.#next();
      if (this.#delivery === undefined) return;
      if (!this.#send(this.#delivery, budget)) return;
      this.#delivery = undefined;
    }
  }

  /**
   * Leaves to catching up what was offered, and what there is from `main` on that was not: whoever would miss
   * something of it goes.
   */
  abandon(main: number): void {
    const from = this.#undelivered ?? main;
    this.#queue = [];
    this.#head = 0;
    this.#queuedBytes = 0;
    this.#delivery = undefined;
    for (const selection of [...this.watchers.selections]) {
      for (const watcher of [...selection.members]) {
        const next = Math.max(watcher.nextRevision, from);
        // Whoever waits for a future revision misses nothing.
        if (next <= this.#host.view.revision) this.#host.lag(watcher, next);
      }
    }
  }

  /** The oldest revision that is not delivered completely. */
  get #undelivered(): number | undefined {
    return this.#delivery?.main ?? this.#queue[this.#head]?.main;
  }

  /** Takes the next revision from the queue, all of it. */
  #next(): Delivery | undefined {
    const first = this.#queue[this.#head];
    if (first === undefined) return undefined;
    const { main } = first;
    const touched: Selection[] = [];
    for (;;) {
      const event = this.#queue[this.#head];
      if (event === undefined || event.main !== main) break;
      this.#head += 1;
      this.#queuedBytes -= event.plain.length + EVENT_OVERHEAD_BYTES;
      this.watchers.visit(event.keyText, (selection) => {
        if (selection.wants(event) && selection.gather(event, this.#previous)) {
          touched.push(selection);
        }
      });
    }
    this.#trim();
    return deliveryOf(main, touched);
  }

  #send(delivery: Delivery, budget: TurnBudget): boolean {
    const { main, targets, batches } = delivery;
    while (delivery.sent < targets.length) {
      if (budget.isSpent()) return false;
      const watcher = targets[delivery.sent]!;
      const batch = batches[delivery.sent]!;
      delivery.sent += 1;
      // It may have been cancelled, or have left the live path, since the targets were listed.
      if (watcher.state !== "live" || watcher.nextRevision > main) continue;
      if (watcher.outlet.blocked) {
        this.#host.lag(watcher, main);
        continue;
      }
      watcher.nextRevision = main + 1;
      watcher.outlet.sendEvents(watcher, main, batch);
    }
    return true;
  }

  /** Lets go of what was taken, without moving the rest each time. */
  #trim(): void {
    if (this.#head === this.#queue.length) {
      this.#queue = [];
      this.#head = 0;
    } else if (this.#head > 1024 && this.#head * 2 > this.#queue.length) {
      this.#queue = this.#queue.slice(this.#head);
      this.#head = 0;
    }
  }
}

function deliveryOf(main: number, touched: readonly Selection[]): Delivery {
  const targets: Watcher[] = [];
  const batches: EventBatch[] = [];
  for (const selection of touched) {
    const batch = selection.takeBatch();
    if (batch === undefined) continue;
    for (const watcher of selection.members) {
      targets.push(watcher);
      batches.push(batch);
    }
  }
  return { main, targets, batches, sent: 0 };
}
