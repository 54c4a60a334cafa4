import type { StoreContent } from "./store-content.js";

/** A snapshot in a file of its own: complete and on disk, as soon as it is there. */
export interface StoredSnapshot {
  readonly path: string;
  readonly index: number;
  readonly term: number;
  readonly content: StoreContent;
}

/** The snapshots that a member was sent. They outlive its processes. */
export class SnapshotShelf {
  readonly #files = new Map<string, StoredSnapshot>();

  /** Puts a snapshot into a file. */
  keep(content: StoreContent): StoredSnapshot {
    const { appliedIndex: index, appliedTerm: term } = content.state;
    const path = `${index}-${term}.snapshot`;
    const stored = { path, index, term, content };
    this.#files.set(path, stored);
    return stored;
  }

  /** What a file holds. */
  get(path: string): StoredSnapshot | undefined {
    return this.#files.get(path);
  }

  /** The newest one, which a member looks at when it starts. */
  newest(): StoredSnapshot | undefined {
    return [...this.#files.values()].sort((a, b) => b.index - a.index)[0];
  }

  /** Removes a file. */
  discard(path: string): void {
    this.#files.delete(path);
  }
}
