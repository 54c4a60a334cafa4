import type { Change } from "../linearizability/history.js";
import type { KeyView } from "../linearizability/kv-operation.js";

/** An event as a watcher got it. */
export interface WatchedEvent {
  readonly change: Change;
  /** prev_kv; undefined when none came. */
  readonly previous: KeyView | undefined;
}

/** A response of a watch. `revision` is the header's. */
export type WatchEntry =
  | { readonly kind: "created"; readonly revision: number }
  | {
      readonly kind: "events";
      readonly revision: number;
      readonly events: readonly WatchedEvent[];
      /** More of this revision follows in the next response. */
      readonly isFragment?: boolean;
    }
  | { readonly kind: "progress"; readonly revision: number }
  | { readonly kind: "canceled"; readonly compactRevision: number };

/** One watch from its creation on: what was asked, and all that came. */
export interface WatchRecord {
  readonly name: string;
  readonly key: string;
  /** As etcd has it: undefined is the one key, "\0" every key from `key` on. */
  readonly rangeEnd?: string;
  /** 0: from the creation on. */
  readonly startRevision: number;
  /**
   * With 0: a revision that the store was known to have before the call. A write between registration and the
   * created header is counted in that header and delivered all the same. The header's by default.
   */
  readonly calledAt?: number;
  readonly prevKv: boolean;
  /** Kinds that it does not want. */
  readonly filters: readonly Change["kind"][];
  readonly entries: readonly WatchEntry[];
}

/** The nine promises of a watch; "true" is that what it tells happened at all, and so. */
export type WatchPromise =
  | "ordered"
  | "unique"
  | "reliable"
  | "atomic"
  | "resumable"
  | "bookmarkable"
  | "prev_kv"
  | "filters"
  | "initial revision"
  | "true";

/** A promise that was broken. */
export interface Violation {
  readonly promise: WatchPromise;
  readonly watch: string;
  readonly text: string;
}

/** Whether a watch asked for a key. */
export function isInRange({ key, rangeEnd }: WatchRecord, asked: string): boolean {
  if (rangeEnd === undefined) return asked === key;
  return asked >= key && (rangeEnd === "\0" || asked < rangeEnd);
}
