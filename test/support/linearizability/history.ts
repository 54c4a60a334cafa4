import type { KeyView } from "./kv-operation.js";

/** One change of one key, as a watch tells it. */
export type Change =
  | ({ readonly kind: "put"; readonly key: string } & KeyView)
  | { readonly kind: "delete"; readonly key: string; readonly modRevision: number };

/** All changes of one revision, in their order. */
export interface RevisionChanges {
  readonly revision: number;
  readonly changes: readonly Change[];
}

/** What happened to a store, whole: every revision after the first, none left out. */
export class History {
  readonly revisions: readonly RevisionChanges[];
  /** By key: its states, the newest last. */
  readonly #byKey = new Map<string, { revision: number; view: KeyView | undefined }[]>();

  /** Throws when a revision is missing, or when a put's revisions and version do not follow. */
  constructor(revisions: readonly RevisionChanges[]) {
    this.revisions = revisions;
    for (const [index, { revision, changes }] of revisions.entries()) {
      if (revision !== index + 2)
        throw new Error(`history: ${revision} where ${index + 2} belongs`);
      for (const change of changes) this.#add(revision, change);
    }
  }

  /** The newest revision. */
  get last(): number {
    return this.revisions.length + 1;
  }

  /** The changes of a revision; none when the history does not reach it. */
  at(revision: number): readonly Change[] {
    return this.revisions[revision - 2]?.changes ?? [];
  }

  /** A key as a revision left it; undefined when it was not there. */
  stateAt(key: string, revision: number): KeyView | undefined {
    const states = this.#byKey.get(key) ?? [];
    let low = 0;
    let high = states.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((states[middle]?.revision ?? 0) <= revision) low = middle + 1;
      else high = middle;
    }
    return states[low - 1]?.view;
  }

  #add(revision: number, change: Change): void {
    const states = this.#byKey.get(change.key) ?? [];
    this.#byKey.set(change.key, states);
    const before = states.at(-1)?.view;
    if (change.kind === "delete") {
      const fits = before !== undefined && change.modRevision === revision;
      if (!fits) throw new Error(`history: ${describeChange(change)} at ${revision}`);
      states.push({ revision, view: undefined });
      return;
    }
    const { kind: _, key: __, ...view } = change;
    const fits =
      view.modRevision === revision &&
      view.createRevision === (before?.createRevision ?? revision) &&
      view.version === (before?.version ?? 0) + 1;
    if (!fits) throw new Error(`history: ${describeChange(change)} at ${revision} does not follow`);
    states.push({ revision, view });
  }
}

/** One line that says everything about a change. */
export function describeChange(change: Change): string {
  if (change.kind === "delete") return `delete ${change.key} mod=${change.modRevision}`;
  return `put ${change.key}=${describeView(change)}`;
}

/** One line that says everything about a key's state. */
export function describeView(view: KeyView | undefined): string {
  if (view === undefined) return "nothing";
  const { value, createRevision, modRevision, version } = view;
  return `${value} create=${createRevision} mod=${modRevision} version=${version}`;
}
