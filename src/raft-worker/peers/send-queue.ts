import {
  CONTROL_BYTES_MAX,
  ENVELOPE_BYTES,
  OFFLINE_QUEUE_BYTES,
  QUEUE_BYTES_MAX,
} from "./bounds.js";
import { itemBytes, type PeerItem } from "./items.js";

/**
 * What waits for one peer, in two lanes: entries and proposals, and everything else. The second goes
 * first: a heartbeat or a vote must not wait behind megabytes of entries on a slow link. Within a lane the
 * order is kept. A full lane takes nothing new: what is in it came first, and the log goes on from there.
 */
export class SendQueue {
  readonly #control = new Lane();
  readonly #bulk = new Lane();

  /** Adds an item; false when there is no room. With `isOffline` there is less. */
  add(item: PeerItem, isOffline: boolean): boolean {
    if (!isBulk(item)) return this.#control.add(item, CONTROL_BYTES_MAX);
    this.#dropObsolete(item);
    return this.#bulk.add(item, isOffline ? OFFLINE_QUEUE_BYTES : QUEUE_BYTES_MAX);
  }

  get isEmpty(): boolean {
    return this.#control.isEmpty && this.#bulk.isEmpty;
  }

  /** Takes what fits one envelope, at least one item; nothing when there is nothing. */
  take(): PeerItem[] {
    const items: PeerItem[] = [];
    const bytes = this.#control.take(items, 0);
    this.#bulk.take(items, bytes);
    return items;
  }

  clear(): void {
    this.#control.clear();
    this.#bulk.clear();
  }

  /**
   * A leader that goes back in its log sends everything from there again; what it sent from there before
   * and has not left yet would only keep the new one waiting.
   */
  #dropObsolete(item: PeerItem): void {
    const prevIndex = prevIndexOf(item);
    if (prevIndex === undefined) return;
    for (;;) {
      const last = this.#bulk.last;
      const lastPrevIndex = last === undefined ? undefined : prevIndexOf(last);
      if (lastPrevIndex === undefined || lastPrevIndex < prevIndex) return;
      this.#bulk.dropLast();
    }
  }
}

function isBulk(item: PeerItem): boolean {
  if (item.kind !== "message") return false;
  const { kind } = item.message;
  return kind === "appendRequest" || kind === "proposeRequest" || kind === "proposeRefused";
}

function prevIndexOf(item: PeerItem): number | undefined {
  if (item.kind !== "message" || item.message.kind !== "appendRequest") return undefined;
  return item.message.prevIndex;
}

/** Items in order, with a bound on their bytes. */
class Lane {
  #items: PeerItem[] = [];
  #sizes: number[] = [];
  #taken = 0;
  #bytes = 0;

  get isEmpty(): boolean {
    return this.#taken === this.#items.length;
  }

  /** The newest item that waits. */
  get last(): PeerItem | undefined {
    return this.isEmpty ? undefined : this.#items.at(-1);
  }

  add(item: PeerItem, bytesMax: number): boolean {
    const size = itemBytes(item);
    // A single item larger than the bound must get through, or it never would.
    if (!this.isEmpty && this.#bytes + size > bytesMax) return false;
    this.#items.push(item);
    this.#sizes.push(size);
    this.#bytes += size;
    return true;
  }

  dropLast(): void {
    this.#items.pop();
    this.#bytes -= this.#sizes.pop() ?? 0;
  }

  /** Moves items to an envelope that has `bytes` so far, while they fit; the bytes that it has then. */
  take(envelope: PeerItem[], bytes: number): number {
    let filled = bytes;
    for (; this.#taken < this.#items.length; this.#taken += 1) {
      const item = this.#items[this.#taken];
      const size = this.#sizes[this.#taken] ?? 0;
      if (item === undefined || (filled > 0 && filled + size > ENVELOPE_BYTES)) break;
      envelope.push(item);
      filled += size;
      this.#bytes -= size;
    }
    if (this.isEmpty) this.clear();
    return filled;
  }

  clear(): void {
    this.#items = [];
    this.#sizes = [];
    this.#taken = 0;
    this.#bytes = 0;
  }
}
