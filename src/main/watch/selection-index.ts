// Hot file: every change that is published is looked up here.
import { assert } from "../../shared/assert.js";
import { RangeTree } from "./range-tree.js";
import { Selection, type SelectionHome, type Watcher, type WatcherOptions } from "./watcher.js";

/** Selections of the same keys, by what else they differ in. */
type Variants = Map<number, Selection>;

const VARIANTS = 8;

/**
 * Watchers by the keys they watch. Those that want the same share a selection, so that a change on a key
 * with ten thousand equal watchers costs one lookup and one encoding.
 */
export class SelectionIndex implements SelectionHome {
  readonly #singles = new Map<string, Variants>();
  readonly #ranges = new RangeTree<Variants>();
  readonly #selections = new Set<Selection>();
  #rangeCount = 0;
  #size = 0;

  /** Number of watchers. */
  get size(): number {
    return this.#size;
  }

  /** All selections, in the order they were made. */
  get selections(): Iterable<Selection> {
    return this.#selections;
  }

  /** Adds a watcher that is in no index. `next` as in `Selection`: only watchers with the same share one. */
  add(watcher: Watcher, next = 0): void {
    assert(watcher.selection === undefined, "watcher is in two indexes");
    const { keys } = watcher.options;
    let variants = this.#find(watcher.options);
    if (variants === undefined) {
      variants = new Map();
      if (keys.single) this.#singles.set(keys.start, variants);
      else {
        this.#ranges.add(keys.start, keys.end, variants);
        this.#rangeCount += 1;
      }
    }
    const { options } = watcher;
    const variant = variantOf(options, next);
    let selection = variants.get(variant);
    if (selection === undefined) {
      selection = new Selection({ home: this, options, next, variant });
      variants.set(variant, selection);
      this.#selections.add(selection);
    }
    selection.members.add(watcher);
    watcher.selection = selection;
    this.#size += 1;
  }

  /** Takes a watcher out of this index. */
  remove(watcher: Watcher): void {
    const selection = watcher.selection;
    assert(selection?.home === this, "watcher is not in this index");
    watcher.selection = undefined;
    selection.members.delete(watcher);
    this.#size -= 1;
    if (selection.members.size > 0) return;
    this.#selections.delete(selection);
    const { keys } = selection;
    const variants = this.#find(watcher.options);
    variants?.delete(selection.variant);
    if (variants?.size !== 0) return;
    if (keys.single) this.#singles.delete(keys.start);
    else {
      this.#ranges.delete(keys.start, keys.end);
      this.#rangeCount -= 1;
    }
  }

  /** Whether anybody watches a key. */
  has(key: string): boolean {
    if (this.#singles.has(key)) return true;
    return this.#rangeCount > 0 && this.#ranges.visit(key, () => true);
  }

  /** Visits the selections of a key. The visitor must not change the index. */
  visit(key: string, visitor: (selection: Selection) => void): void {
    const single = this.#singles.get(key);
    if (single !== undefined) for (const selection of single.values()) visitor(selection);
    if (this.#rangeCount === 0) return;
    this.#ranges.visit(key, (variants) => {
      for (const selection of variants.values()) visitor(selection);
      return false;
    });
  }

  #find({ keys }: WatcherOptions): Variants | undefined {
    return keys.single ? this.#singles.get(keys.start) : this.#ranges.find(keys.start, keys.end);
  }
}

function variantOf({ prevKv, noPut, noDelete }: WatcherOptions, next: number): number {
  return next * VARIANTS + (prevKv ? 1 : 0) + (noPut ? 2 : 0) + (noDelete ? 4 : 0);
}
